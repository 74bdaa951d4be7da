internal import CSodium

/// Noise_KKpsk0_25519_ChaChaPoly_SHA512 (Noise revision 34): both sides know the other's static
/// key, and both must hold the pre-shared key.
///
/// ```
///   -> s
///   <- s
///   ...
///   -> psk, e, es, ss
///   <- e, ee, se
/// ```
///
/// A value is used once: the initiator writes message 1 and reads message 2, the responder reads
/// and writes, and `finish` hands out the keys.
public struct NoiseKKpsk0: ~Copyable {
    /// Which side of the pattern this is.
    public enum Role: Sendable {
        /// Writes message 1.
        case initiator
        /// Writes message 2.
        case responder
    }

    /// Bytes that a message adds to its payload: an ephemeral key and a tag.
    public static let overhead = PublicKey.size + ChaChaPoly.tagSize

    private static let name = "Noise_KKpsk0_25519_ChaChaPoly_SHA512"

    private let role: Role
    private let remote: PublicKey
    private let arena: SecretArena
    private let preSharedKey: SecretBytes
    private var ephemeral: KeyPair?
    private var remoteEphemeral: PublicKey?

    // The symmetric state of section 5.2.
    private let chainingKey: SecretBytes
    private let key: SecretBytes
    private let hash: SecretBytes
    private var nonce: UInt64 = 0

    /// A handshake between `local` and `remote`. The caller holds on to the local key pair.
    public init(
        role: Role, prologue: RawSpan, preSharedKey: RawSpan, local: PublicKey, remote: PublicKey,
        arena: SecretArena
    ) {
        precondition(preSharedKey.byteCount == ChaChaPoly.keySize)
        self.role = role
        self.remote = remote
        self.arena = arena
        self.preSharedKey = SecretBytes(copying: preSharedKey, in: arena)
        chainingKey = SecretBytes(count: SHA512.size, in: arena)
        key = SecretBytes(count: ChaChaPoly.keySize, in: arena)
        hash = SecretBytes(count: SHA512.size, in: arena)
        // The name fits the hash length, so it is padded, not hashed (section 5.2).
        _ = hash.write { $0.write(text: NoiseKKpsk0.name) }
        _ = chainingKey.write { $0.write(text: NoiseKKpsk0.name) }
        mixHash(prologue)
        let (first, second) = role == .initiator ? (local, remote) : (remote, local)
        first.withBytes { mixHash($0) }
        second.withBytes { mixHash($0) }
    }

    private init(copying other: borrowing NoiseKKpsk0) {
        role = other.role
        remote = other.remote
        arena = other.arena
        preSharedKey = other.preSharedKey.duplicate()
        switch other.ephemeral {
        case .some(let pair): ephemeral = pair.duplicate()
        case .none: ephemeral = nil
        }
        remoteEphemeral = other.remoteEphemeral
        chainingKey = other.chainingKey.duplicate()
        key = other.key.duplicate()
        hash = other.hash.duplicate()
        nonce = other.nonce
    }

    /// The same state again, so that a message from an unknown sender can be tried without losing
    /// it. Message 2 is read this way; nothing is ever written from both.
    public func duplicate() -> NoiseKKpsk0 {
        NoiseKKpsk0(copying: self)
    }

    /// Appends the next message, with `payload` sealed into it.
    public mutating func writeMessage(
        payload: RawSpan, local: borrowing KeyPair, random: inout AnyRandomSource,
        into writer: inout ByteWriter
    ) throws(HandshakeError) {
        let fresh = KeyPair(random: &random, arena: arena)
        try writeMessage(payload: payload, local: local, ephemeral: fresh, into: &writer)
    }

    /// With a given ephemeral key, as the published vectors do.
    mutating func writeMessage(
        payload: RawSpan, local: borrowing KeyPair, ephemeral fresh: consuming KeyPair,
        into writer: inout ByteWriter
    ) throws(HandshakeError) {
        if role == .initiator { mixPreSharedKey() }
        fresh.publicKey.encode(into: &writer)
        mixEphemeral(fresh.publicKey)
        switch role {
        case .initiator:
            try mixAgreement(fresh, remote)
            try mixAgreement(local, remote)
        case .responder:
            guard let remoteEphemeral else { throw .malformed }
            try mixAgreement(fresh, remoteEphemeral)
            try mixAgreement(fresh, remote)
        }
        ephemeral = consume fresh
        encryptAndHash(payload, into: &writer)
    }

    /// Reads the other side's message and returns its payload. Throws `notAuthentic` when the other
    /// side does not hold the same keys or the message was altered.
    public mutating func readMessage(_ message: RawSpan, local: borrowing KeyPair)
        throws(HandshakeError) -> SecretBytes
    {
        guard message.byteCount >= NoiseKKpsk0.overhead else { throw .malformed }
        if role == .responder { mixPreSharedKey() }
        var reader = ByteReader(message)
        let other: PublicKey
        do throws(DecodeError) { other = try PublicKey(from: &reader) } catch { throw .malformed }
        mixEphemeral(other)
        switch role {
        case .initiator:
            guard let own = ephemeral.take() else { throw .malformed }
            try mixAgreement(own, other)
            try mixAgreement(local, other)
        case .responder:
            remoteEphemeral = other
            try mixAgreement(local, other)
            try mixAgreement(local, remote)
        }
        return try decryptAndHash(reader.readRest())
    }

