internal import CSodium

/// BLAKE2b-128 with a key (RFC 7693): the first check of a handshake datagram, before any curve
/// work is spent on it.
struct MAC: Equatable {
    static let size = 16

    private var words: (UInt64, UInt64) = (0, 0)

    /// The key of the macs between those who share `secret`, as WireGuard's mac1 has one.
    static func key(from secret: RawSpan, arena: SecretArena) -> SecretBytes {
        let key = SecretBytes(count: 32, in: arena)
        HKDF.derive(
            salt: "vc1 mac1", keyMaterial: secret, info: RawSpan(), into: key, arena: arena)
        return key
    }

    init(of message: RawSpan, key: borrowing SecretBytes) {
        unsafe message.withBytePointer { message, count in
            unsafe withUnsafeMutableBytes(of: &words) { output in
                _ = unsafe crypto_generichash(
                    output.baseAddress!.assumingMemoryBound(to: UInt8.self), MAC.size, message,
                    UInt64(count), key.pointer, key.count)
            }
        }
    }

    /// Compares in constant time.
    func isEqual(to bytes: RawSpan) -> Bool {
        guard bytes.byteCount == MAC.size else { return false }
        return unsafe withUnsafeBytes(of: words) { own in
            unsafe bytes.withUnsafeBytes { other in
                unsafe sodium_memcmp(own.baseAddress!, other.baseAddress!, MAC.size) == 0
            }
        }
    }

    /// The same 16 bytes as a block.
    var block: Block16 {
        Block16(high: UInt64(bigEndian: words.0), low: UInt64(bigEndian: words.1))
    }

    func encode(into writer: inout ByteWriter) {
        unsafe withUnsafeBytes(of: words) { unsafe writer.write(unsafeBytes: $0) }
    }

    static func == (left: MAC, right: MAC) -> Bool { left.words == right.words }
}
