internal import CSodium

/// A member's X25519 public key. It *is* the member: numbers and names are labels.
public struct PublicKey: Hashable, Comparable, Sendable, BitwiseCopyable {
    /// Length in bytes.
    public static let size = 32

    private let words: (UInt64, UInt64, UInt64, UInt64)

    fileprivate init(words: (UInt64, UInt64, UInt64, UInt64)) {
        self.words = words
    }

    public static func == (left: PublicKey, right: PublicKey) -> Bool {
        left.words == right.words
    }

    /// Order of the encoded bytes.
    public static func < (left: PublicKey, right: PublicKey) -> Bool {
        left.words < right.words
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
    }
}

extension PublicKey {
    public init(from reader: inout ByteReader) throws(DecodeError) {
        words = (
            try reader.readUInt64(), try reader.readUInt64(), try reader.readUInt64(),
            try reader.readUInt64()
        )
    }

    public func encode(into writer: inout ByteWriter) {
        writer.write(words.0)
        writer.write(words.1)
        writer.write(words.2)
        writer.write(words.3)
    }

    /// Calls `body` with the 32 encoded bytes.
    public func withBytes<Result>(_ body: (RawSpan) -> Result) -> Result {
        let encoded = (
            words.0.bigEndian, words.1.bigEndian, words.2.bigEndian, words.3.bigEndian
        )
        return unsafe withUnsafeBytes(of: encoded) { body(unsafe RawSpan(_unsafeBytes: $0)) }
    }
}

/// An X25519 key pair (RFC 7748): a member's key of one room, or a Noise ephemeral.
public struct KeyPair: ~Copyable {
    private let secret: SecretBytes
    public let publicKey: PublicKey

    /// A fresh pair.
    public init(random: inout AnyRandomSource, arena: SecretArena) {
        self.init(secret: SecretBytes(random: &random, count: PublicKey.size, in: arena))
    }

    /// The pair of a 32-byte private key.
    public init(secret: consuming SecretBytes) {
        precondition(secret.count == PublicKey.size)
        var encoded: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        unsafe withUnsafeMutableBytes(of: &encoded) { output in
            _ = unsafe crypto_scalarmult_curve25519_base(
                output.baseAddress!.assumingMemoryBound(to: UInt8.self), secret.pointer)
        }
        self.secret = secret
        publicKey = PublicKey(
            words: (
                UInt64(bigEndian: encoded.0), UInt64(bigEndian: encoded.1),
                UInt64(bigEndian: encoded.2), UInt64(bigEndian: encoded.3)
            ))
    }

    /// The same pair again.
    func duplicate() -> KeyPair {
        KeyPair(secret: secret.duplicate(), publicKey: publicKey)
    }

    private init(secret: consuming SecretBytes, publicKey: PublicKey) {
        self.secret = secret
        self.publicKey = publicKey
    }

    /// The shared secret with `other`. Throws on a point of low order, whose product is zero.
    func agree(with other: PublicKey, into output: borrowing SecretBytes)
        throws(HandshakeError)
    {
        precondition(output.count == PublicKey.size)
        let result = other.withBytes { bytes in
            unsafe bytes.withUnsafeBytes { point in
                unsafe crypto_scalarmult_curve25519(
                    output.pointer, secret.pointer,
                    point.baseAddress!.assumingMemoryBound(to: UInt8.self))
            }
        }
        guard result == 0 else { throw .invalidPoint }
    }
}
