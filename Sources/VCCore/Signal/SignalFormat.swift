/// The sizes and rules of protocol 0xC0, between clients and vc-signal. The tables are in
/// `SignalProtocol.md`.
///
/// Every message starts with `C0 | type 1 | version 1 | transaction 8`. The transaction is drawn
/// once per client; the server repeats it, and a client drops what carries another one, so that
/// only who sees its packets can forge an answer.
public enum SignalFormat {
    /// C0, type, version, transaction.
    public static let headerSize = 11
    /// The longest body of POST and REPLY: with the longest header it stays within
    /// `Limits.datagram`.
    public static let maximumBody = 1_040
    /// A claim token.
    public static let claimTokenSize = 32
    /// The largest nameplate: six digits.
    public static let maximumNameplate: UInt32 = 999_999

    /// No message of a client is shorter: the longest answer without a body, COOKIE, has 47 bytes.
    public static let minimumRequest = 48

    /// The most entries of RELAYS: four relays with an address in each IP family.
    public static let maximumRelays = 8

    /// RELAYS and TICKET are padded, so that their answers are not longer.
    static let relaysSize = 192
    static let ticketRequestSize = 160
    /// Zeros in a REPLY that asks for a ticket: with them the delivery, which carries the ticket,
    /// is not longer.
    static let grantPadding = 83

    /// What starts every message.
    static func writeHeader(
        _ type: UInt8, _ transaction: UInt64, into writer: inout ByteWriter
    ) {
        writer.write(PacketType.signal)
        writer.write(type)
        writer.write(protocolVersion)
        writer.write(transaction)
    }

    /// The observed endpoint goes over the wire with all bits inverted: there are NATs that rewrite
    /// addresses which they find in payloads (the reason for the XOR of RFC 8489 section 14.2).
    static func inverted(_ endpoint: Endpoint) -> Endpoint {
        Endpoint(high: ~endpoint.high, low: ~endpoint.low, port: ~endpoint.port)
    }
}

/// The first three fields of every message of protocol 0xC0.
public struct SignalHeader: Equatable, Sendable {
    /// The kind of message; the upper bit is set in those of the server.
    public let type: UInt8
    /// The version of the sender.
    public let version: UInt8
    /// Chosen by the client, repeated by the server.
    public let transaction: UInt64

    public init(from reader: inout ByteReader) throws(DecodeError) {
        try reader.expect(PacketType.signal)
        type = try reader.readUInt8()
        version = try reader.readUInt8()
        transaction = try reader.readUInt64()
    }

    /// Whether a client sent it. A server never answers a server, whatever version it has.
    public var isRequest: Bool { type & 0x80 == 0 }
}
