internal import CSodium

/// The hash of the whole protocol, SHA-512 (FIPS 180-4): one hash for CPace, HKDF, Noise and the
/// roster.
public enum SHA512 {
    /// Length of a hash in bytes.
    public static let size = 64
    /// Length of an input block in bytes (CPace pads its generator string to it).
    static let blockSize = 128

    /// The hash of the parts one after the other, as a value that is not secret.
    public static func hash(_ bytes: RawSpan) -> Digest {
        var digest = Digest()
        unsafe bytes.withBytePointer { input, count in
            unsafe withUnsafeMutableBytes(of: &digest) { output in
                _ = unsafe crypto_hash_sha512(
                    output.baseAddress!.assumingMemoryBound(to: UInt8.self), input, UInt64(count))
            }
        }
        return digest
    }

    /// The hash of `bytes`, written into secret memory.
    static func hash(_ bytes: RawSpan, into output: borrowing SecretBytes) {
        precondition(output.count == size)
        unsafe bytes.withBytePointer { input, count in
            _ = unsafe crypto_hash_sha512(output.pointer, input, UInt64(count))
        }
    }
}

/// A SHA-512 value that is not secret: a transcript, a roster.
public struct Digest: Hashable, Sendable, BitwiseCopyable {
    private var words: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) =
        (0, 0, 0, 0, 0, 0, 0, 0)

    public init() {}

    /// The first 8 bytes, as a big-endian number.
    public var prefix: UInt64 { UInt64(bigEndian: words.0) }

    /// The first 16 bytes.
    var block: Block16 {
        Block16(high: UInt64(bigEndian: words.0), low: UInt64(bigEndian: words.1))
    }

    /// Calls `body` with the 64 bytes.
    public func withBytes<Result>(_ body: (RawSpan) -> Result) -> Result {
        unsafe withUnsafeBytes(of: self) { body(unsafe RawSpan(_unsafeBytes: $0)) }
    }

    public static func == (left: Digest, right: Digest) -> Bool {
        unsafe withUnsafeBytes(of: left) { first in
            unsafe withUnsafeBytes(of: right) { unsafe first.elementsEqual($0) }
        }
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
    }
}

extension Digest {
    public init(from reader: inout ByteReader) throws(DecodeError) {
        let bytes = try reader.readBytes(SHA512.size)
        self.init()
        unsafe withUnsafeMutableBytes(of: &self) { target in
            unsafe bytes.withUnsafeBytes { unsafe target.copyMemory(from: $0) }
        }
    }

    public func encode(into writer: inout ByteWriter) {
        withBytes { span in unsafe span.withUnsafeBytes { unsafe writer.write(unsafeBytes: $0) } }
    }
}
