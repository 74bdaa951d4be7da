/// A cursor over received bytes. Every read is checked; integers are big-endian. It never traps on
/// what the bytes hold, and never allocates.
public struct ByteReader: ~Escapable {
    private let bytes: RawSpan
    private var offset = 0

    @_lifetime(copy bytes)
    public init(_ bytes: RawSpan) {
        self.bytes = bytes
    }

    /// How many bytes are left.
    public var remaining: Int { bytes.byteCount - offset }

    public mutating func readUInt8() throws(DecodeError) -> UInt8 {
        try readInteger()
    }

    public mutating func readUInt16() throws(DecodeError) -> UInt16 {
        try readInteger()
    }

    public mutating func readUInt32() throws(DecodeError) -> UInt32 {
        try readInteger()
    }

    public mutating func readUInt64() throws(DecodeError) -> UInt64 {
        try readInteger()
    }

    /// The next `count` bytes, not copied.
    @_lifetime(copy self)
    public mutating func readBytes(_ count: Int) throws(DecodeError) -> RawSpan {
        guard count >= 0, count <= remaining else { throw .truncated }
        let slice = bytes.extracting(offset..<offset + count)
        offset += count
        return slice
    }

    /// A field with a 2-byte length in front (the `lv` of the protocol), at most `limit` bytes.
    @_lifetime(copy self)
    public mutating func readField(limit: Int) throws(DecodeError) -> RawSpan {
        let count = Int(try readUInt16())
        guard count <= limit else { throw .tooLong }
        return try readBytes(count)
    }

    /// All bytes that are left.
    @_lifetime(copy self)
    public mutating func readRest() -> RawSpan {
        let slice = bytes.extracting(offset..<bytes.byteCount)
        offset = bytes.byteCount
        return slice
    }

    /// Passes over `count` bytes.
    public mutating func skip(_ count: Int) throws(DecodeError) {
        guard count >= 0, count <= remaining else { throw .truncated }
        offset += count
    }

    /// Throws unless the next byte is exactly `value`.
    public mutating func expect(_ value: UInt8) throws(DecodeError) {
        guard try readUInt8() == value else { throw .unexpectedValue }
    }

    /// Throws unless everything was read.
    public func expectEnd() throws(DecodeError) {
        guard remaining == 0 else { throw .trailingBytes }
    }

    private mutating func readInteger<Integer: FixedWidthInteger & BitwiseCopyable>()
        throws(DecodeError) -> Integer
    {
        let size = MemoryLayout<Integer>.size
        guard size <= remaining else { throw .truncated }
        let value = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: Integer.self)
        offset += size
        return Integer(bigEndian: value)
    }
}
