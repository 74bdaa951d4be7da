/// Writes big-endian fields into a fixed piece of memory. A write that does not fit writes nothing
/// and is remembered in `overflowed`, so that a message is checked once, at its end.
public struct ByteWriter: ~Copyable, ~Escapable {
    private var bytes: MutableRawSpan
    /// How many bytes were written.
    public private(set) var count = 0
    /// Whether a field did not fit. Our own messages are sized to fit: it is a bug when it is true.
    public private(set) var overflowed = false

    @_lifetime(copy bytes)
    public init(_ bytes: consuming MutableRawSpan) {
        self.bytes = bytes
    }

    public var capacity: Int { bytes.byteCount }

    public mutating func write(_ value: UInt8) { writeInteger(value) }
    public mutating func write(_ value: UInt16) { writeInteger(value) }
    public mutating func write(_ value: UInt32) { writeInteger(value) }
    public mutating func write(_ value: UInt64) { writeInteger(value) }

    /// Appends `source` as it is.
    public mutating func write(bytes source: RawSpan) {
        guard reserve(source.byteCount) else { return }
        for index in source.byteOffsets {
            let byte = unsafe source.unsafeLoad(fromUncheckedByteOffset: index, as: UInt8.self)
            bytes.storeBytes(of: byte, toByteOffset: count + index, as: UInt8.self)
        }
        count += source.byteCount
    }

    /// Appends the UTF-8 of `text`: a label, never a secret.
    public mutating func write(text: String) {
        for byte in text.utf8 { write(byte) }
    }

    /// Appends a label with a 2-byte length in front.
    public mutating func write(field text: String) {
        write(UInt16(truncatingIfNeeded: text.utf8.count))
        write(text: text)
    }

    /// Appends memory that C handed out.
    @unsafe mutating func write(unsafeBytes source: UnsafeRawBufferPointer) {
        write(bytes: unsafe RawSpan(_unsafeBytes: source))
    }

    /// Appends `source` with a 2-byte length in front (the `lv` of the protocol).
    public mutating func write(field source: RawSpan) {
        guard source.byteCount <= Int(UInt16.max) else {
            overflowed = true
            return
        }
        write(UInt16(source.byteCount))
        write(bytes: source)
    }

    /// Appends zeros until `total` bytes are written.
    public mutating func pad(to total: Int) {
        while count < total, !overflowed { write(UInt8(0)) }
    }

    private mutating func writeInteger<Integer: FixedWidthInteger & BitwiseCopyable>(
        _ value: Integer
    ) {
        guard reserve(MemoryLayout<Integer>.size) else { return }
        bytes.storeBytes(of: value.bigEndian, toByteOffset: count, as: Integer.self)
        count += MemoryLayout<Integer>.size
    }

    private mutating func reserve(_ size: Int) -> Bool {
        guard !overflowed, size <= bytes.byteCount - count else {
            overflowed = true
            return false
        }
        return true
    }
}
