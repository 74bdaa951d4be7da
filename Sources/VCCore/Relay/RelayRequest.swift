/// A message from a client to a relay.
public enum RelayRequest: Equatable, Sendable {
    /// Asks for a cookie; also how clients and vc-signal see whether a relay answers, and how fast.
    case bind
    /// A ticket, and the proof that it is the sender's.
    case answer(RelayBindAnswer)
    /// Keeps the session, and the mapping of the NAT in front of the client.
    case keepalive(session: UInt64)
    /// Ends the session.
    case unbind(session: UInt64)

    private enum Code {
        static let bind: UInt8 = 0x01
        static let answer: UInt8 = 0x02
        static let keepalive: UInt8 = 0x03
        static let unbind: UInt8 = 0x04
    }

    /// Reads a whole datagram.
    public static func decode(
        _ datagram: RawSpan
    ) throws(DecodeError) -> (header: RelayHeader, request: RelayRequest) {
        var reader = ByteReader(datagram)
        let header = try RelayHeader(from: &reader)
        guard header.version == protocolVersion else { throw .unsupportedVersion }
        let request: RelayRequest
        switch header.type {
        case Code.bind:
            try reader.skip(RelayFormat.bindSize - RelayFormat.headerSize)
            request = .bind
        case Code.answer:
            request = .answer(try RelayBindAnswer(from: &reader))
        case Code.keepalive:
            request = .keepalive(session: try reader.readUInt64())
            try reader.skip(RelayFormat.keepaliveSize - RelayFormat.headerSize - 8)
        case Code.unbind:
            request = .unbind(session: try reader.readUInt64())
        default:
            throw .unexpectedValue
        }
        try reader.expectEnd()
        return (header, request)
    }
}

/// The fields of ANSWER: `cookie 16 | relay address 18 | own address 18 | ticket 131 |
/// signature 64`, both addresses with all bits inverted, as CHALLENGE has its.
public struct RelayBindAnswer: Equatable, Sendable {
    /// As CHALLENGE said.
    public let cookie: Block16
    /// Where the client sends to.
    public let relay: Endpoint
    /// Where the relay sees the client: as CHALLENGE said.
    public let own: Endpoint
    public let ticket: Ticket
    private let signature: Signature

    /// Signs with the key that the ticket names.
    public init(
        cookie: Block16, relay: Endpoint, own: Endpoint, ticket: Ticket,
        signedWith key: borrowing SigningKey
    ) {
        self.cookie = cookie
        self.relay = relay
        self.own = own
        self.ticket = ticket
        let proof = RelayFormat.bindProof(cookie: cookie, relay: relay, own: own)
        signature = unsafe key.sign(proof.span.bytes)
    }

    init(from reader: inout ByteReader) throws(DecodeError) {
        cookie = try Block16(from: &reader)
        relay = SignalFormat.inverted(try Endpoint(from: &reader))
        own = SignalFormat.inverted(try Endpoint(from: &reader))
        ticket = try Ticket(from: &reader)
        signature = try Signature(from: &reader)
    }

    func encode(into writer: inout ByteWriter) {
        cookie.encode(into: &writer)
        SignalFormat.inverted(relay).encode(into: &writer)
        SignalFormat.inverted(own).encode(into: &writer)
        ticket.encode(into: &writer)
        signature.encode(into: &writer)
    }

    /// Whether the holder of the ticket's member key has signed cookie and addresses.
    public var isProven: Bool {
        let proof = RelayFormat.bindProof(cookie: cookie, relay: relay, own: own)
        return unsafe ticket.memberKey.verifies(signature, of: proof.span.bytes)
    }
}

/// Encoders, one per message; each writes a whole datagram.
extension RelayRequest {
    public static func writeBind(transaction: UInt64, into writer: inout ByteWriter) {
        RelayFormat.writeHeader(Code.bind, transaction, into: &writer)
        writer.pad(to: RelayFormat.bindSize)
    }

    public static func writeAnswer(
        transaction: UInt64, _ answer: RelayBindAnswer, into writer: inout ByteWriter
    ) {
        RelayFormat.writeHeader(Code.answer, transaction, into: &writer)
        answer.encode(into: &writer)
    }

    public static func writeKeepalive(
        transaction: UInt64, session: UInt64, into writer: inout ByteWriter
    ) {
        RelayFormat.writeHeader(Code.keepalive, transaction, into: &writer)
        writer.write(session)
        writer.pad(to: RelayFormat.keepaliveSize)
    }

    public static func writeUnbind(
        transaction: UInt64, session: UInt64, into writer: inout ByteWriter
    ) {
        RelayFormat.writeHeader(Code.unbind, transaction, into: &writer)
        writer.write(session)
    }
}