    /// The keys after message 2.
    public consuming func finish() -> HandshakeResult {
        let initiatorKey = SecretBytes(count: SHA512.size, in: arena)
        let responderKey = SecretBytes(count: SHA512.size, in: arena)
        HKDF.noise(
            chainingKey: chainingKey, input: RawSpan(), first: initiatorKey, second: responderKey,
            arena: arena)
        let pairKey = SecretBytes(count: ChaChaPoly.keySize, in: arena)
        HKDF.derive(
            salt: "vc1 pair", keyMaterial: chainingKey.span, info: RawSpan(), into: pairKey,
            arena: arena)
        var reader = ByteReader(hash.span)
        let transcript = (try? Digest(from: &reader)) ?? Digest()
        let first = initiatorKey.prefix(ChaChaPoly.keySize, in: arena)
        let second = responderKey.prefix(ChaChaPoly.keySize, in: arena)
        switch role {
        case .initiator:
            return HandshakeResult(
                sendKey: first, receiveKey: second, pairKey: pairKey, transcript: transcript)
        case .responder:
            return HandshakeResult(
                sendKey: second, receiveKey: first, pairKey: pairKey, transcript: transcript)
        }
    }
}

/// What a finished handshake leaves.
public struct HandshakeResult: ~Copyable {
    /// Seals what this side sends.
    public let sendKey: SecretBytes
    /// Opens what the other side sent.
    public let receiveKey: SecretBytes
    /// K_pair: authenticates later handshakes of the same two members, and nothing else.
    public let pairKey: SecretBytes
    /// The handshake hash: the same on both sides, and not secret.
    public let transcript: Digest
}

extension NoiseKKpsk0 {
    private mutating func mixEphemeral(_ ephemeral: PublicKey) {
        // In a psk handshake the ephemeral is mixed into the key as well (section 9.2).
        ephemeral.withBytes { bytes in
            mixHash(bytes)
            mixKey(bytes)
        }
    }

    private mutating func mixAgreement(_ own: borrowing KeyPair, _ other: PublicKey)
        throws(HandshakeError)
    {
        let shared = SecretBytes(count: PublicKey.size, in: arena)
        try own.agree(with: other, into: shared)
        mixKey(shared.span)
    }

    private mutating func mixHash(_ data: RawSpan) {
        let input = SecretBytes(count: SHA512.size + data.byteCount, in: arena)
        _ = input.write { writer in
            writer.write(bytes: hash.span)
            writer.write(bytes: data)
        }
        SHA512.hash(input.span, into: hash)
    }

    private mutating func mixKey(_ input: RawSpan) {
        let first = SecretBytes(count: SHA512.size, in: arena)
        let second = SecretBytes(count: SHA512.size, in: arena)
        HKDF.noise(
            chainingKey: chainingKey, input: input, first: first, second: second, arena: arena)
        chainingKey.replace(with: first.span)
        initializeKey(second.span)
    }

    private mutating func mixPreSharedKey() {
        let first = SecretBytes(count: SHA512.size, in: arena)
        let second = SecretBytes(count: SHA512.size, in: arena)
        let third = SecretBytes(count: SHA512.size, in: arena)
        HKDF.noise(
            chainingKey: chainingKey, input: preSharedKey.span, first: first, second: second,
            third: third, arena: arena)
        chainingKey.replace(with: first.span)
        mixHash(second.span)
        initializeKey(third.span)
    }

    private mutating func initializeKey(_ material: RawSpan) {
        key.replace(with: material.extracting(0..<ChaChaPoly.keySize))
        nonce = 0
    }

    private mutating func encryptAndHash(_ payload: RawSpan, into writer: inout ByteWriter) {
        let sealed = SecretBytes(count: payload.byteCount + ChaChaPoly.tagSize, in: arena)
        _ = sealed.write { $0.write(bytes: payload) }
        unsafe hash.span.withUnsafeBytes { hash in
            unsafe ChaChaPoly.seal(
                inPlace: sealed.mutableBytes, count: payload.byteCount, counter: nonce,
                additional: hash, key: key.pointer)
        }
        nonce += 1
        mixHash(sealed.span)
        writer.write(bytes: sealed.span)
    }

    private mutating func decryptAndHash(_ message: RawSpan) throws(HandshakeError) -> SecretBytes {
        let opened = SecretBytes(copying: message, in: arena)
        let authentic = unsafe hash.span.withUnsafeBytes { hash in
            unsafe ChaChaPoly.open(
                inPlace: opened.mutableBytes, counter: nonce, additional: hash, key: key.pointer)
        }
        guard authentic else { throw .notAuthentic }
        nonce += 1
        mixHash(message)
        return opened.prefix(message.byteCount - ChaChaPoly.tagSize, in: arena)
    }
}
