internal import CSodium

/// Hands `use` the bytes that `fill` writes, from memory on the stack that is wiped afterwards: for
/// text with a secret in it on its way to a terminal. `capacity` is in bytes; what does not fit is
/// a bug of the caller.
public func withWipedText<Result>(
    capacity: Int, _ fill: (inout ByteWriter) -> Void, use: (RawSpan) -> Result
) -> Result {
    unsafe withUnsafeTemporaryAllocation(byteCount: capacity, alignment: 1) { buffer in
        defer { unsafe sodium_memzero(buffer.baseAddress, buffer.count) }
        unsafe buffer.initializeMemory(as: UInt8.self, repeating: 0)
        var count = 0
        do {
            var writer = unsafe ByteWriter(MutableRawSpan(_unsafeBytes: buffer))
            fill(&writer)
            precondition(!writer.overflowed, "the text is larger than its memory")
            count = writer.count
        }
        return unsafe use(UnsafeRawBufferPointer(rebasing: buffer[..<count]).bytes)
    }
}
