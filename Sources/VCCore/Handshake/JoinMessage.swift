/// The messages of the join, opaque to the mailbox that carries them.
///
/// ```
///   J1  01 | version 1 | sid 16 | Ya 32 | X_J 32
///   H1  02 | version 1 | sid 16 | Yb 32 | X_H 32
///   J2  03 | sid 16 | Noise message 1
///   H2  04 | sid 16 | Noise message 2
///   HX  05 | sid 16 | reason 1 | version 1
/// ```
enum JoinMessage {
    static let first: UInt8 = 0x01
    static let hostFirst: UInt8 = 0x02
    static let second: UInt8 = 0x03
    static let hostSecond: UInt8 = 0x04
    static let refusal: UInt8 = 0x05

    /// Bytes of J1 and H1.
    static let openingSize = 2 + Block16.encodedSize + CPace.shareSize + PublicKey.size
    /// Bytes before the Noise message of J2 and H2.
    static let sealedHeaderSize = 1 + Block16.encodedSize
    static let refusalSize = 1 + Block16.encodedSize + 2

    /// J1 and H1 without their type byte and version, which are checked.
    struct Opening {
        let session: Block16
        let share: CPace.Share
        let key: PublicKey

        static func make(
            _ type: UInt8, session: Block16, share: CPace.Share, key: PublicKey
        ) -> [UInt8] {
            [UInt8](capacity: openingSize) { writer in
                writer.write(type)
                writer.write(protocolVersion)
                session.encode(into: &writer)
                share.encode(into: &writer)
                key.encode(into: &writer)
            }
        }

        init(_ bytes: RawSpan, type: UInt8) throws(DecodeError) {
            var reader = ByteReader(bytes)
            try reader.expect(type)
            guard try reader.readUInt8() == protocolVersion else { throw .unsupportedVersion }
            session = try Block16(from: &reader)
            share = try CPace.Share(from: &reader)
            key = try PublicKey(from: &reader)
            try reader.expectEnd()
        }
    }

    /// What the PAKE binds beside the secret: protocol, roles and nameplate (CI of the draft).
    ///
    /// - Parameter bucket: of the phrase, where `nameplate` is a lease that is found by it: then
    ///   "tune" | bucket 2 | lease 4 stands in the place of the digits.
    static func channel(nameplate: UInt32, bucket: UInt16? = nil) -> [UInt8] {
        [UInt8](capacity: 64) { writer in
            writer.write(field: "vc1 join")
            writer.write(field: "joiner")
            writer.write(field: "host")
            if let bucket {
                writer.write(UInt16(4 + 2 + 4))
                writer.write(text: "tune")
                writer.write(bucket)
                writer.write(nameplate)
            } else {
                writer.write(field: String(nameplate))
            }
        }
    }

    /// lv(J1, H1).
    static func transcript(_ first: [UInt8], _ hostFirst: [UInt8]) -> [UInt8] {
        [UInt8](capacity: 4 + first.count + hostFirst.count) { writer in
            unsafe writer.write(field: first.span.bytes)
            unsafe writer.write(field: hostFirst.span.bytes)
        }
    }

    /// The Noise prologue: lv("vc1 join", J1, H1).
    static func prologue(_ first: [UInt8], _ hostFirst: [UInt8]) -> [UInt8] {
        let transcript = transcript(first, hostFirst)
        return [UInt8](capacity: 16 + transcript.count) { writer in
            writer.write(field: "vc1 join")
            unsafe writer.write(bytes: transcript.span.bytes)
        }
    }

    /// psk = HKDF-SHA512(salt "vc1 psk", ISK, SHA-512(lv(J1, H1)), 32).
    static func preSharedKey(
        _ key: borrowing SecretBytes, _ first: [UInt8], _ hostFirst: [UInt8], arena: SecretArena
    ) -> SecretBytes {
        let output = SecretBytes(count: 32, in: arena)
        unsafe SHA512.hash(transcript(first, hostFirst).span.bytes).withBytes { transcript in
            HKDF.derive(
                salt: "vc1 psk", keyMaterial: key.span, info: transcript, into: output,
                arena: arena)
        }
        return output
    }
}

