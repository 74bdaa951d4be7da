internal import CSodium

/// ChaCha20-Poly1305 (RFC 8439) as Noise uses it: the nonce is 4 zero bytes and a 64-bit
/// little-endian counter that never repeats under a key.
enum ChaChaPoly {
    static let keySize = 32
    static let tagSize = 16

    /// Seals `buffer[..<count]` in place; the tag follows, so the buffer has `count + 16` bytes.
    @unsafe static func seal(
        inPlace buffer: UnsafeMutableRawBufferPointer, count: Int, counter: UInt64,
        additional: UnsafeRawBufferPointer, key: UnsafePointer<UInt8>
    ) {
        precondition(buffer.count >= count + tagSize)
        var nonce = Nonce(counter)
        let bytes = unsafe buffer.baseAddress!.assumingMemoryBound(to: UInt8.self)
        unsafe withUnsafeBytes(of: &nonce) { nonce in
            _ = unsafe crypto_aead_chacha20poly1305_ietf_encrypt(
                bytes, nil, bytes, UInt64(count),
                additional.baseAddress?.assumingMemoryBound(to: UInt8.self),
                UInt64(additional.count), nil,
                nonce.baseAddress!.assumingMemoryBound(to: UInt8.self), key)
        }
    }

    /// Opens `buffer` (ciphertext and tag) in place. False, and nothing usable, when it was
    /// altered.
    @unsafe static func open(
        inPlace buffer: UnsafeMutableRawBufferPointer, counter: UInt64,
        additional: UnsafeRawBufferPointer, key: UnsafePointer<UInt8>
    ) -> Bool {
        guard buffer.count >= tagSize else { return false }
        var nonce = Nonce(counter)
        let bytes = unsafe buffer.baseAddress!.assumingMemoryBound(to: UInt8.self)
        return unsafe withUnsafeBytes(of: &nonce) { nonce in
            unsafe crypto_aead_chacha20poly1305_ietf_decrypt(
                bytes, nil, nil, bytes, UInt64(buffer.count),
                additional.baseAddress?.assumingMemoryBound(to: UInt8.self),
                UInt64(additional.count),
                nonce.baseAddress!.assumingMemoryBound(to: UInt8.self), key) == 0
        }
    }

    private struct Nonce {
        var words: (UInt32, UInt32, UInt32)

        init(_ counter: UInt64) {
            words = (
                0, UInt32(truncatingIfNeeded: counter).littleEndian,
                UInt32(truncatingIfNeeded: counter >> 32).littleEndian
            )
        }
    }
}
