/// Where and how rooms are looked for in a local network. `LocalDiscovery.md` has the bytes.
///
/// Who joins asks all machines of its networks who runs the signaling server of a nameplate; who
/// does answers to the one who asked, from the port of that server. So the answer holds no address:
/// the one that it comes from is the one that can be reached.
public enum DiscoveryFormat {
    /// The UDP port of questions, beside 4460 of vc-signal and 4461 of vc-relay.
    public static let port: UInt16 = 4_462
    /// 239.255.44.62: administratively scoped, never routed out of a site (RFC 2365 section 6.1).
    public static let group4 = Endpoint(ipv4: 0xEFFF_2C3E, port: port)
    /// ff12::8000:116e: not assigned by IANA (T = 1), link-local (RFC 4291 section 2.7), with a
    /// group ID of those that anybody may take (RFC 3307 section 4.3).
    public static let group6 = Endpoint(
        high: 0xFF12_0000_0000_0000, low: 0x8000_116E, port: port)
    /// A question, padded so that no answer is longer.
    public static let querySize = 64
    /// An answer.
    public static let answerSize = 19
    /// Hosts that a question names because they have answered it already.
    public static let maximumKnown = 6

    enum Code {
        static let query: UInt8 = 0x01
        static let answer: UInt8 = 0x81
    }

    static func writeHeader(
        _ type: UInt8, _ transaction: UInt64, into writer: inout ByteWriter
    ) {
        writer.write(PacketType.discovery)
        writer.write(type)
        writer.write(protocolVersion)
        writer.write(transaction)
    }

    /// Reads what starts every message; returns the transaction.
    static func readHeader(
        _ type: UInt8, from reader: inout ByteReader
    ) throws(DecodeError) -> UInt64 {
        try reader.expect(PacketType.discovery)
        try reader.expect(type)
        guard try reader.readUInt8() == protocolVersion else { throw .unsupportedVersion }
        return try reader.readUInt64()
    }
}

/// "Who has room 7?", to everybody in a network.
public struct DiscoveryQuery: Equatable, Sendable {
    /// Drawn for one search; an answer repeats it.
    public let transaction: UInt64
    public let nameplate: UInt32
    /// Hosts that need not answer again.
    public let known: [UInt64]

    public init(transaction: UInt64, nameplate: UInt32, known: [UInt64] = []) {
        self.transaction = transaction
        self.nameplate = nameplate
        self.known = Array(known.prefix(DiscoveryFormat.maximumKnown))
    }

    public func encode(into writer: inout ByteWriter) {
        DiscoveryFormat.writeHeader(DiscoveryFormat.Code.query, transaction, into: &writer)
        writer.write(nameplate)
        writer.write(UInt8(known.count))
        for host in known { writer.write(host) }
        writer.pad(to: DiscoveryFormat.querySize)
    }

    /// Reads a whole datagram. Exactly one datagram says the same.
    public init(_ datagram: RawSpan) throws(DecodeError) {
        guard datagram.byteCount >= DiscoveryFormat.querySize else { throw .truncated }
        guard datagram.byteCount == DiscoveryFormat.querySize else { throw .trailingBytes }
        var reader = ByteReader(datagram)
        transaction = try DiscoveryFormat.readHeader(DiscoveryFormat.Code.query, from: &reader)
        nameplate = try reader.readUInt32()
        guard RoomCode.nameplates.contains(nameplate) else { throw .unexpectedValue }
        let count = Int(try reader.readUInt8())
        guard count <= DiscoveryFormat.maximumKnown else { throw .tooLong }
        var known: [UInt64] = []
        for _ in 0..<count { known.append(try reader.readUInt64()) }
        self.known = known
        while reader.remaining > 0 { try reader.expect(0) }
    }
}

/// "I have it", to the one who asked.
public struct DiscoveryAnswer: Equatable, Sendable {
    public let transaction: UInt64
    /// Drawn by who answers, so that its answers from several addresses count as one.
    public let host: UInt64

    public init(transaction: UInt64, host: UInt64) {
        self.transaction = transaction
        self.host = host
    }

    public func encode(into writer: inout ByteWriter) {
        DiscoveryFormat.writeHeader(DiscoveryFormat.Code.answer, transaction, into: &writer)
        writer.write(host)
    }

    /// Reads a whole datagram.
    public init(_ datagram: RawSpan) throws(DecodeError) {
        var reader = ByteReader(datagram)
        transaction = try DiscoveryFormat.readHeader(DiscoveryFormat.Code.answer, from: &reader)
        host = try reader.readUInt64()
        try reader.expectEnd()
    }
}
