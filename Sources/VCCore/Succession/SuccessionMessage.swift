/// What members tell each other about who is host, in the stream of a pair.
enum SuccessionMessage {
    /// From the host to its successor: what a host needs.
    case supply(SupplySeal.Message)
    /// The successor has the supply with this counter.
    case supplied(UInt64)
    /// The sender is host, or would be where the host is silent: its roster says so.
    case claim(Roster, [Departure])
    /// The nameplate that leads to the host's mailbox.
    case meetingPlace(UInt32)
    /// From a host to one that may be another: its room.
    case hosting(HostMeeting.Statement)
    /// From a host to another one, whose members its own are from now on.
    case surrender(HostMeeting.Statement)
    /// From the host: another member is host now.
    case handOver(Roster, [Departure])
    /// From a host to one that it does not hear, through a member that hears both: one of
    /// `hosting`, `surrender`, `claim` and `meetingPlace`.
    indirect case passed(to: PublicKey, SuccessionMessage)
    /// From a member that follows a new host: whom it hears, and the host's roster does not name.
    case unnamed([PublicKey])

    private enum Kind {
        static let supply: UInt8 = 0x10
        static let supplied: UInt8 = 0x11
        static let claim: UInt8 = 0x12
        static let meetingPlace: UInt8 = 0x13
        static let hosting: UInt8 = 0x14
        static let surrender: UInt8 = 0x15
        static let handOver: UInt8 = 0x16
        static let passed: UInt8 = 0x17
        static let unnamed: UInt8 = 0x18

        static let passable = [hosting, surrender, claim, meetingPlace]
    }

    /// The kinds that are read here.
    static let kinds: ClosedRange<UInt8> = 0x10...0x1F

    func encode(into writer: inout ByteWriter) {
        switch self {
        case .supply(let message):
            writer.write(Kind.supply)
            writer.write(message.counter)
            unsafe writer.write(bytes: message.sealed.span.bytes)
        case .supplied(let counter):
            writer.write(Kind.supplied)
            writer.write(counter)
        case .claim(let roster, let departures):
            writer.write(Kind.claim)
            roster.encode(into: &writer)
            Departure.encode(departures, into: &writer)
        case .meetingPlace(let nameplate):
            writer.write(Kind.meetingPlace)
            writer.write(nameplate)
        case .hosting(let statement):
            writer.write(Kind.hosting)
            statement.encode(into: &writer)
        case .surrender(let statement):
            writer.write(Kind.surrender)
            statement.encode(into: &writer)
        case .handOver(let roster, let departures):
            writer.write(Kind.handOver)
            roster.encode(into: &writer)
            Departure.encode(departures, into: &writer)
        case .passed(let key, let message):
            writer.write(Kind.passed)
            key.encode(into: &writer)
            message.encode(into: &writer)
        case .unnamed(let keys):
            writer.write(Kind.unnamed)
            for key in keys { key.encode(into: &writer) }
        }
    }

    /// Reads what stands behind the kind; nil for a kind of a later version.
    static func decode(
        kind: UInt8, _ reader: inout ByteReader
    ) throws(DecodeError) -> SuccessionMessage? {
        let message: SuccessionMessage
        switch kind {
        case Kind.supply:
            let counter = try reader.readUInt64()
            guard reader.remaining <= SupplySeal.Message.maximumSize else { throw .tooLong }
            let sealed = unsafe reader.readRest().withUnsafeBytes { unsafe Array($0) }
            message = .supply(SupplySeal.Message(counter: counter, sealed: sealed))
        case Kind.supplied:
            message = .supplied(try reader.readUInt64())
        case Kind.claim:
            message = .claim(try Roster(from: &reader), try Departure.decode(&reader))
        case Kind.meetingPlace:
            let nameplate = try reader.readUInt32()
            guard RoomCode.nameplates.contains(nameplate) else { throw .unexpectedValue }
            message = .meetingPlace(nameplate)
        case Kind.hosting:
            message = .hosting(try HostMeeting.Statement(from: &reader))
        case Kind.surrender:
            message = .surrender(try HostMeeting.Statement(from: &reader))
        case Kind.handOver:
            message = .handOver(try Roster(from: &reader), try Departure.decode(&reader))
        case Kind.passed:
            let key = try PublicKey(from: &reader)
            let inner = try reader.readUInt8()
            guard Kind.passable.contains(inner) else { throw .unexpectedValue }
            guard let passed = try decode(kind: inner, &reader) else { return nil }
            message = .passed(to: key, passed)
        case Kind.unnamed:
            guard reader.remaining <= Limits.members * PublicKey.size else { throw .tooLong }
            var keys: [PublicKey] = []
            while reader.remaining > 0 { keys.append(try PublicKey(from: &reader)) }
            message = .unnamed(keys)
        case _:
            return nil
        }
        try reader.expectEnd()
        return message
    }
}

/// What a leave says beside itself: `reason 1`, and of a host that hands over `term 4 | key 32`.
struct LeaveNotice: Equatable {
    let reason: LeaveReason
    /// Of a host: who is host in the term after the present one.
    let heir: Heir?

    struct Heir: Equatable {
        let key: PublicKey
        let term: UInt32
    }

    init(_ reason: LeaveReason, heir: Heir? = nil) {
        self.reason = reason
        self.heir = heir
    }

    func encode(into writer: inout ByteWriter) {
        writer.write(SealedKind.leave.rawValue)
        writer.write(reason.rawValue)
        guard let heir else { return }
        writer.write(heir.term)
        heir.key.encode(into: &writer)
    }

    /// Reads what stands behind the kind.
    init(from reader: inout ByteReader) throws(DecodeError) {
        guard let reason = LeaveReason(rawValue: try reader.readUInt8()) else {
            throw .unexpectedValue
        }
        self.reason = reason
        if reader.remaining > 0 {
            let term = try reader.readUInt32()
            heir = Heir(key: try PublicKey(from: &reader), term: term)
        } else {
            heir = nil
        }
        try reader.expectEnd()
    }
}
