/// The two packets of the reliable stream, inside a sealed packet.
///
/// ```
///   segment          kind 1 | stream 8 | sequence 4 | flags 1 | bytes
///   acknowledgement  kind 1 | stream 8 | next expected 4 | received after it 8 (bit 0: next + 1)
/// ```
enum StreamPacket {
    static let segmentHeaderSize = 14
    static let acknowledgementSize = 21
    /// Payload of a segment: leaves room for both headers and a relay's (part of 1,200 bytes).
    static let maximumPayload = 1_000

    /// Flag of a message's last segment.
    static let isLast: UInt8 = 0x01
    static let knownFlags: UInt8 = isLast

    struct Acknowledgement: Equatable {
        let nextExpected: UInt32
        let later: UInt64

        init(nextExpected: UInt32, later: UInt64) {
            self.nextExpected = nextExpected
            self.later = later
        }

        init(from reader: inout ByteReader) throws(DecodeError) {
            nextExpected = try reader.readUInt32()
            later = try reader.readUInt64()
            try reader.expectEnd()
        }

        func encode(into writer: inout ByteWriter) {
            writer.write(nextExpected)
            writer.write(later)
        }
    }
}
