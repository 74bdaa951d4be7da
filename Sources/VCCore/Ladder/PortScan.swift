/// Up to 1,024 ports of an address, spread evenly, none twice.
///
/// Against ports that a NAT draws at random any order is as good as another. But there are NATs
/// that give one port after the other: their 256 mappings lie together, and steps of the golden
/// ratio leave no gap as wide as that after some 400 probes.
struct PortScan {
    /// Ports below belong to services; NATs map to those above (RFC 6056 section 3.2).
    static let lowest: UInt32 = 1_024
    /// How many ports there are above.
    static let range: UInt32 = 65_536 - lowest
    /// The golden section of the range, and coprime to it: all ports come before one comes again.
    private static let step: UInt32 = 39_871
    /// In 1,024 of 64,512 ports one of 256 is found with a probability of 0.983.
    static let maximumPorts = 1_024

    private let start: UInt32
    private(set) var count = 0

    init(random: inout AnyRandomSource) {
        start = random.next(below: PortScan.range)
    }

    /// The next port; nil after the last one.
    mutating func next() -> UInt16? {
        guard count < PortScan.maximumPorts else { return nil }
        // At most 64,512 + 1,024 * 39,871: within 32 bits.
        let offset = (start + UInt32(count) * PortScan.step) % PortScan.range
        count += 1
        return UInt16(PortScan.lowest + offset)
    }
}
