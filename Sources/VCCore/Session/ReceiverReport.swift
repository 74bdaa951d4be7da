/// What a member tells another, each 500 ms while it hears it: how its voice arrives, and how long
/// the own microphone takes, so that the other can compute its mouth-to-ear delay.
///
/// `kind 1 | received 4 | lost 4 | jitter 2 (0.1 ms) | capture delay 2 (0.1 ms)`.
public struct ReceiverReport: Equatable, Sendable {
    /// Voice frames that arrived.
    public let received: UInt32
    /// Voice frames that never did.
    public let lost: UInt32
    /// Inter-arrival jitter in tenths of a millisecond (RFC 3550 section 6.4.1).
    public let jitter: UInt16
    /// From the air to the sealed packet at the reporter, in tenths of a millisecond.
    public let captureDelay: UInt16

    public init(received: UInt32, lost: UInt32, jitter: UInt16, captureDelay: UInt16) {
        self.received = received
        self.lost = lost
        self.jitter = jitter
        self.captureDelay = captureDelay
    }

    func encode(into writer: inout ByteWriter) {
        writer.write(SealedKind.report.rawValue)
        writer.write(received)
        writer.write(lost)
        writer.write(jitter)
        writer.write(captureDelay)
    }

    /// After the kind byte.
    init(from reader: inout ByteReader) throws(DecodeError) {
        received = try reader.readUInt32()
        lost = try reader.readUInt32()
        jitter = try reader.readUInt16()
        captureDelay = try reader.readUInt16()
        try reader.expectEnd()
    }
}
