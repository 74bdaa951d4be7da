/// A message from vc-signal to a client. Bodies are not copied: a range tells where they stand in
/// the datagram.
public enum SignalAnswer: Equatable, Sendable {
    /// Proves to the server that the client receives at its address. Comes for HELLO, and instead
    /// of an answer when the cookie of a message does not hold.
    case cookie(Block16, observed: Endpoint, secondPort: UInt16)
    /// The answer to CLAIM.
    case lease(LeaseStatus, nameplate: UInt32, seconds: UInt16)
    /// The answer to KEEPALIVE and RELEASE.
    case kept(KeptStatus, observed: Endpoint)
    /// A joiner's body, at the host. The tag tells sources apart and nothing about them.
    case toHost(mailbox: UInt32, sourceTag: UInt64, body: Range<Int>)
    /// The host's body, at a joiner; with a ticket for relays if the host granted one.
    case toJoiner(run: UInt64, ticket: Ticket?, body: Range<Int>)
    /// Why something was not done. `subject` is the nameplate or mailbox, or for
    /// `unsupportedVersion` the version that the server speaks.
    case notice(NoticeStatus, subject: UInt32)
    /// The answer to RELAYS: those that answer the server, in the room's order.
    case relays([RelayServer])
    /// The answer to TICKET, for the member with this number. No ticket where the status says no.
    case ticket(TicketStatus, member: UInt8, Ticket?)
    /// The answer to SIGHT.
    case sight(subject: Block16, Sighting)
    /// The answer to VERIFY: whether the server saw somebody there on this subject, lately.
    case verified(subject: Block16, seal: Block16, isTrue: Bool)
    /// The answer to TUNE-LIST: leases of a bucket whose hosts are heard, in random order.
    case leases(bucket: UInt16, [UInt32])

    enum Code {
        static let cookie: UInt8 = 0x81
        static let lease: UInt8 = 0x82
        static let kept: UInt8 = 0x83
        static let toHost: UInt8 = 0x84
        static let toJoiner: UInt8 = 0x85
        static let notice: UInt8 = 0x86
        static let relays: UInt8 = 0x87
        static let ticket: UInt8 = 0x88
        static let sight: UInt8 = 0x89
        static let verified: UInt8 = 0x8A
        static let leases: UInt8 = 0x99
    }

    /// What became of a CLAIM.
    public enum LeaseStatus: UInt8, Sendable, CaseIterable {
        /// The nameplate is the client's for the stated seconds, anew with each keepalive.
        case granted = 0
        /// Somebody else has, or had until less than 10 minutes ago, the wanted nameplate.
        case nameplateTaken = 1
        /// The server has no room for more leases, in all or from this source.
        case full = 2
        /// Too many claims; later.
        case rateLimited = 3
        /// The server is about to stop and opens no rooms.
        case draining = 4
        /// The claim token belongs to a lease of another room.
        case refused = 5
        /// The server opens rooms only for those who know its host token.
        case tokenNeeded = 6
    }

    /// What became of a KEEPALIVE or RELEASE.
    public enum KeptStatus: UInt8, Sendable, CaseIterable {
        /// The lease goes on.
        case kept = 0
        /// There is no such lease (any more).
        case unknown = 1
        /// The lease goes on, but the server is about to stop.
        case draining = 2
        /// The nameplate was given back.
        case released = 3
    }

    /// What became of a TICKET.
    public enum TicketStatus: UInt8, Sendable, CaseIterable {
        /// Here it is.
        case signed = 0
        /// The token holds no lease (any more).
        case unknownLease = 1
        /// The server signs no tickets.
        case noKey = 2
    }

    /// Why something was not done.
    public enum NoticeStatus: UInt8, Sendable, CaseIterable {
        /// No host holds this nameplate.
        case noSuchNameplate = 1
        /// Too many runs or packets from this source; later.
        case rateLimited = 2
        /// The joiner's run is over, or never was.
        case mailboxClosed = 3
        /// As many runs as the server holds are open, for this nameplate or in all.
        case busy = 4
        /// The server is about to stop.
        case draining = 5
        /// The message has a version that the server does not speak.
        case unsupportedVersion = 6
    }

    /// Reads a whole datagram. A notice of an unsupported version is read whatever version it has.
    public static func decode(
        _ datagram: RawSpan
    ) throws(DecodeError) -> (header: SignalHeader, answer: SignalAnswer) {
        var reader = ByteReader(datagram)
        let header = try SignalHeader(from: &reader)
        guard header.version == protocolVersion || header.type == Code.notice else {
            throw .unsupportedVersion
        }
        let answer: SignalAnswer
        switch header.type {
        case Code.cookie:
            answer = .cookie(
                try Block16(from: &reader), observed: try observed(&reader),
                secondPort: try reader.readUInt16())
        case Code.lease:
            answer = .lease(
                try status(&reader), nameplate: try reader.readUInt32(),
                seconds: try reader.readUInt16())
        case Code.kept:
            answer = .kept(try status(&reader), observed: try observed(&reader))
        case Code.toHost:
            answer = .toHost(
                mailbox: try reader.readUInt32(), sourceTag: try reader.readUInt64(),
                body: try body(&reader, datagram.byteCount))
        case Code.toJoiner:
            answer = try toJoiner(&reader, datagram.byteCount)
        case Code.notice:
            answer = .notice(try status(&reader), subject: try reader.readUInt32())
        case Code.relays:
            answer = .relays(try relays(&reader))
        case Code.ticket:
            answer = try ticket(&reader)
        case Code.sight:
            answer = try sight(&reader)
        case Code.verified:
            answer = try verified(&reader)
        case Code.leases:
            answer = try leases(&reader)
        default:
            throw .unexpectedValue
        }
        try reader.expectEnd()
        return (header, answer)
    }

