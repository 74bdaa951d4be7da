internal import CSodium

/// HKDF with HMAC-SHA-512 (RFC 5869), on libsodium's streaming HMAC. libsodium's own HKDF came with
/// 1.0.19; Debian 12 has 1.0.18.
public enum HKDF {
    /// Derives `output.count` bytes (at most 255 * 64) from `keyMaterial`.
    public static func derive(
        salt: RawSpan, keyMaterial: RawSpan, info: RawSpan, into output: borrowing SecretBytes,
        arena: SecretArena
    ) {
        let pseudorandomKey = SecretBytes(count: SHA512.size, in: arena)
        HMAC.authenticate(keyMaterial, key: salt, into: pseudorandomKey)
        expand(pseudorandomKey.span, info: info, into: output, arena: arena)
    }

    /// The same with a label as the salt.
    public static func derive(
        salt: StaticString, keyMaterial: RawSpan, info: RawSpan, into output: borrowing SecretBytes,
        arena: SecretArena
    ) {
        let label = unsafe UnsafeRawBufferPointer(
            start: salt.utf8Start, count: salt.utf8CodeUnitCount)
        derive(
            salt: unsafe RawSpan(_unsafeBytes: label), keyMaterial: keyMaterial, info: info,
            into: output, arena: arena)
    }

    /// Noise's HKDF (revision 34, section 4.3) with two outputs of 64 bytes and empty info.
    static func noise(
        chainingKey: borrowing SecretBytes, input: RawSpan, first: borrowing SecretBytes,
        second: borrowing SecretBytes, arena: SecretArena
    ) {
        noise(
            chainingKey: chainingKey, input: input, count: 2, first: first, second: second,
            third: second, arena: arena)
    }

    /// Noise's HKDF with three outputs of 64 bytes.
    static func noise(
        chainingKey: borrowing SecretBytes, input: RawSpan, count: Int = 3,
        first: borrowing SecretBytes, second: borrowing SecretBytes, third: borrowing SecretBytes,
        arena: SecretArena
    ) {
        let size = SHA512.size
        let temporary = SecretBytes(count: size, in: arena)
        HMAC.authenticate(input, key: chainingKey.span, into: temporary)
        let all = SecretBytes(count: count * size, in: arena)
        expand(temporary.span, info: RawSpan(), into: all, arena: arena)
        unsafe first.mutableBytes.copyMemory(from: .init(rebasing: all.mutableBytes[..<size]))
        unsafe second.mutableBytes.copyMemory(
            from: .init(rebasing: all.mutableBytes[size..<2 * size]))
        guard count == 3 else { return }
        unsafe third.mutableBytes.copyMemory(from: .init(rebasing: all.mutableBytes[(2 * size)...]))
    }

    /// HKDF-Expand: T(n) = HMAC(key, T(n-1) | info | n).
    private static func expand(
        _ key: RawSpan, info: RawSpan, into output: borrowing SecretBytes, arena: SecretArena
    ) {
        precondition(output.count <= 255 * SHA512.size)
        let block = SecretBytes(count: SHA512.size, in: arena)
        var done = 0
        var number: UInt8 = 1
        while done < output.count {
            var hmac = HMAC(key: key)
            if done > 0 { hmac.update(block.span) }
            hmac.update(info)
            hmac.update(number)
            hmac.finish(into: block)
            let size = min(SHA512.size, output.count - done)
            unsafe UnsafeMutableRawBufferPointer(rebasing: output.mutableBytes[done..<done + size])
                .copyMemory(from: .init(rebasing: block.mutableBytes[..<size]))
            done += size
            number &+= 1
        }
    }
}

/// HMAC-SHA-512 (RFC 2104) with a key of any length.
struct HMAC: ~Copyable {
    private var state = crypto_auth_hmacsha512_state()

    init(key: RawSpan) {
        unsafe key.withBytePointer { bytes, count in
            _ = unsafe crypto_auth_hmacsha512_init(&state, bytes, count)
        }
    }

    mutating func update(_ part: RawSpan) {
        unsafe part.withBytePointer { bytes, count in
            _ = unsafe crypto_auth_hmacsha512_update(&state, bytes, UInt64(count))
        }
    }

    mutating func update(_ byte: UInt8) {
        var byte = byte
        _ = unsafe crypto_auth_hmacsha512_update(&state, &byte, 1)
    }

    /// Writes the 64 bytes and wipes the state, which libsodium 1.0.18 leaves behind.
    mutating func finish(into output: borrowing SecretBytes) {
        precondition(output.count == SHA512.size)
        _ = unsafe crypto_auth_hmacsha512_final(&state, output.pointer)
        unsafe sodium_memzero(&state, MemoryLayout<crypto_auth_hmacsha512_state>.size)
    }

    static func authenticate(_ message: RawSpan, key: RawSpan, into output: borrowing SecretBytes) {
        var hmac = HMAC(key: key)
        hmac.update(message)
        hmac.finish(into: output)
    }
}
