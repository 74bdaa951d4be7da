/// A message of the reliable stream between two members.
enum StreamMessage {
    /// Text for the room, with the author's number for it.
    case chat(id: UInt64, text: [UInt8])
    /// What the sender calls itself.
    case name([UInt8])
    /// The roster that the sender knows: two members with different R for one version were shown
    /// different rosters.
    case knows(RosterSummary)
    /// The host's roster, and who is not in it any more.
    case roster(Roster, [Departure])
    /// About who is host.
    case succession(SuccessionMessage)
    /// Asks the host for the roster: somebody else knows a later one.
    case askRoster
    /// The roster that the sender knows, for whom another one was shown to.
    case shown(Roster)
    /// A handshake or sealed packet for a member that the sender does not reach.
    case carry(to: PublicKey, [UInt8])
    /// The same, for the receiver, from a member that does not reach it.
    case carried(from: PublicKey, [UInt8])
    /// Whether the sender's microphone is closed.
    case muted(Bool)
    /// Whether the sender records what it hears.
    case recording(Bool)
    /// Where the sender can be reached now, and how its NAT maps.
    case candidates([Endpoint], NATMapping)
    /// What relays check the sender's tickets with: for the host, which asks for them.
    case relayKey(VerifyKey)
    /// The receiver's ticket for relays, from the host.
    case ticket(Ticket)
    /// The sender is bound to a value, for the safety words.
    case safetyCommitment(SafetyCommitment)
    /// The value that it was bound to.
    case safetyReveal(SafetyReveal)
    /// Birthday punching: the sender's NAT keeps one port, the receiver's does not, and vc-signal
    /// saw the sender there.
    case birthdayOffer(Sighting)
    /// The answer of the receiver, which opens its ports now.
    case birthdayAccept(Sighting)
    /// Text for some members.
    case whisper(WhisperMessage)

    /// Of a phrase: the sender's room is found under this lease now.
    case tuneMoved(lease: UInt32)

    private enum Kind {
        static let chat: UInt8 = 0x01
        static let name: UInt8 = 0x02
        static let knows: UInt8 = 0x03
        static let roster: UInt8 = 0x04
        static let muted: UInt8 = 0x05
        static let candidates: UInt8 = 0x06
        static let relayKey: UInt8 = 0x07
        static let ticket: UInt8 = 0x08
        static let birthdayOffer: UInt8 = 0x09
        static let birthdayAccept: UInt8 = 0x0A
        static let askRoster: UInt8 = 0x0B
        static let shown: UInt8 = 0x0C
        static let carry: UInt8 = 0x0D
        static let carried: UInt8 = 0x0E
        static let safetyCommitment: UInt8 = 0x20
        static let safetyReveal: UInt8 = 0x21
        static let tuneMoved: UInt8 = 0x30
        static let whisper: UInt8 = 0x38
        static let recording: UInt8 = 0x40
    }

    func encode() -> [UInt8] {
        [UInt8](capacity: ReliableStream.maximumMessage) { writer in
            switch self {
            case .chat(let id, let text):
                writer.write(Kind.chat)
                writer.write(id)
                unsafe writer.write(bytes: text.span.bytes)
            case .name(let name):
                writer.write(Kind.name)
                unsafe writer.write(bytes: name.span.bytes)
            case .knows(let summary):
                writer.write(Kind.knows)
                summary.encode(into: &writer)
            case .roster(let roster, let departures):
                writer.write(Kind.roster)
                roster.encode(into: &writer)
                Departure.encode(departures, into: &writer)
            case .succession(let message):
                message.encode(into: &writer)
            case .askRoster:
                writer.write(Kind.askRoster)
            case .shown(let roster):
                writer.write(Kind.shown)
                roster.encode(into: &writer)
            case .carry(let key, let datagram):
                writer.write(Kind.carry)
                key.encode(into: &writer)
                unsafe writer.write(bytes: datagram.span.bytes)
            case .carried(let key, let datagram):
                writer.write(Kind.carried)
                key.encode(into: &writer)
                unsafe writer.write(bytes: datagram.span.bytes)
            case .muted(let on):
                writer.write(Kind.muted)
                writer.write(UInt8(on ? 1 : 0))
            case .recording(let on):
                writer.write(Kind.recording)
                writer.write(UInt8(on ? 1 : 0))
            case .candidates(let list, let mapping):
                writer.write(Kind.candidates)
                writer.write(mapping.rawValue)
                CandidateList.encode(list, into: &writer)
            case .relayKey(let key):
                writer.write(Kind.relayKey)
                key.encode(into: &writer)
            case .ticket(let ticket):
                writer.write(Kind.ticket)
                ticket.encode(into: &writer)
            case .safetyCommitment(let commitment):
                writer.write(Kind.safetyCommitment)
                commitment.encode(into: &writer)
            case .safetyReveal(let reveal):
                writer.write(Kind.safetyReveal)
                reveal.encode(into: &writer)
            case .birthdayOffer(let sighting):
                writer.write(Kind.birthdayOffer)
                sighting.encode(into: &writer)
            case .birthdayAccept(let sighting):
                writer.write(Kind.birthdayAccept)
                sighting.encode(into: &writer)
            case .tuneMoved(let lease):
                writer.write(Kind.tuneMoved)
                writer.write(lease)
            case .whisper(let message):
                writer.write(Kind.whisper)
                message.encode(into: &writer)
            }
        }
    }

