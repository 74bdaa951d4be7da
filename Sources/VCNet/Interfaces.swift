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
    /// Addresses of interfaces that are up, sorted, each once. Left out are:
    ///
    /// * link-local IPv6, which means nothing without an interface name;
    /// * IPv6 that is not yet, or not any more, to be used (RFC 4862 section 5.5.4);
    /// * bridges and pairs that lead to containers and virtual machines, which nobody else can
    ///   reach and whose private ranges collide with those of real networks, unless this machine
    ///   has nothing else.
    public static func addresses(
        includingLoopback: Bool = false
    ) throws(SystemError) -> [InterfaceAddress] {
        let unusable = IPv6AddressStates.unusable
        let found = try all().filter { !unusable.contains($0.endpoint) }
        return choose(from: found, includingLoopback: includingLoopback) {
            VirtualInterface.isVirtual($0)
        }
    }

    /// Every address of an interface that is up, but for link-local IPv6: what a server may be
    /// reached at.
    public static func all() throws(SystemError) -> Set<InterfaceAddress> {
        var found: Set<InterfaceAddress> = []
        for entry in try entries() where !entry.endpoint.isLinkLocalIPv6 {
            found.insert(
                InterfaceAddress(
                    interface: entry.name, endpoint: entry.endpoint, isLoopback: entry.isLoopback))
        }
        return found
    }

    /// Every address of an interface that is up.
    static func entries() throws(SystemError) -> [InterfaceEntry] {
        var head: UnsafeMutablePointer<ifaddrs>?
        guard try attempt("getifaddrs", { unsafe getifaddrs(&head) }) != nil else {
            return []
        }
        defer { unsafe freeifaddrs(head) }
        var found: [InterfaceEntry] = []
        var next = unsafe head
        while let entry = unsafe next {
            unsafe next = entry.pointee.ifa_next
            guard let address = unsafe address(of: entry.pointee) else { continue }
            found.append(address)
        }
        return found
    }

    /// Sorts, and leaves out virtual interfaces where there are others.
    static func choose(
        from found: Set<InterfaceAddress>, includingLoopback: Bool,
        isVirtual: (String) -> Bool
    ) -> [InterfaceAddress] {
        let loopback = found.filter { includingLoopback && $0.isLoopback }
        let others = found.filter { !$0.isLoopback }
        let real = others.filter { !isVirtual($0.interface) }
        return loopback.union(real.isEmpty ? others : real).sorted {
            ($0.interface, $0.endpoint.high, $0.endpoint.low)
                < ($1.interface, $1.endpoint.high, $1.endpoint.low)
        }
    }

    private static func address(of entry: ifaddrs) -> InterfaceEntry? {
        let flags = unsafe CInt(bitPattern: entry.ifa_flags)
        guard flags & CInt(IFF_UP) != 0 else { return nil }
        guard let endpoint = unsafe Endpoint(entry.ifa_addr) else { return nil }
        guard let name = unsafe entry.ifa_name else { return nil }
        return InterfaceEntry(
            name: unsafe String(cString: name), endpoint: endpoint.with(port: 0),
            prefixLength: unsafe prefixLength(of: entry.ifa_netmask),
            isLoopback: flags & CInt(IFF_LOOPBACK) != 0,
            hasMulticast: flags & CInt(IFF_MULTICAST) != 0)
    }

    /// The leading ones of a netmask; 0 where there is none.
    private static func prefixLength(of mask: UnsafePointer<sockaddr>?) -> Int {
        guard let mask = unsafe Endpoint(mask) else { return 0 }
        if let bits = mask.ipv4 { return (~bits).leadingZeroBitCount }
        let ones = (~mask.high).leadingZeroBitCount
        return ones < 64 ? ones : 64 + (~mask.low).leadingZeroBitCount
    }
}
