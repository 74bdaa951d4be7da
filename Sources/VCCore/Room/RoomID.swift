/// 16 random bytes that name a room to its members and to vc-signal; the same for all its codes.
public struct RoomID: Hashable, Sendable, BitwiseCopyable {
    /// Length in bytes.
    public static let size = 16

    private let high: UInt64
    private let low: UInt64

    public init(random: inout any RandomSource) {
        high = random.next()
        low = random.next()
    }

    public init(from reader: inout ByteReader) throws(DecodeError) {
        high = try reader.readUInt64()
        low = try reader.readUInt64()
    }

    public func encode(into writer: inout ByteWriter) {
        writer.write(high)
        writer.write(low)
    }
}
