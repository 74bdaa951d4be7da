/// A message from a relay to a client.
public enum RelayAnswer: Equatable, Sendable {
    /// The answer to BIND: what an ANSWER has to show, and what is good to know before that.
    case challenge(Challenge)
    /// The answer to ANSWER.
    case bound(session: UInt64, idleSeconds: UInt16)
    /// The answer to KEEPALIVE.
    case kept(session: UInt64, isDraining: Bool)
    /// Why something was not done. For relayed data the transaction is the session it had.
    case notice(Notice)
    /// The relay is about to stop: be elsewhere in so many seconds. Repeated each second; the
    /// transaction is the session.
    case draining(session: UInt64, seconds: UInt16)

    /// The fields of CHALLENGE.
    public struct Challenge: Equatable, Sendable, BitwiseCopyable {
        /// Proves to the relay that the client receives at its address.
        public let cookie: Block16
        /// Where the relay sees the client.
        public let observed: Endpoint
        /// Where the relay takes TCP connections; 0 for nowhere.
        public let tcpPort: UInt16
        /// Whether it is about to stop, and takes nobody new.
        public let isDraining: Bool

        public init(cookie: Block16, observed: Endpoint, tcpPort: UInt16, isDraining: Bool) {
            self.cookie = cookie
            self.observed = observed
            self.tcpPort = tcpPort
            self.isDraining = isDraining
        }
    }

    /// Why something was not done.
    public enum Notice: UInt8, Sendable, CaseIterable {
        /// No such session, or not from this address, or a cookie that does not hold: bind again.
        case bindAgain = 1
        /// The relay does not take this ticket, now or later.
        case ticketRefused = 2
        /// The ticket's time is over; another one may be taken.
        case ticketExpired = 3
        /// The relay holds as many sessions as it can.
        case full = 4
        /// The relay is about to stop and takes nobody new.
        case draining = 5
        /// Too many bindings; later.
        case rateLimited = 6
        /// The message has a version that the relay does not speak.
        case unsupportedVersion = 7
    }

    private enum Code {
        static let challenge: UInt8 = 0x81
        static let bound: UInt8 = 0x82
        static let kept: UInt8 = 0x83
        static let notice: UInt8 = 0x84
        static let draining: UInt8 = 0x85
    }

    /// Reads a whole datagram. A notice is read whatever version it has.
    public static func decode(
        _ datagram: RawSpan
    ) throws(DecodeError) -> (header: RelayHeader, answer: RelayAnswer) {
        var reader = ByteReader(datagram)
        let header = try RelayHeader(from: &reader)
        guard header.version == protocolVersion || header.type == Code.notice else {
            throw .unsupportedVersion
        }
        let answer: RelayAnswer
        switch header.type {
        case Code.challenge:
            answer = .challenge(
                Challenge(
                    cookie: try Block16(from: &reader),
                    observed: SignalFormat.inverted(try Endpoint(from: &reader)),
                    tcpPort: try reader.readUInt16(), isDraining: try flag(&reader)))
        case Code.bound:
            answer = .bound(
                session: try reader.readUInt64(), idleSeconds: try reader.readUInt16())
        case Code.kept:
            answer = .kept(session: try reader.readUInt64(), isDraining: try flag(&reader))
        case Code.notice:
            guard let notice = Notice(rawValue: try reader.readUInt8()) else {
                throw .unexpectedValue
            }
            answer = .notice(notice)
        case Code.draining:
            answer = .draining(
                session: try reader.readUInt64(), seconds: try reader.readUInt16())
        default:
            throw .unexpectedValue
        }
        try reader.expectEnd()
        return (header, answer)
    }

    private static func flag(_ reader: inout ByteReader) throws(DecodeError) -> Bool {
        switch try reader.readUInt8() {
        case 0: false
        case 1: true
        default: throw .unexpectedValue
        }
    }
}

/// Encoders, one per message; each writes a whole datagram.
extension RelayAnswer {
    public static func writeChallenge(
        transaction: UInt64, _ challenge: Challenge, into writer: inout ByteWriter
    ) {
        RelayFormat.writeHeader(Code.challenge, transaction, into: &writer)
        challenge.cookie.encode(into: &writer)
        SignalFormat.inverted(challenge.observed).encode(into: &writer)
        writer.write(challenge.tcpPort)
        writer.write(UInt8(challenge.isDraining ? 1 : 0))
    }

    public static func writeBound(
        transaction: UInt64, session: UInt64, idleSeconds: UInt16, into writer: inout ByteWriter
    ) {
        RelayFormat.writeHeader(Code.bound, transaction, into: &writer)
        writer.write(session)
        writer.write(idleSeconds)
    }

    public static func writeKept(
        transaction: UInt64, session: UInt64, isDraining: Bool, into writer: inout ByteWriter
    ) {
        RelayFormat.writeHeader(Code.kept, transaction, into: &writer)
        writer.write(session)
        writer.write(UInt8(isDraining ? 1 : 0))
    }

    public static func writeNotice(
        transaction: UInt64, _ notice: Notice, into writer: inout ByteWriter
    ) {
        RelayFormat.writeHeader(Code.notice, transaction, into: &writer)
        writer.write(notice.rawValue)
    }

    public static func writeDraining(
        session: UInt64, seconds: UInt16, into writer: inout ByteWriter
    ) {
        RelayFormat.writeHeader(Code.draining, session, into: &writer)
        writer.write(session)
        writer.write(seconds)
    }
}
