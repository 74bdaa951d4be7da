internal import Glibc
public import VCCore

/// An address of this machine.
public struct InterfaceAddress: Hashable, Sendable {
    /// The name of the interface, such as `wlan0`.
    public let interface: String
    /// The address, with port 0.
    public let endpoint: Endpoint
    /// Whether it is 127.0.0.0/8 or ::1.
    public let isLoopback: Bool
}

/// The addresses by which others may reach this machine.
public enum Interfaces {
    /// Bridges and pairs that lead to containers and virtual machines on this machine: nobody else
    /// can reach these addresses, and their private ranges collide with those of real networks.
    private static let virtualPrefixes = [
        "docker", "br-", "virbr", "veth", "lxc", "lxdbr", "cni", "vmnet", "vboxnet", "podman",
        "flannel", "cali", "cilium", "kube", "incusbr",
    ]

    /// Addresses of interfaces that are up, without container bridges and link-local IPv6 (which
    /// means nothing without an interface name), sorted, each once.
    ///
    /// - Parameter includingVirtual: with those of container bridges.
    public static func addresses(
        includingLoopback: Bool = false, includingVirtual: Bool = false
    ) throws(SystemError) -> [InterfaceAddress] {
        var head: UnsafeMutablePointer<ifaddrs>?
        guard try attempt("getifaddrs", { unsafe getifaddrs(&head) }) != nil else {
            return []
        }
        defer { unsafe freeifaddrs(head) }
        var found: Set<InterfaceAddress> = []
        var next = unsafe head
        while let entry = unsafe next {
            unsafe next = entry.pointee.ifa_next
            guard let address = unsafe address(of: entry.pointee),
                includingVirtual || !isVirtual(address.interface)
            else { continue }
            if includingLoopback || !address.isLoopback { found.insert(address) }
        }
        return found.sorted {
            ($0.interface, $0.endpoint.high, $0.endpoint.low)
                < ($1.interface, $1.endpoint.high, $1.endpoint.low)
        }
    }

    /// Whether an interface of this name leads to containers or virtual machines.
    static func isVirtual(_ name: String) -> Bool {
        virtualPrefixes.contains { name.hasPrefix($0) }
    }

    private static func address(of entry: ifaddrs) -> InterfaceAddress? {
        let flags = unsafe CInt(bitPattern: entry.ifa_flags)
        guard flags & CInt(IFF_UP) != 0 else { return nil }
        guard let endpoint = unsafe Endpoint(entry.ifa_addr) else { return nil }
        guard let name = unsafe entry.ifa_name else { return nil }
        let interface = unsafe String(cString: name)
        guard endpoint.high >> 54 != 0xFE80 >> 6 else { return nil }
        return InterfaceAddress(
            interface: interface, endpoint: endpoint.with(port: 0),
            isLoopback: flags & CInt(IFF_LOOPBACK) != 0)
    }
}
