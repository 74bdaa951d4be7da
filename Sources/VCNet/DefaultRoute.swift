internal import CVCLinux
internal import Glibc
public import VCCore

/// The address of this machine that packets to the internet leave with.
public enum DefaultRoute {
    /// Asks the routing table. IPv4 first: its addresses are the ones that people can type. Nil
    /// without a default route.
    public static var address: Endpoint? { ipv4 ?? ipv6 }

    /// The IPv4 address, towards TEST-NET-1 (RFC 5737), which is routed like any address.
    public static var ipv4: Endpoint? {
        source(towards: Endpoint(ipv4: 0xC000_0201, port: 9))?.with(port: 0)
    }

    /// The IPv6 address, towards the documentation prefix (RFC 3849).
    public static var ipv6: Endpoint? {
        let probe = Endpoint(high: 0x2001_0DB8_0000_0000, low: 1, port: 9)
        return source(towards: probe)?.with(port: 0)
    }

    /// Connecting a socket sends nothing, and shows which address it would send with.
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
