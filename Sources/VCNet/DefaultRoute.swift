internal import CVCLinux
internal import Glibc
public import VCCore

/// The address of this machine that packets to the internet leave with.
public enum DefaultRoute {
    /// Asks the routing table by connecting a socket, which sends nothing. IPv4 first: its
    /// addresses are the ones that people can type. Nil without a default route.
    public static var address: Endpoint? {
        // TEST-NET-1 (RFC 5737) and the documentation prefix (RFC 3849): routed like any address.
        let probes = [
            Endpoint(ipv4: 0xC000_0201, port: 9),
            Endpoint(high: 0x2001_0DB8_0000_0000, low: 1, port: 9),
        ]
        for probe in probes {
            if let found = source(towards: probe) { return found.with(port: 0) }
        }
        return nil
    }

    private static func source(towards destination: Endpoint) -> Endpoint? {
        guard let socket = try? UDPSocket() else { return nil }
        var address = destination.socketAddress6
        let connected = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(
                    socket.descriptorNumber, $0, socklen_t(MemoryLayout<sockaddr_in6>.size))
            }
        }
        guard connected == 0 else { return nil }
        var local = sockaddr_in6()
        var size = socklen_t(MemoryLayout<sockaddr_in6>.size)
        let named = unsafe withUnsafeMutablePointer(to: &local) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getsockname(socket.descriptorNumber, $0, &size)
            }
        }
        guard named == 0 else { return nil }
        let endpoint = Endpoint(local)
        return endpoint.low == 0 ? nil : endpoint
    }
}
