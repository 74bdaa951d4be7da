/// The networks that this machine is in, for telling who is there without a router between.
public struct LinkPrefixes: Equatable, Sendable {
    /// An address of an interface and how many of its leading bits all machines there share.
    public struct Prefix: Hashable, Sendable {
        public let address: Endpoint
        /// 0 to 32 of an IPv4 address, 0 to 128 of an IPv6 address.
        public let length: Int

        public init(_ address: Endpoint, length: Int) {
            self.address = address
            self.length = length
        }
    }

    /// A shorter prefix is no network of neighbours but a mistake: it would let in the internet.
    private static let shortestIPv4 = 8
    private static let shortestIPv6 = 32

    private let prefixes: [Prefix]

    public init(_ prefixes: [Prefix] = []) {
        self.prefixes = prefixes.filter { prefix in
            let shortest = prefix.address.ipv4 == nil ? Self.shortestIPv6 : Self.shortestIPv4
            let longest = prefix.address.ipv4 == nil ? 128 : 32
            return (shortest...longest).contains(prefix.length)
        }
    }

    /// Whether a packet with this source comes from such a network, and not through a router.
    /// Routers forward nothing that is link-local (RFC 4291 section 2.5.6).
    public func contains(_ source: Endpoint) -> Bool {
        if source.isLinkLocalIPv6 { return true }
        return prefixes.contains { prefix in
            guard (prefix.address.ipv4 == nil) == (source.ipv4 == nil) else { return false }
            let bits = prefix.length + (source.ipv4 == nil ? 0 : 96)
            // A shift by the width of the type gives 0.
            let high = UInt64.max << UInt64(64 - min(bits, 64))
            let low = UInt64.max << UInt64(64 - max(bits - 64, 0))
            return (prefix.address.high ^ source.high) & high == 0
                && (prefix.address.low ^ source.low) & low == 0
        }
    }
}
