/// The sizes and rules of protocols 0xC1 (relay control) and 0xC2 (relay data), between clients
/// and vc-relay. The tables are in `RelayProtocol.md`.
///
/// Every control message starts with `C1 | type 1 | version 1 | transaction 8`. The relay repeats
/// the transaction of the question; where there was none, it is the session, which is as
/// unpredictable. A client drops what carries another one.
public enum RelayFormat {
    /// C1, type, version, transaction.
    public static let headerSize = 11
    /// C2, session, member: what relaying adds to a datagram.
    public static let dataOverhead = 10
    /// BIND is padded to this: its answer has 48 bytes.
    public static let bindSize = 64
    /// KEEPALIVE is padded to this: as much as any mapping-refreshing message of ours.
    public static let keepaliveSize = 48
    /// NOTICE is the answer that anything may get.
    public static let noticeSize = headerSize + 1
    static let answerSize =
        headerSize + Block16.encodedSize + 2 * Endpoint.encodedSize + Ticket.encodedSize
        + Signature.size
    static let challengeSize = headerSize + Block16.encodedSize + Endpoint.encodedSize + 3
    static let unbindSize = headerSize + 8

    /// What starts every control message.
    static func writeHeader(
        _ type: UInt8, _ transaction: UInt64, into writer: inout ByteWriter
    ) {
        writer.write(PacketType.relayControl)
        writer.write(type)
        writer.write(protocolVersion)
        writer.write(transaction)
    }

    /// What a member key signs in ANSWER, so that neither another relay nor a client at another
    /// address can use it: `lv("vc1 bind", cookie, relay address, own address)`.
    static func bindProof(cookie: Block16, relay: Endpoint, own: Endpoint) -> [UInt8] {
        [UInt8](capacity: 72) { writer in
            writer.write(field: "vc1 bind")
            writer.write(UInt16(Block16.encodedSize))
            cookie.encode(into: &writer)
            writer.write(UInt16(Endpoint.encodedSize))
            relay.encode(into: &writer)
            writer.write(UInt16(Endpoint.encodedSize))
            own.encode(into: &writer)
        }
    }
}

/// The first three fields of every message of protocol 0xC1.
public struct RelayHeader: Equatable, Sendable {
    /// The kind of message; the upper bit is set in those of the relay.
    public let type: UInt8
    /// The version of the sender.
    public let version: UInt8
    /// Chosen by the client, repeated by the relay.
    public let transaction: UInt64

    public init(from reader: inout ByteReader) throws(DecodeError) {
        try reader.expect(PacketType.relayControl)
        type = try reader.readUInt8()
        version = try reader.readUInt8()
        transaction = try reader.readUInt64()
    }

    /// Whether a client sent it. A relay never answers a relay, whatever version it has.
    public var isRequest: Bool { type & 0x80 == 0 }
}

/// The header of relayed datagrams, `C2 | session 8 | member 1 | inner`. To the relay: the
/// sender's session and the member it is for. From the relay: the receiver's session and the
/// member it is from.
public struct RelayDataHeader: Equatable, Sendable, BitwiseCopyable {
    public let session: UInt64
    /// 1 to 16; anything on the wire.
    public let member: UInt8

    public init(session: UInt64, member: UInt8) {
        self.session = session
        self.member = member
    }

    /// Reads the header; what is left in `reader` is the inner datagram.
    public init(from reader: inout ByteReader) throws(DecodeError) {
        try reader.expect(PacketType.relayData)
        session = try reader.readUInt64()
        member = try reader.readUInt8()
    }

    public func encode(into writer: inout ByteWriter) {
        writer.write(PacketType.relayData)
        writer.write(session)
        writer.write(member)
    }
}
