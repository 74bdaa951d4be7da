/// The part of an address that counts as one source: whoever has it can take any address in it.
public struct SourcePrefix: Hashable, Sendable {
    /// The prefix itself, with IPv4 in its mapped form.
    public let high: UInt64
    public let low: UInt64

    /// /32 of IPv4, /56 of IPv6 (the usual delegation to one home, RIPE-690).
    public init(source endpoint: Endpoint) {
        if endpoint.ipv4 != nil {
            high = 0
            low = endpoint.low
        } else {
            high = endpoint.high & ~0xFF
            low = 0
        }
    }

    /// /24 of IPv4, /56 of IPv6: the least that a spoofed flood against one network hits.
    public init(network endpoint: Endpoint) {
        if endpoint.ipv4 != nil {
            high = 0
            low = endpoint.low & ~0xFF
        } else {
            high = endpoint.high & ~0xFF
            low = 0
        }
    }
}
