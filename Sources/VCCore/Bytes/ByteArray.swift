extension [UInt8] {
    /// Writes fields from the start of the array; returns how many bytes they take. What is written
    /// is sized by us, so a precondition holds it to the array's length.
    mutating func write(_ body: (inout ByteWriter) -> Void) -> Int {
        var span = mutableSpan
        var writer = unsafe ByteWriter(span.mutableBytes)
        body(&writer)
        precondition(!writer.overflowed, "a message does not fit its buffer")
        return writer.count
    }

    /// The fields that `body` writes, at most `capacity` bytes.
    public init(capacity: Int = Limits.datagram, writing body: (inout ByteWriter) -> Void) {
        self.init(repeating: 0, count: capacity)
        let size = write(body)
        removeLast(capacity - size)
    }
}

extension RawSpan {
    /// Whether the bytes are the same. Not for secrets: it stops at the first difference.
    func isEqual(to other: [UInt8]) -> Bool {
        guard byteCount == other.count else { return false }
        return unsafe withUnsafeBytes { unsafe $0.elementsEqual(other) }
    }
}
