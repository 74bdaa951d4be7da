internal import CSodium

/// CPace over ristretto255 with SHA-512 (CPACE-RISTR255-SHA512 of draft-irtf-cfrg-cpace-21): two
/// sides that know the same short secret agree on a long key; one that does not know it learns
/// nothing but that its one guess was wrong.
public enum CPace {
    /// Length of a public share in bytes.
    public static let shareSize = 32
    /// Length of the intermediate session key (ISK) in bytes.
    public static let keySize = SHA512.size

    private static let scalarSize = 32
    private static let generatorLabel = "CPaceRistretto255"
    private static let keyLabel = "CPaceRistretto255_ISK"

    /// A side's part of one run: its scalar, wiped with it, and the share that is sent.
    public struct Party: ~Copyable {
        private let scalar: SecretBytes
        public let share: Share

        /// Draws a scalar and computes the share for (PRS, CI, sid) of the draft.
        public init(
            secret: RawSpan, channel: RawSpan, session: RawSpan, random: inout AnyRandomSource,
            arena: SecretArena
        ) throws(HandshakeError) {
            let wide = SecretBytes(random: &random, count: 64, in: arena)
            let scalar = SecretBytes(count: scalarSize, in: arena)
            unsafe crypto_core_ristretto255_scalar_reduce(scalar.pointer, wide.pointer)
            try self.init(
                scalar: scalar, secret: secret, channel: channel, session: session, arena: arena)
        }

        /// With a given scalar, as the published vectors do.
        init(
            scalar: consuming SecretBytes, secret: RawSpan, channel: RawSpan, session: RawSpan,
            arena: SecretArena
        ) throws(HandshakeError) {
            let generator = CPace.generator(
                secret: secret, channel: channel, session: session, arena: arena)
            share = try CPace.multiply(scalar, generator.span)
            self.scalar = scalar
        }

        /// The ISK in the order initiator, responder. Throws where the other share is not a valid
        /// point or leads to the neutral element, which the draft makes a must.
        public func agree(
            with other: Share, session: RawSpan, initiator: (share: Share, data: PublicKeyData),
            responder: (share: Share, data: PublicKeyData), arena: SecretArena
        ) throws(HandshakeError) -> SecretBytes {
            let point = SecretBytes(count: shareSize, in: arena)
            try CPace.multiply(scalar, other, into: point)
            let key = SecretBytes(count: keySize, in: arena)
            let input = SecretBytes(count: 512, in: arena)
            let size = input.write { writer in
                writer.write(prefixed: CPace.keyLabel)
                writer.write(prefixed: session)
                writer.write(prefixed: point.span)
                initiator.share.withBytes { writer.write(prefixed: $0) }
                initiator.data.withBytes { writer.write(prefixed: $0) }
                responder.share.withBytes { writer.write(prefixed: $0) }
                responder.data.withBytes { writer.write(prefixed: $0) }
            }
            SHA512.hash(input.span.extracting(0..<size), into: key)
            return key
        }
    }

    /// The generator of the run: the hash of a string that starts with a whole padded block, so
    /// that the secret is never mixed with later fields inside one compression.
    static func generator(
        secret: RawSpan, channel: RawSpan, session: RawSpan, arena: SecretArena
    ) -> SecretBytes {
        let capacity = 512 + secret.byteCount + channel.byteCount + session.byteCount
        let input = SecretBytes(count: capacity, in: arena)
        let size = input.write { writer in
            writer.write(prefixed: generatorLabel)
            writer.write(prefixed: secret)
            let padding = max(0, SHA512.blockSize - 1 - writer.count)
            writer.write(leb128: padding)
            writer.pad(to: writer.count + padding)
            writer.write(prefixed: channel)
            writer.write(prefixed: session)
        }
        let hash = SecretBytes(count: SHA512.size, in: arena)
        SHA512.hash(input.span.extracting(0..<size), into: hash)
        let generator = SecretBytes(count: shareSize, in: arena)
        unsafe crypto_core_ristretto255_from_hash(generator.pointer, hash.pointer)
        return generator
    }

    private static func multiply(_ scalar: borrowing SecretBytes, _ point: RawSpan)
        throws(HandshakeError) -> Share
    {
        var share = Share()
        let result = unsafe withUnsafeMutableBytes(of: &share) { output in
            unsafe point.withBytePointer { point, _ in
                unsafe crypto_scalarmult_ristretto255(
                    output.baseAddress!.assumingMemoryBound(to: UInt8.self), scalar.pointer, point)
            }
        }
        guard result == 0 else { throw .invalidPoint }
        return share
    }

    private static func multiply(
        _ scalar: borrowing SecretBytes, _ point: Share, into output: borrowing SecretBytes
    ) throws(HandshakeError) {
        let result = point.withBytes { bytes in
            unsafe bytes.withBytePointer { point, _ in
                unsafe crypto_scalarmult_ristretto255(output.pointer, scalar.pointer, point)
            }
        }
        guard result == 0 else { throw .invalidPoint }
    }
}

extension CPace {
    /// A public share (Ya or Yb): an encoded ristretto255 point that nobody has checked yet.
    public struct Share: Equatable, Sendable, BitwiseCopyable {
        private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

        init() {}

        public init(from reader: inout ByteReader) throws(DecodeError) {
            words = (
                try reader.readUInt64().bigEndian, try reader.readUInt64().bigEndian,
                try reader.readUInt64().bigEndian, try reader.readUInt64().bigEndian
            )
        }

        public func encode(into writer: inout ByteWriter) {
            withBytes { bytes in
                unsafe bytes.withUnsafeBytes { unsafe writer.write(unsafeBytes: $0) }
            }
        }

        public static func == (left: Share, right: Share) -> Bool { left.words == right.words }

        func withBytes<Result>(_ body: (RawSpan) -> Result) -> Result {
            unsafe withUnsafeBytes(of: words) { body(unsafe RawSpan(_unsafeBytes: $0)) }
        }
    }

    /// What a side binds into the run beside its share (ADa, ADb): a role letter and its key.
    public struct PublicKeyData: Sendable {
        private let bytes: [UInt8]

        public init(role: Unicode.Scalar, key: PublicKey) {
            bytes = key.withBytes { span in
                [UInt8(truncatingIfNeeded: role.value)]
                    + (unsafe span.withUnsafeBytes { unsafe Array($0) })
            }
        }

        /// Any bytes, as the published vectors have them.
        init(raw: [UInt8]) {
            bytes = raw
        }

        func withBytes<Result>(_ body: (RawSpan) -> Result) -> Result {
            unsafe bytes.withUnsafeBytes { body(unsafe RawSpan(_unsafeBytes: $0)) }
        }
    }
}

extension ByteWriter {
    /// The draft's `prepend_len`: the length as unsigned LEB128, then the bytes.
    fileprivate mutating func write(prefixed bytes: RawSpan) {
        write(leb128: bytes.byteCount)
        write(bytes: bytes)
    }

    fileprivate mutating func write(prefixed text: String) {
        write(leb128: text.utf8.count)
        write(text: text)
    }

    fileprivate mutating func write(leb128 value: Int) {
        var rest = value
        while rest >= 0x80 {
            write(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        write(UInt8(truncatingIfNeeded: rest))
    }
}
