internal import CSodium

/// Argon2id (RFC 9106, version 1.3, one lane), as libsodium has it: makes each guess at a phrase
/// cost time and memory.
enum PasswordHash {
    /// The size of a salt.
    static let saltSize = 16
    /// Passes over the memory.
    static let passes = 3
    /// Bytes of memory: 64 MiB, held for about a tenth of a second.
    static let memory = 64 * 1_024 * 1_024

    /// Derives `output.count` bytes from `secret`. False where the memory cannot be had.
    ///
    /// - Parameter salt: what it is for, padded with zeros to 16 bytes.
    static func derive(
        salt label: StaticString, secret: RawSpan, into output: borrowing SecretBytes
    ) -> Bool {
        precondition(label.utf8CodeUnitCount <= saltSize, "the salt is too long")
        var salt = [UInt8](repeating: 0, count: saltSize)
        for index in 0..<label.utf8CodeUnitCount { salt[index] = unsafe label.utf8Start[index] }
        return unsafe secret.withBytePointer { bytes, count in
            unsafe bytes.withMemoryRebound(to: CChar.self, capacity: max(1, count)) { password in
                unsafe crypto_pwhash(
                    output.pointer, UInt64(output.count), password, UInt64(count), salt,
                    UInt64(passes), memory, crypto_pwhash_ALG_ARGON2ID13)
            }
        } == 0
    }
}