    private static func toJoiner(
        _ reader: inout ByteReader, _ size: Int
    ) throws(DecodeError) -> SignalAnswer {
        let run = try reader.readUInt64()
        var ticket: Ticket?
        switch Int(try reader.readUInt8()) {
        case 0: break
        case Ticket.encodedSize: ticket = try Ticket(from: &reader)
        default: throw .unexpectedValue
        }
        return .toJoiner(run: run, ticket: ticket, body: try body(&reader, size))
    }

    private static func relays(
        _ reader: inout ByteReader
    ) throws(DecodeError) -> [RelayServer] {
        let count = Int(try reader.readUInt8())
        guard count <= SignalFormat.maximumRelays else { throw .tooLong }
        var relays: [RelayServer] = []
        for _ in 0..<count { relays.append(try RelayServer(from: &reader)) }
        return relays
    }

    private static func ticket(
        _ reader: inout ByteReader
    ) throws(DecodeError) -> SignalAnswer {
        let status: TicketStatus = try status(&reader)
        let member = try reader.readUInt8()
        return .ticket(
            status, member: member, status == .signed ? try Ticket(from: &reader) : nil)
    }

    private static func status<Status: RawRepresentable>(
        _ reader: inout ByteReader
    ) throws(DecodeError) -> Status where Status.RawValue == UInt8 {
        guard let status = Status(rawValue: try reader.readUInt8()) else {
            throw .unexpectedValue
        }
        return status
    }

    private static func observed(_ reader: inout ByteReader) throws(DecodeError) -> Endpoint {
        SignalFormat.inverted(try Endpoint(from: &reader))
    }

    private static func body(
        _ reader: inout ByteReader, _ size: Int
    ) throws(DecodeError) -> Range<Int> {
        guard reader.remaining <= SignalFormat.maximumBody else { throw .tooLong }
        let start = size - reader.remaining
        _ = reader.readRest()
        return start..<size
    }
}

/// Encoders, one per message; each writes a whole datagram.
extension SignalAnswer {
    public static func writeCookie(
        transaction: UInt64, cookie: Block16, observed: Endpoint, secondPort: UInt16,
        into writer: inout ByteWriter
    ) {
        SignalFormat.writeHeader(Code.cookie, transaction, into: &writer)
        cookie.encode(into: &writer)
        SignalFormat.inverted(observed).encode(into: &writer)
        writer.write(secondPort)
    }

    public static func writeLease(
        transaction: UInt64, status: LeaseStatus, nameplate: UInt32, seconds: UInt16,
        into writer: inout ByteWriter
    ) {
        SignalFormat.writeHeader(Code.lease, transaction, into: &writer)
        writer.write(status.rawValue)
        writer.write(nameplate)
        writer.write(seconds)
    }

    public static func writeKept(
        transaction: UInt64, status: KeptStatus, observed: Endpoint,
        into writer: inout ByteWriter
    ) {
        SignalFormat.writeHeader(Code.kept, transaction, into: &writer)
        writer.write(status.rawValue)
        SignalFormat.inverted(observed).encode(into: &writer)
    }

    public static func writeToHost(
        transaction: UInt64, mailbox: UInt32, sourceTag: UInt64, body: RawSpan,
        into writer: inout ByteWriter
    ) {
        SignalFormat.writeHeader(Code.toHost, transaction, into: &writer)
        writer.write(mailbox)
        writer.write(sourceTag)
        writer.write(bytes: body)
    }

    public static func writeToJoiner(
        transaction: UInt64, run: UInt64, ticket: Ticket? = nil, body: RawSpan,
        into writer: inout ByteWriter
    ) {
        SignalFormat.writeHeader(Code.toJoiner, transaction, into: &writer)
        writer.write(run)
        writer.write(UInt8(ticket == nil ? 0 : Ticket.encodedSize))
        ticket?.encode(into: &writer)
        writer.write(bytes: body)
    }

    public static func writeNotice(
        transaction: UInt64, status: NoticeStatus, subject: UInt32, into writer: inout ByteWriter
    ) {
        SignalFormat.writeHeader(Code.notice, transaction, into: &writer)
        writer.write(status.rawValue)
        writer.write(subject)
    }

    public static func writeRelays(
        transaction: UInt64, _ relays: [RelayServer], into writer: inout ByteWriter
    ) {
        precondition(relays.count <= SignalFormat.maximumRelays, "too many relays")
        SignalFormat.writeHeader(Code.relays, transaction, into: &writer)
        writer.write(UInt8(relays.count))
        for relay in relays { relay.encode(into: &writer) }
    }

    /// - Parameter ticket: there if `status` is signed, and only then.
    public static func writeTicket(
        transaction: UInt64, status: TicketStatus, member: UInt8, ticket: Ticket? = nil,
        into writer: inout ByteWriter
    ) {
        precondition((status == .signed) == (ticket != nil), "a status of another answer")
        SignalFormat.writeHeader(Code.ticket, transaction, into: &writer)
        writer.write(status.rawValue)
        writer.write(member)
        ticket?.encode(into: &writer)
    }
}