/// Why a host does not let a joiner in (HX). In clear: it tells the mailbox nothing that silence
/// would not.
public enum JoinRefusal: UInt8, Sendable {
    /// The words are wrong, or the host retired them.
    case refused = 1
    /// Too many wrong guesses lately; later.
    case busy = 2
    /// The host lets nobody in.
    case locked = 3
    /// The room has all the members it can have.
    case full = 4
    /// The host speaks another version of the protocol.
    case version = 5

    func message(session: Block16) -> [UInt8] {
        [UInt8](capacity: JoinMessage.refusalSize) { writer in
            writer.write(JoinMessage.refusal)
            session.encode(into: &writer)
            writer.write(rawValue)
            writer.write(protocolVersion)
        }
    }
}

/// The sealed part of J2: what the host learns of a joiner that knows the words.
struct JoinRequest {
    /// The index of packets to the joiner.
    let index: UInt32
    let candidates: [Endpoint]

    /// lv(index, candidates).
    func encode() -> [UInt8] {
        [UInt8](capacity: 256) { writer in
            writer.write(UInt16(4))
            writer.write(index)
            writer.write(UInt16(1 + min(candidates.count, CandidateList.maximumCount) * 18))
            CandidateList.encode(candidates, into: &writer)
        }
    }

    init(index: UInt32, candidates: [Endpoint]) {
        self.index = index
        self.candidates = candidates
    }

    init(_ payload: RawSpan) throws(DecodeError) {
        var reader = ByteReader(payload)
        guard try reader.readUInt16() == 4 else { throw .unexpectedValue }
        index = try reader.readUInt32()
        var list = ByteReader(try reader.readField(limit: 256))
        candidates = try CandidateList.decode(&list)
        try list.expectEnd()
        try reader.expectEnd()
    }
}

/// The sealed part of H2: the room, as the host shows it to a new member.
struct Welcome: ~Copyable {
    /// The index of packets to the host.
    let index: UInt32
    let room: RoomID
    /// The joiner's number.
    let number: UInt8
    let roster: Roster
    /// Authenticates handshake datagrams between members; proves membership to nobody.
    let roomKey: SecretBytes
    let candidates: [Endpoint]

    static let maximumSize = 6 * 2 + 4 + RoomID.size + 1 + Roster.maximumSize + 32 + 1 + 8 * 18

    /// lv(index, room id, number, roster, room key, candidates), in secret memory.
    func encode(arena: SecretArena) -> SecretBytes {
        let output = SecretBytes(count: Welcome.maximumSize, in: arena)
        let encodedRoster = [UInt8](capacity: Roster.maximumSize) { roster.encode(into: &$0) }
        let size = output.write { writer in
            writer.write(UInt16(4))
            writer.write(index)
            writer.write(UInt16(RoomID.size))
            room.encode(into: &writer)
            writer.write(UInt16(1))
            writer.write(number)
            unsafe writer.write(field: encodedRoster.span.bytes)
            writer.write(field: roomKey.span)
            writer.write(UInt16(1 + min(candidates.count, CandidateList.maximumCount) * 18))
            CandidateList.encode(candidates, into: &writer)
        }
        return output.prefix(size, in: arena)
    }

    init(
        index: UInt32, room: RoomID, number: UInt8, roster: Roster,
        roomKey: consuming SecretBytes, candidates: [Endpoint]
    ) {
        self.index = index
        self.room = room
        self.number = number
        self.roster = roster
        self.roomKey = roomKey
        self.candidates = candidates
    }

    init(_ payload: RawSpan, arena: SecretArena) throws(DecodeError) {
        var reader = ByteReader(payload)
        guard try reader.readUInt16() == 4 else { throw .unexpectedValue }
        let index = try reader.readUInt32()
        guard try reader.readUInt16() == RoomID.size else { throw .unexpectedValue }
        let room = try RoomID(from: &reader)
        guard try reader.readUInt16() == 1 else { throw .unexpectedValue }
        let number = try reader.readUInt8()
        var members = ByteReader(try reader.readField(limit: Roster.maximumSize))
        let roster = try Roster(from: &members)
        try members.expectEnd()
        let key = try reader.readField(limit: 32)
        guard key.byteCount == 32 else { throw .unexpectedValue }
        var list = ByteReader(try reader.readField(limit: 256))
        let candidates = try CandidateList.decode(&list)
        try list.expectEnd()
        try reader.expectEnd()
        self.init(
            index: index, room: room, number: number, roster: roster,
            roomKey: SecretBytes(copying: key, in: arena), candidates: candidates)
    }
}
