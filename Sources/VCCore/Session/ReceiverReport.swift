/// What a member tells another, each 500 ms while it hears it: how its voice arrives, and how long
/// the own microphone takes, so that the other can compute its mouth-to-ear delay.
///
/// `kind 1 | received 4 | lost 4 | bursts 4 | jitter 2 (0.1 ms) | capture delay 2 (0.1 ms) |
/// transit 4 (0.1 ms)`. Counts are of packets: a frame that was found again in a copy is lost here.
public struct ReceiverReport: Equatable, Sendable {
    /// Voice frames that arrived.
    public let received: UInt32
    /// Voice frames that never did.
    public let lost: UInt32
    /// How often frames were lost, one or several in a row.
    public let bursts: UInt32
    /// Inter-arrival jitter in tenths of a millisecond (RFC 3550 section 6.4.1).
    public let jitter: UInt16
    /// From the air to the sealed packet at the reporter, in tenths of a millisecond.
    public let captureDelay: UInt16
    /// When the quickest packet of the last two seconds arrived, by the reporter's clock, less when
    /// it was made by ours, in tenths of a millisecond: only differences mean something. It wraps.
    public let transit: UInt32

    public init(
        received: UInt32, lost: UInt32, bursts: UInt32 = 0, jitter: UInt16, captureDelay: UInt16,
        transit: UInt32 = 0
    ) {
        self.received = received
        self.lost = lost
        self.bursts = bursts
        self.jitter = jitter
        self.captureDelay = captureDelay
        self.transit = transit
    }

    func encode(into writer: inout ByteWriter) {
        writer.write(SealedKind.report.rawValue)
        writer.write(received)
        writer.write(lost)
        writer.write(bursts)
        writer.write(jitter)
        writer.write(captureDelay)
        writer.write(transit)
    }

    /// After the kind byte.
    init(from reader: inout ByteReader) throws(DecodeError) {
        received = try reader.readUInt32()
        lost = try reader.readUInt32()
        bursts = try reader.readUInt32()
        jitter = try reader.readUInt16()
        captureDelay = try reader.readUInt16()
        transit = try reader.readUInt32()
        try reader.expectEnd()
    }
}
