internal import CSodium

/// Keyed BLAKE2b-128 (RFC 7693) under a key that never leaves it: cookies, tags, and what is kept
/// of a claim token. Without the key its values cannot be told from random ones.
@safe public struct KeyedHash: ~Copyable {
    private static let keyBytes = 32
    private let key: UnsafeMutableRawBufferPointer

    /// Draws a fresh key.
    public init(random: inout some RandomSource) {
        unsafe key = .allocate(byteCount: Self.keyBytes, alignment: 16)
        unsafe random.fill(key)
    }

    /// The hash of `message`.
    public func hash(_ message: RawSpan) -> Block16 {
        unsafe message.withUnsafeBytes { unsafe hash(bytes: $0) }
    }

    /// The hash of four words.
    public func hash(_ first: UInt64, _ second: UInt64, _ third: UInt64, _ fourth: UInt64)
        -> Block16
    {
        var words = (first, second, third, fourth)
        return unsafe withUnsafeBytes(of: &words) { unsafe hash(bytes: $0) }
    }

    private func hash(bytes: UnsafeRawBufferPointer) -> Block16 {
        var words: (UInt64, UInt64) = (0, 0)
        let result = unsafe withUnsafeMutablePointer(to: &words) { output in
            unsafe output.withMemoryRebound(to: UInt8.self, capacity: 16) {
                unsafe crypto_generichash(
                    $0, 16,
                    bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt64(bytes.count),
                    key.baseAddress?.assumingMemoryBound(to: UInt8.self), key.count)
            }
        }
        precondition(result == 0, "BLAKE2b refuses only sizes that are out of range")
        return Block16(high: words.0.bigEndian, low: words.1.bigEndian)
    }

    deinit {
        unsafe sodium_memzero(key.baseAddress, key.count)
        unsafe key.deallocate()
    }
}
