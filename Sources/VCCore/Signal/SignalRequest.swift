/// A message from a client to vc-signal. Claim tokens and bodies are not copied: a range
/// tells where they stand in the datagram.
public enum SignalRequest: Equatable, Sendable {
    /// Asks for a cookie. Padded, so that the answer is not longer.
    case hello
    /// Asks for a nameplate, or for the return of an own one. `wanted` 0 leaves the choice to the
    /// server; `proof` is that of the host token, zero without one.
    case claim(
        cookie: Block16, roomID: Block16, token: Range<Int>, wanted: UInt32, proof: Block16)
    /// Keeps the lease, and moves it to the address that it comes from.
    case keepalive(cookie: Block16, token: Range<Int>)
    /// Gives the nameplate back.
    case release(cookie: Block16, token: Range<Int>)
    /// Joiner to host. With the joiner's key for relays, `.none` where it has none.
    case post(
        cookie: Block16, nameplate: UInt32, run: UInt64, relayKey: VerifyKey, body: Range<Int>)
    /// Host to joiner. With a grant the server adds the joiner's relay ticket.
    case reply(
        cookie: Block16, token: Range<Int>, mailbox: UInt32, grant: Grant?, body: Range<Int>)
    /// Asks which relays there are for the room of a nameplate.
    case relays(cookie: Block16, nameplate: UInt32)
    /// Host: asks for the relay ticket of a member.
    case ticket(cookie: Block16, token: Range<Int>, grant: Grant, relayKey: VerifyKey)
    /// Asks for a sighting: where the server sees the client.
    case sight(cookie: Block16, subject: Block16)
    /// Asks whether the server made a sighting that somebody else shows.
    case verify(cookie: Block16, subject: Block16, sighting: Sighting)
    /// Asks for a lease in the bucket of a phrase, or for the return of an own one. `wanted` is the
    /// one of before, or 0.
    case tuneClaim(
        cookie: Block16, roomID: Block16, token: Range<Int>, bucket: UInt16, wanted: UInt32,
        proof: Block16)
    /// Asks which leases there are in a bucket.
    case tuneList(cookie: Block16, bucket: UInt16)

    /// What a host says about a member, for its ticket.
    public struct Grant: Hashable, Sendable {
        /// The member's number in the room, 1 to 16.
        public let member: UInt8
        /// Which generation of the room's tickets: a removal ends one.
        public let generation: UInt32

        public init(member: UInt8, generation: UInt32) {
            self.member = member
            self.generation = generation
        }

        init(from reader: inout ByteReader) throws(DecodeError) {
            member = try reader.readUInt8()
            generation = try reader.readUInt32()
            guard (1...UInt8(Limits.members)).contains(member) else { throw .unexpectedValue }
        }

        func encode(into writer: inout ByteWriter) {
            writer.write(member)
            writer.write(generation)
        }
    }

    enum Code {
        static let hello: UInt8 = 0x01
        static let claim: UInt8 = 0x02
        static let keepalive: UInt8 = 0x03
        static let release: UInt8 = 0x04
        static let post: UInt8 = 0x05
        static let reply: UInt8 = 0x06
        static let relays: UInt8 = 0x07
        static let ticket: UInt8 = 0x08
        static let sight: UInt8 = 0x09
        static let verify: UInt8 = 0x0A
        static let tuneClaim: UInt8 = 0x18
        static let tuneList: UInt8 = 0x19
    }

    /// Reads a whole datagram.
    public static func decode(
        _ datagram: RawSpan
    ) throws(DecodeError) -> (header: SignalHeader, request: SignalRequest) {
        var reader = ByteReader(datagram)
        let header = try SignalHeader(from: &reader)
        guard header.version == protocolVersion else { throw .unsupportedVersion }
        let size = datagram.byteCount
        guard size >= SignalFormat.minimumRequest else { throw .truncated }
        let request: SignalRequest
        switch header.type {
        case Code.hello:
            try reader.skip(SignalFormat.minimumRequest - SignalFormat.headerSize)
            request = .hello
        case Code.claim:
            request = .claim(
                cookie: try Block16(from: &reader), roomID: try Block16(from: &reader),
                token: try token(&reader, size),
                wanted: try nameplate(&reader, from: 0), proof: try Block16(from: &reader))
        case Code.keepalive:
            request = .keepalive(
                cookie: try Block16(from: &reader), token: try token(&reader, size))
        case Code.release:
            request = .release(
                cookie: try Block16(from: &reader), token: try token(&reader, size))
        case Code.post:
            request = try post(&reader, size)
        case Code.reply:
            request = try reply(&reader, size)
        case Code.relays:
            request = .relays(
                cookie: try Block16(from: &reader), nameplate: try reader.readUInt32())
            try skipPadding(&reader, size, to: SignalFormat.relaysSize)
        case Code.ticket:
            request = try ticket(&reader, size)
        case Code.sight:
            request = try sight(&reader, size)
        case Code.verify:
            request = try verify(&reader)
        case Code.tuneClaim:
            request = try tuneClaim(&reader, size)
        case Code.tuneList:
            request = try tuneList(&reader, size)
        default:
            throw .unexpectedValue
        }
        try reader.expectEnd()
        return (header, request)
    }

    private static func post(
        _ reader: inout ByteReader, _ size: Int
    ) throws(DecodeError) -> SignalRequest {
        let cookie = try Block16(from: &reader)
        let nameplate = try reader.readUInt32()
        guard nameplate > 0 else { throw .unexpectedValue }
        let run = try reader.readUInt64()
        let relayKey = try VerifyKey(from: &reader)
        let body = try body(&reader, size)
        return .post(
            cookie: cookie, nameplate: nameplate, run: run, relayKey: relayKey, body: body)
    }

