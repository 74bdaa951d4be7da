/// 16 random bytes that name a room to its members and to vc-signal; the same for all its codes.
public struct RoomID: Hashable, Sendable, BitwiseCopyable {
    /// Length in bytes.
    public static let size = 16

    /// As vc-signal sees it.
    public let block: Block16

    public init(random: inout AnyRandomSource) {
        block = Block16(high: random.next(), low: random.next())
    }

    public init(from reader: inout ByteReader) throws(DecodeError) {
        block = try Block16(from: &reader)
    }

    public func encode(into writer: inout ByteWriter) {
        block.encode(into: &writer)
    }
}
