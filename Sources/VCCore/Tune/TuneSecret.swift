/// What a phrase becomes: the bucket in which its room is looked for, and the secret that the
/// members prove to each other. The phrase itself is forgotten.
///
/// `Argon2id(phrase, salt "vc1 tune", 64 MiB, 3 passes)` gives 64 bytes; `HKDF-SHA512(salt "bucket")`
/// of them 16 bits, `HKDF-SHA512(salt "prs")` the 32 bytes for CPace.
public struct TuneSecret: ~Copyable {
    /// All that vc-signal learns of the phrase. About one in 65,536 phrases shares it.
    public let bucket: UInt16
    /// The password-related string of CPace.
    let proof: SecretBytes

    private static let proofSize = 32

    /// About a tenth of a second of work. Nil where 64 MiB of memory cannot be had.
    public init?(_ phrase: borrowing TunePhrase, in arena: SecretArena) {
        let hash = SecretBytes(count: SHA512.size, in: arena)
        guard PasswordHash.derive(salt: "vc1 tune", secret: phrase.bytes.span, into: hash) else {
            return nil
        }
        let bucket = SecretBytes(count: 2, in: arena)
        let proof = SecretBytes(count: Self.proofSize, in: arena)
        HKDF.derive(
            salt: "bucket", keyMaterial: hash.span, info: RawSpan(), into: bucket, arena: arena)
        HKDF.derive(
            salt: "prs", keyMaterial: hash.span, info: RawSpan(), into: proof, arena: arena)
        self.init(bucket: unsafe UInt16(bigEndian: bucket.span.unsafeLoad(as: UInt16.self)), proof)
    }

    /// For tests, which do not wait for Argon2id.
    init(bucket: UInt16, _ proof: consuming SecretBytes) {
        self.bucket = bucket
        self.proof = proof
    }
}
