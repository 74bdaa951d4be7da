internal import CSodium

/// An Ed25519 key pair (RFC 8032): vc-signal signs tickets with one, and each member proves with
/// one of its own, made per process and room, that a ticket is for it.
public struct SigningKey: ~Copyable {
    /// Length in bytes of the seed, which is all that a key file holds.
    public static let seedSize = 32
    /// libsodium's form: the seed, then the public key.
    private static let secretSize = 64

    private let secret: SecretBytes
    /// What others check signatures with.
    public let verifyKey: VerifyKey

    /// A fresh pair.
    public init(random: inout AnyRandomSource, arena: SecretArena) {
        self.init(
            seed: SecretBytes(random: &random, count: Self.seedSize, in: arena), arena: arena)
    }

    /// The pair of a 32-byte seed.
    public init(seed: borrowing SecretBytes, arena: SecretArena) {
        precondition(seed.count == Self.seedSize, "an Ed25519 seed has 32 bytes")
        let secret = SecretBytes(count: Self.secretSize, in: arena)
        var encoded: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        unsafe withUnsafeMutableBytes(of: &encoded) { output in
            _ = unsafe crypto_sign_ed25519_seed_keypair(
                output.baseAddress!.assumingMemoryBound(to: UInt8.self), secret.pointer,
                seed.pointer)
        }
        self.secret = secret
        verifyKey = VerifyKey(
            words: (
                UInt64(bigEndian: encoded.0), UInt64(bigEndian: encoded.1),
                UInt64(bigEndian: encoded.2), UInt64(bigEndian: encoded.3)
            ))
    }

    /// The signature of `message`: the same for the same message.
    public func sign(_ message: RawSpan) -> Signature {
        var signature = Signature()
        unsafe message.withBytePointer { bytes, count in
            unsafe withUnsafeMutableBytes(of: &signature) { output in
                _ = unsafe crypto_sign_ed25519_detached(
                    output.baseAddress!.assumingMemoryBound(to: UInt8.self), nil, bytes,
                    UInt64(count), secret.pointer)
            }
        }
        return signature
    }

    /// Calls `body` with the seed, to write it to a file that only its owner reads.
    public func withSeed<Result>(_ body: (RawSpan) -> Result) -> Result {
        body(secret.span.extracting(0..<Self.seedSize))
    }
}

/// An Ed25519 public key.
public struct VerifyKey: Hashable, Sendable, BitwiseCopyable {
    /// Length in bytes.
    public static let size = 32
    /// No key: all zeros, which is a point of small order that every verifier refuses.
    public static let none = VerifyKey(words: (0, 0, 0, 0))

    private let words: (UInt64, UInt64, UInt64, UInt64)

    fileprivate init(words: (UInt64, UInt64, UInt64, UInt64)) {
        self.words = words
    }

    /// The first 4 bytes of the key's SHA-512: tells in a ticket which key has signed it.
    public var id: UInt32 {
        withBytes { UInt32(truncatingIfNeeded: SHA512.hash($0).prefix >> 32) }
    }

    /// Whether `signature` is the key's signature of `message`.
    public func verifies(_ signature: Signature, of message: RawSpan) -> Bool {
        signature.withBytes { signature in
            withBytes { key in
                unsafe signature.withBytePointer { signature, _ in
                    unsafe key.withBytePointer { key, _ in
                        unsafe message.withBytePointer { bytes, count in
                            unsafe crypto_sign_ed25519_verify_detached(
                                signature, bytes, UInt64(count), key) == 0
                        }
                    }
                }
            }
        }
    }

    /// Calls `body` with the 32 encoded bytes.
    public func withBytes<Result>(_ body: (RawSpan) -> Result) -> Result {
        let encoded = (
            words.0.bigEndian, words.1.bigEndian, words.2.bigEndian, words.3.bigEndian
        )
        return unsafe withUnsafeBytes(of: encoded) { body(unsafe RawSpan(_unsafeBytes: $0)) }
    }

    public static func == (left: VerifyKey, right: VerifyKey) -> Bool {
        left.words == right.words
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
    }
}

extension VerifyKey {
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
}

extension VerifyKey: LosslessStringConvertible {
    /// 64 hexadecimal digits: what the file of a public key holds, and what people paste.
    public var description: String {
        withBytes { bytes in
            var text = ""
            for index in bytes.byteOffsets {
                let byte = unsafe bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self)
                text += String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
            }
            return text
        }
    }

    /// Nil when `text` is not 64 hexadecimal digits of either case.
    public init?(_ text: String) {
        let digits = Array(text.utf8)
        guard digits.count == 2 * Self.size else { return nil }
        var words: [UInt64] = []
        for start in stride(from: 0, to: digits.count, by: 16) {
            var word: UInt64 = 0
            for digit in digits[start..<start + 16] {
                guard let value = Self.value(ofHexadecimal: digit) else { return nil }
                word = word << 4 | UInt64(value)
            }
            words.append(word)
        }
        self.init(words: (words[0], words[1], words[2], words[3]))
    }

    private static func value(ofHexadecimal digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x41...0x46: digit - 0x41 + 10
        case 0x61...0x66: digit - 0x61 + 10
        default: nil
        }
    }
}

/// An Ed25519 signature.
public struct Signature: Equatable, Sendable, BitwiseCopyable {
    /// Length in bytes.
    public static let size = 64

    private var words: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) =
        (0, 0, 0, 0, 0, 0, 0, 0)

    fileprivate init() {}

    public init(from reader: inout ByteReader) throws(DecodeError) {
        let bytes = try reader.readBytes(Self.size)
        unsafe withUnsafeMutableBytes(of: &words) { target in
            unsafe bytes.withUnsafeBytes { unsafe target.copyMemory(from: $0) }
        }
    }

    public func encode(into writer: inout ByteWriter) {
        withBytes { writer.write(bytes: $0) }
    }

    /// Calls `body` with the 64 bytes.
    func withBytes<Result>(_ body: (RawSpan) -> Result) -> Result {
        unsafe withUnsafeBytes(of: words) { body(unsafe RawSpan(_unsafeBytes: $0)) }
    }

    public static func == (left: Signature, right: Signature) -> Bool {
        unsafe withUnsafeBytes(of: left) { first in
            unsafe withUnsafeBytes(of: right) { unsafe first.elementsEqual($0) }
        }
    }
}
