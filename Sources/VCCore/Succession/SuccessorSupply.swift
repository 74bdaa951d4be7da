/// What a host hands its successor in advance, so that a room outlives it: everything that only the
/// host knows. Secrets stand in the arena only.
struct SuccessorSupply: ~Copyable {
    /// Codes at most: as many as one-time codes may be open beside the room's own.
    static let maximumCodes = 16
    /// Removed members at most; the oldest are left out.
    static let maximumTombstones = 96

    /// A code that lets people in.
    final class Code {
        let nameplate: UInt32
        let words: CodeWords
        /// What its lease is held with.
        let claimToken: SecretBytes
        /// Wrong guesses so far.
        let failures: UInt16
        /// Whether it lets in one person only.
        let isOnce: Bool

        init(
            nameplate: UInt32, words: consuming CodeWords, claimToken: consuming SecretBytes,
            failures: Int, isOnce: Bool
        ) {
            self.nameplate = nameplate
            self.words = words
            self.claimToken = claimToken
            self.failures = UInt16(clamping: failures)
            self.isOnce = isOnce
        }

        func encode(into writer: inout ByteWriter) {
            writer.write(nameplate)
            words.encode(into: &writer)
            claimToken.encode(into: &writer)
            writer.write(failures)
            writer.write(isOnce ? SuccessorSupply.onceFlag : 0)
        }

        static let encodedSize = 4 + CodeWords.encodedSize + SignalFormat.claimTokenSize + 2 + 1
    }

    /// The room's own code first.
    let codes: [Code]
    /// Who was removed, and may not come back.
    let tombstones: [PublicKey]
    /// Whether nobody is let in.
    let isLocked: Bool
    /// Whether vc-signal runs in the host's process, and ends with it.
    let signalIsEmbedded: Bool
    /// The pre-shared key of handshakes between members.
    let roomKey: SecretBytes
    let ticketGeneration: UInt32

    static let headerSize = 1 + 4 + 32 + 2
    static let maximumSize =
        headerSize + maximumCodes * Code.encodedSize + maximumTombstones * PublicKey.size

    private static let lockedFlag: UInt8 = 0x01
    private static let embeddedFlag: UInt8 = 0x02
    fileprivate static let onceFlag: UInt8 = 0x01

    /// Bytes of the encoding.
    var encodedSize: Int {
        Self.headerSize + codes.count * Code.encodedSize + tombstones.count * PublicKey.size
    }

    init(
        codes: [Code], tombstones: [PublicKey], isLocked: Bool, signalIsEmbedded: Bool,
        roomKey: consuming SecretBytes, ticketGeneration: UInt32
    ) {
        self.codes = Array(codes.prefix(Self.maximumCodes))
        self.tombstones = Array(tombstones.suffix(Self.maximumTombstones))
        self.isLocked = isLocked
        self.signalIsEmbedded = signalIsEmbedded
        self.roomKey = roomKey
        self.ticketGeneration = ticketGeneration
    }

    /// `flags 1 | generation 4 | room key 32 | codes 1 | tombstones 1 | code* | key 32*`, a code as
    /// `nameplate 4 | words 6 | claim token 32 | failures 2 | flags 1`.
    func encode(arena: SecretArena) -> SecretBytes {
        let output = SecretBytes(count: encodedSize, in: arena)
        _ = output.write { writer in
            writer.write(
                (isLocked ? Self.lockedFlag : 0) | (signalIsEmbedded ? Self.embeddedFlag : 0))
            writer.write(ticketGeneration)
            writer.write(bytes: roomKey.span)
            writer.write(UInt8(codes.count))
            writer.write(UInt8(tombstones.count))
            for code in codes { code.encode(into: &writer) }
            for key in tombstones { key.encode(into: &writer) }
        }
        return output
    }

    init(_ bytes: RawSpan, arena: SecretArena) throws(DecodeError) {
        var reader = ByteReader(bytes)
        let flags = try reader.readUInt8()
        guard flags & ~(Self.lockedFlag | Self.embeddedFlag) == 0 else { throw .unexpectedValue }
        let generation = try reader.readUInt32()
        // It goes on being counted.
        guard generation <= Roster.maximumCount else { throw .unexpectedValue }
        let roomKey = try Self.secret(&reader, 32, arena: arena)
        let codeCount = Int(try reader.readUInt8())
        let tombstoneCount = Int(try reader.readUInt8())
        guard codeCount <= Self.maximumCodes, tombstoneCount <= Self.maximumTombstones else {
            throw .tooLong
        }
        var codes: [Code] = []
        for _ in 0..<codeCount { codes.append(try Self.code(&reader, arena: arena)) }
        var tombstones: [PublicKey] = []
        for _ in 0..<tombstoneCount { tombstones.append(try PublicKey(from: &reader)) }
        try reader.expectEnd()
        self.init(
            codes: codes, tombstones: tombstones, isLocked: flags & Self.lockedFlag != 0,
            signalIsEmbedded: flags & Self.embeddedFlag != 0, roomKey: roomKey,
            ticketGeneration: generation)
    }

    private static func secret(
        _ reader: inout ByteReader, _ count: Int, arena: SecretArena
    ) throws(DecodeError) -> SecretBytes {
        let bytes = try reader.readBytes(count)
        return SecretBytes(copying: bytes, in: arena)
    }

    private static func code(
        _ reader: inout ByteReader, arena: SecretArena
    ) throws(DecodeError) -> Code {
        let nameplate = try reader.readUInt32()
        guard RoomCode.nameplates.contains(nameplate) else { throw .unexpectedValue }
        let words = try CodeWords(from: &reader, in: arena)
        let token = try secret(&reader, SignalFormat.claimTokenSize, arena: arena)
        let failures = try reader.readUInt16()
        let flags = try reader.readUInt8()
        guard flags & ~onceFlag == 0 else { throw .unexpectedValue }
        return Code(
            nameplate: nameplate, words: words, claimToken: token, failures: Int(failures),
            isOnce: flags == onceFlag)
    }
}
