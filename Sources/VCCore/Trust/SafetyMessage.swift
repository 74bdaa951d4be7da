/// Which comparison of safety words a message is about: who started it, and the how many-th of that
/// member it is.
struct SafetyRun: Equatable {
    /// Bytes of an encoded run.
    static let encodedSize = PublicKey.size + 4

    let starter: PublicKey
    let number: UInt32

    func encode(into writer: inout ByteWriter) {
        starter.encode(into: &writer)
        writer.write(number)
    }

    init(starter: PublicKey, number: UInt32) {
        self.starter = starter
        self.number = number
    }

    init(from reader: inout ByteReader) throws(DecodeError) {
        starter = try PublicKey(from: &reader)
        number = try reader.readUInt32()
    }
}

/// The first of a member's two messages: what it is bound to from now on.
struct SafetyCommitment: Equatable {
    let run: SafetyRun
    /// R of the roster that the sender has.
    let roster: Digest
    let commitment: Digest

    /// `starter 32 | number 4 | R 64 | c 64`.
    func encode(into writer: inout ByteWriter) {
        run.encode(into: &writer)
        roster.encode(into: &writer)
        commitment.encode(into: &writer)
    }

    init(run: SafetyRun, roster: Digest, commitment: Digest) {
        self.run = run
        self.roster = roster
        self.commitment = commitment
    }

    init(from reader: inout ByteReader) throws(DecodeError) {
        run = try SafetyRun(from: &reader)
        roster = try Digest(from: &reader)
        commitment = try Digest(from: &reader)
        try reader.expectEnd()
    }
}

/// The second one: the value that the commitment was made of. It is sent when the commitments of
/// all members are there, and is no secret from then on.
struct SafetyReveal: Equatable {
    /// Bytes of the value.
    static let valueSize = 32

    let run: SafetyRun
    let value: [UInt8]

    /// `starter 32 | number 4 | r 32`.
    func encode(into writer: inout ByteWriter) {
        run.encode(into: &writer)
        unsafe writer.write(bytes: value.span.bytes)
    }

    init(run: SafetyRun, value: [UInt8]) {
        self.run = run
        self.value = value
    }

    init(from reader: inout ByteReader) throws(DecodeError) {
        run = try SafetyRun(from: &reader)
        let bytes = try reader.readBytes(SafetyReveal.valueSize)
        value = unsafe bytes.withUnsafeBytes { unsafe Array($0) }
        try reader.expectEnd()
    }
}

/// What a member sends to each other one.
enum SafetyMessage: Equatable {
    case commitment(SafetyCommitment)
    case reveal(SafetyReveal)
}

/// The two hashes.
enum SafetyHash {
    /// c = SHA-512(lv("vc1 commit", room id, R, run, X, r)).
    static func commitment(
        room: RoomID, roster: Digest, run: SafetyRun, member: PublicKey, value: RawSpan,
        arena: SecretArena
    ) -> Digest {
        // In secret memory: until the reveal nobody may know r.
        let input = SecretBytes(count: commitmentInputSize, in: arena)
        let size = input.write { writer in
            writer.write(field: commitmentLabel)
            write(room, roster, run, into: &writer)
            writer.write(UInt16(PublicKey.size))
            member.encode(into: &writer)
            writer.write(field: value)
        }
        return SHA512.hash(input.span.extracting(0..<size))
    }

    /// SHA-512(lv("vc1 sas", room id, R, run, all c, all r)), both in the order of the keys.
    static func words(
        room: RoomID, roster: Digest, run: SafetyRun, commitments: [Digest], values: [[UInt8]]
    ) -> Digest {
        let count = commitments.count
        let capacity =
            64 + roomAndRunSize + count * (SHA512.size + SafetyReveal.valueSize)
        let input = [UInt8](capacity: capacity) { writer in
            writer.write(field: "vc1 sas")
            write(room, roster, run, into: &writer)
            writer.write(UInt16(count * SHA512.size))
            for commitment in commitments { commitment.encode(into: &writer) }
            writer.write(UInt16(count * SafetyReveal.valueSize))
            for value in values { unsafe writer.write(bytes: value.span.bytes) }
        }
        return unsafe SHA512.hash(input.span.bytes)
    }

    private static let commitmentLabel = "vc1 commit"
    private static let roomAndRunSize = 6 + RoomID.size + SHA512.size + SafetyRun.encodedSize
    private static let commitmentInputSize =
        2 + commitmentLabel.utf8.count + roomAndRunSize + 2 + PublicKey.size + 2
        + SafetyReveal.valueSize

    private static func write(
        _ room: RoomID, _ roster: Digest, _ run: SafetyRun, into writer: inout ByteWriter
    ) {
        writer.write(UInt16(RoomID.size))
        room.encode(into: &writer)
        writer.write(UInt16(SHA512.size))
        roster.encode(into: &writer)
        writer.write(UInt16(SafetyRun.encodedSize))
        run.encode(into: &writer)
    }
}
