internal import Glibc
public import VCCore

/// The networks that this machine is in, as interfaces: where multicast goes out and comes in.
public struct LocalLinks: Equatable, Sendable {
    public struct Link: Hashable, Sendable {
        /// The name, such as `wlan0`.
        public let name: String
        /// The number by which the kernel knows it.
        let index: UInt32
        /// Its IPv4 addresses: who is asked answers only neighbours of its own ones.
        let ipv4: [Endpoint]
        let hasIPv6: Bool
        public let isLoopback: Bool
    }

    /// Interfaces that are up and carry multicast, and loopback, where other processes of this
    /// machine are. Bridges to containers and virtual machines are left out as in `Interfaces`.
    public let links: [Link]
    /// What is on them.
    public let prefixes: LinkPrefixes

    /// More addresses of one interface are not asked from.
    private static let addressesPerLink = 2

    /// As they are now; none where the system does not tell.
    public static var current: LocalLinks {
        LocalLinks((try? Interfaces.entries()) ?? []) { VirtualInterface.isVirtual($0) }
    }

    private init(links: [Link], prefixes: LinkPrefixes) {
        self.links = links
        self.prefixes = prefixes
    }

    /// Only those to other machines, if there are any.
    public var withoutLoopback: LocalLinks {
        let others = links.filter { !$0.isLoopback }
        return others.isEmpty ? self : LocalLinks(links: others, prefixes: prefixes)
    }

    init(_ entries: [InterfaceEntry], isVirtual: (String) -> Bool) {
        let usable = entries.filter { $0.isLoopback || $0.hasMulticast }
        let others = Set(usable.filter { !$0.isLoopback }.map(\.name))
        let real = others.filter { !isVirtual($0) }
        let names = real.isEmpty ? others : real
        let chosen = usable.filter { $0.isLoopback || names.contains($0.name) }
        links = Set(chosen.map(\.name)).sorted().compactMap { name in
            let index = unsafe if_nametoindex(name)
            guard index != 0 else { return nil }
            let addresses = chosen.filter { $0.name == name }
            let ipv4 = addresses.map(\.endpoint).filter { $0.ipv4 != nil }
            return Link(
                name: name, index: index,
                ipv4: Array(ipv4.prefix(Self.addressesPerLink)),
                hasIPv6: addresses.contains { $0.endpoint.ipv4 == nil },
                isLoopback: addresses.contains(where: \.isLoopback))
        }
        prefixes = LinkPrefixes(
            chosen.map { LinkPrefixes.Prefix($0.endpoint, length: $0.prefixLength) })
    }
}

/// One address of an interface that is up, as the system tells it.
struct InterfaceEntry: Hashable {
    let name: String
    /// The address, with port 0.
    let endpoint: Endpoint
    /// The leading ones of its netmask.
    let prefixLength: Int
    let isLoopback: Bool
    let hasMulticast: Bool
}