    /// Nil for a kind that this version does not know: a later version may say more.
    static func decode(_ bytes: RawSpan) throws(DecodeError) -> StreamMessage? {
        var reader = ByteReader(bytes)
        let kind = try reader.readUInt8()
        if SuccessionMessage.kinds.contains(kind) {
            return try SuccessionMessage.decode(kind: kind, &reader).map { .succession($0) }
        }
        switch kind {
        case Kind.chat:
            let id = try reader.readUInt64()
            guard reader.remaining <= Limits.chatMessage else { throw .tooLong }
            return .chat(id: id, text: copy(reader.readRest()))
        case Kind.name:
            guard reader.remaining <= 4 * Limits.nameCharacters else { throw .tooLong }
            return .name(copy(reader.readRest()))
        case Kind.knows:
            let summary = try RosterSummary(from: &reader)
            try reader.expectEnd()
            return .knows(summary)
        case Kind.roster:
            let roster = try Roster(from: &reader)
            let departures = try Departure.decode(&reader)
            try reader.expectEnd()
            return .roster(roster, departures)
        case Kind.askRoster:
            try reader.expectEnd()
            return .askRoster
        case Kind.shown:
            let roster = try Roster(from: &reader)
            try reader.expectEnd()
            return .shown(roster)
        case Kind.carry, Kind.carried:
            let key = try PublicKey(from: &reader)
            guard reader.remaining <= SignalFormat.maximumBody else { throw .tooLong }
            let datagram = copy(reader.readRest())
            return kind == Kind.carry ? .carry(to: key, datagram) : .carried(from: key, datagram)
        case Kind.muted: return .muted(try readFlag(&reader))
        case Kind.recording: return .recording(try readFlag(&reader))
        case Kind.candidates:
            guard let mapping = NATMapping(rawValue: try reader.readUInt8()) else {
                throw .unexpectedValue
            }
            let list = try CandidateList.decode(&reader)
            try reader.expectEnd()
            return .candidates(list, mapping)
        case Kind.relayKey:
            let key = try VerifyKey(from: &reader)
            try reader.expectEnd()
            return .relayKey(key)
        case Kind.ticket:
            let ticket = try Ticket(from: &reader)
            try reader.expectEnd()
            return .ticket(ticket)
        case Kind.safetyCommitment: return .safetyCommitment(try SafetyCommitment(from: &reader))
        case Kind.safetyReveal: return .safetyReveal(try SafetyReveal(from: &reader))
        case Kind.birthdayOffer:
            let sighting = try Sighting(from: &reader)
            try reader.expectEnd()
            return .birthdayOffer(sighting)
        case Kind.birthdayAccept:
            let sighting = try Sighting(from: &reader)
            try reader.expectEnd()
            return .birthdayAccept(sighting)
        case Kind.tuneMoved: return .tuneMoved(lease: try SignalFormat.readTuneLease(&reader))
        case Kind.whisper:
            return .whisper(try WhisperMessage(from: &reader))
        case _:
            return nil
        }
    }

    /// 0 or 1, and nothing behind it.
    private static func readFlag(_ reader: inout ByteReader) throws(DecodeError) -> Bool {
        let on = try reader.readUInt8()
        guard on <= 1 else { throw .unexpectedValue }
        try reader.expectEnd()
        return on == 1
    }

    private static func copy(_ bytes: RawSpan) -> [UInt8] {
        unsafe bytes.withUnsafeBytes { unsafe Array($0) }
    }
}