    private static func reply(
        _ reader: inout ByteReader, _ size: Int
    ) throws(DecodeError) -> SignalRequest {
        let cookie = try Block16(from: &reader)
        let token = try token(&reader, size)
        let mailbox = try reader.readUInt32()
        var ahead = reader
        var grant: Grant?
        if try ahead.readUInt8() == 0 {
            try reader.skip(1 + 4)
        } else {
            grant = try Grant(from: &reader)
            try reader.skip(SignalFormat.grantPadding)
        }
        return .reply(
            cookie: cookie, token: token, mailbox: mailbox, grant: grant,
            body: try body(&reader, size))
    }

    private static func ticket(
        _ reader: inout ByteReader, _ size: Int
    ) throws(DecodeError) -> SignalRequest {
        let cookie = try Block16(from: &reader)
        let token = try token(&reader, size)
        let generation = try reader.readUInt32()
        let member = try reader.readUInt8()
        guard (1...UInt8(Limits.members)).contains(member) else { throw .unexpectedValue }
        let relayKey = try VerifyKey(from: &reader)
        try skipPadding(&reader, size, to: SignalFormat.ticketRequestSize)
        return .ticket(
            cookie: cookie, token: token, grant: Grant(member: member, generation: generation),
            relayKey: relayKey)
    }

    static func skipPadding(
        _ reader: inout ByteReader, _ size: Int, to total: Int
    ) throws(DecodeError) {
        try reader.skip(max(0, total - (size - reader.remaining)))
    }

    private static func nameplate(
        _ reader: inout ByteReader, from lowest: UInt32
    ) throws(DecodeError) -> UInt32 {
        let value = try reader.readUInt32()
        guard value >= lowest, value <= SignalFormat.maximumNameplate else {
            throw .unexpectedValue
        }
        return value
    }

    static func token(
        _ reader: inout ByteReader, _ size: Int
    ) throws(DecodeError) -> Range<Int> {
        let start = size - reader.remaining
        try reader.skip(SignalFormat.claimTokenSize)
        return start..<start + SignalFormat.claimTokenSize
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
extension SignalRequest {
    public static func writeHello(transaction: UInt64, into writer: inout ByteWriter) {
        SignalFormat.writeHeader(Code.hello, transaction, into: &writer)
        writer.pad(to: SignalFormat.minimumRequest)
    }

    public static func writeClaim(
        transaction: UInt64, cookie: Block16, roomID: Block16, token: RawSpan, wanted: UInt32,
        proof: Block16 = .zero, into writer: inout ByteWriter
    ) {
        SignalFormat.writeHeader(Code.claim, transaction, into: &writer)
        cookie.encode(into: &writer)
        roomID.encode(into: &writer)
        write(token: token, into: &writer)
        writer.write(wanted)
        proof.encode(into: &writer)
    }

    public static func writeKeepalive(
        transaction: UInt64, cookie: Block16, token: RawSpan, into writer: inout ByteWriter
    ) {
        SignalFormat.writeHeader(Code.keepalive, transaction, into: &writer)
        cookie.encode(into: &writer)
        write(token: token, into: &writer)
    }

    public static func writeRelease(
        transaction: UInt64, cookie: Block16, token: RawSpan, into writer: inout ByteWriter
    ) {
        SignalFormat.writeHeader(Code.release, transaction, into: &writer)
        cookie.encode(into: &writer)
        write(token: token, into: &writer)
    }

    public static func writePost(
        transaction: UInt64, cookie: Block16, nameplate: UInt32, run: UInt64,
        relayKey: VerifyKey = .none, body: RawSpan, into writer: inout ByteWriter
    ) {
        precondition(body.byteCount <= SignalFormat.maximumBody, "the body is too long")
        SignalFormat.writeHeader(Code.post, transaction, into: &writer)
        cookie.encode(into: &writer)
        writer.write(nameplate)
        writer.write(run)
        relayKey.encode(into: &writer)
        writer.write(bytes: body)
    }

    public static func writeReply(
        transaction: UInt64, cookie: Block16, token: RawSpan, mailbox: UInt32,
        grant: Grant? = nil, body: RawSpan, into writer: inout ByteWriter
    ) {
        precondition(body.byteCount <= SignalFormat.maximumBody, "the body is too long")
        SignalFormat.writeHeader(Code.reply, transaction, into: &writer)
        cookie.encode(into: &writer)
        write(token: token, into: &writer)
        writer.write(mailbox)
        if let grant {
            grant.encode(into: &writer)
            writer.pad(to: writer.count + SignalFormat.grantPadding)
        } else {
            writer.pad(to: writer.count + 1 + 4)
        }
        writer.write(bytes: body)
    }

    public static func writeRelays(
        transaction: UInt64, cookie: Block16, nameplate: UInt32, into writer: inout ByteWriter
    ) {
        SignalFormat.writeHeader(Code.relays, transaction, into: &writer)
        cookie.encode(into: &writer)
        writer.write(nameplate)
        writer.pad(to: SignalFormat.relaysSize)
    }

    public static func writeTicket(
        transaction: UInt64, cookie: Block16, token: RawSpan, grant: Grant, relayKey: VerifyKey,
        into writer: inout ByteWriter
    ) {
        SignalFormat.writeHeader(Code.ticket, transaction, into: &writer)
        cookie.encode(into: &writer)
        write(token: token, into: &writer)
        writer.write(grant.generation)
        writer.write(grant.member)
        relayKey.encode(into: &writer)
        writer.pad(to: SignalFormat.ticketRequestSize)
    }

    static func write(token: RawSpan, into writer: inout ByteWriter) {
        precondition(token.byteCount == SignalFormat.claimTokenSize, "a claim token has 32 bytes")
        writer.write(bytes: token)
    }
}
