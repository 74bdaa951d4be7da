/// Sixteen opaque bytes as two words, so that they can be a key, be compared and travel in
/// registers: room ids, cookies and keyed hashes.
public struct Block16: Hashable, Sendable, BitwiseCopyable {
    /// The first 8 bytes, big-endian value.
    public let high: UInt64
    /// The last 8 bytes, big-endian value.
    public let low: UInt64

    /// All zeros.
    public static let zero = Block16(high: 0, low: 0)

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// A fresh random value.
    public init(random: inout some RandomSource) {
        self.init(high: random.next(), low: random.next())
    }

    /// Whether the two are equal, in a time that does not depend on where they differ.
    @inline(never)
    public func matches(_ other: Block16) -> Bool {
        (high ^ other.high) | (low ^ other.low) == 0
    }
}

extension Block16 {
    /// In bytes.
    public static let encodedSize = 16

    public func encode(into writer: inout ByteWriter) {
        writer.write(high)
        writer.write(low)
    }

    public init(from reader: inout ByteReader) throws(DecodeError) {
        self.init(high: try reader.readUInt64(), low: try reader.readUInt64())
    }
}
