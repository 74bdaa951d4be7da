extension RawSpan {
    /// Calls `body` with the bytes as C's `const unsigned char *`, which is never null: an empty
    /// span gives a pointer to nothing that is not read.
    @unsafe @inlinable
    func withBytePointer<Result>(_ body: (UnsafePointer<UInt8>, Int) -> Result) -> Result {
        unsafe withUnsafeBytes { bytes in
            if let start = bytes.baseAddress {
                return unsafe body(start.assumingMemoryBound(to: UInt8.self), bytes.count)
            }
            return unsafe withUnsafePointer(to: 0 as UInt8) { unsafe body($0, 0) }
        }
    }
}
