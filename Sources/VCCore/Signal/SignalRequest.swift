/// A message from a client to vc-signal. Claim tokens and bodies are not copied: a range tells
/// where they stand in the datagram.
public enum SignalRequest: Equatable, Sendable {
    /// Asks for a cookie. Padded, so that the answer is not longer.
    case hello
    /// Asks for a nameplate, or for the return of an own one. `wanted` 0 leaves the choice to the
    /// server.
    case claim(cookie: Block16, roomID: Block16, token: Range<Int>, wanted: UInt32)
    /// Keeps the lease, and moves it to the address that it comes from.
    case keepalive(cookie: Block16, token: Range<Int>)
    /// Gives the nameplate back.
    case release(cookie: Block16, token: Range<Int>)
    /// Joiner to host.
    case post(cookie: Block16, nameplate: UInt32, run: UInt64, body: Range<Int>)
    /// Host to joiner.
    case reply(cookie: Block16, token: Range<Int>, mailbox: UInt32, body: Range<Int>)

    enum Code {
        static let hello: UInt8 = 0x01
        static let claim: UInt8 = 0x02
        static let keepalive: UInt8 = 0x03
        static let release: UInt8 = 0x04
        static let post: UInt8 = 0x05
        static let reply: UInt8 = 0x06
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
                token: try token(&reader, size), wanted: try nameplate(&reader, from: 0))
        case Code.keepalive:
            request = .keepalive(
                cookie: try Block16(from: &reader), token: try token(&reader, size))
        case Code.release:
            request = .release(
                cookie: try Block16(from: &reader), token: try token(&reader, size))
        case Code.post:
            request = try post(&reader, size)
        case Code.reply:
            request = .reply(
                cookie: try Block16(from: &reader), token: try token(&reader, size),
                mailbox: try reader.readUInt32(),
                body: try body(&reader, size, count: reader.remaining))
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
        let nameplate = try nameplate(&reader, from: 1)
        let run = try reader.readUInt64()
        let count = Int(try reader.readUInt16())
        let body = try body(&reader, size, count: count)
        try reader.skip(max(0, SignalFormat.minimumRequest - SignalFormat.postOverhead - count))
        return .post(cookie: cookie, nameplate: nameplate, run: run, body: body)
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

    private static func token(
        _ reader: inout ByteReader, _ size: Int
    ) throws(DecodeError) -> Range<Int> {
        let start = size - reader.remaining
        try reader.skip(SignalFormat.claimTokenSize)
        return start..<start + SignalFormat.claimTokenSize
    }

    private static func body(
        _ reader: inout ByteReader, _ size: Int, count: Int
    ) throws(DecodeError) -> Range<Int> {
        guard count <= SignalFormat.maximumBody else { throw .tooLong }
        let start = size - reader.remaining
        try reader.skip(count)
        return start..<start + count
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
        into writer: inout ByteWriter
    ) {
        precondition(token.byteCount == SignalFormat.claimTokenSize, "a claim token has 32 bytes")
        SignalFormat.writeHeader(Code.claim, transaction, into: &writer)
        cookie.encode(into: &writer)
        roomID.encode(into: &writer)
        writer.write(bytes: token)
        writer.write(wanted)
    }

    public static func writeKeepalive(
        transaction: UInt64, cookie: Block16, token: RawSpan, into writer: inout ByteWriter
    ) {
        precondition(token.byteCount == SignalFormat.claimTokenSize, "a claim token has 32 bytes")
        SignalFormat.writeHeader(Code.keepalive, transaction, into: &writer)
        cookie.encode(into: &writer)
        writer.write(bytes: token)
    }

    public static func writeRelease(
        transaction: UInt64, cookie: Block16, token: RawSpan, into writer: inout ByteWriter
    ) {
        precondition(token.byteCount == SignalFormat.claimTokenSize, "a claim token has 32 bytes")
        SignalFormat.writeHeader(Code.release, transaction, into: &writer)
        cookie.encode(into: &writer)
        writer.write(bytes: token)
    }

    public static func writePost(
        transaction: UInt64, cookie: Block16, nameplate: UInt32, run: UInt64, body: RawSpan,
        into writer: inout ByteWriter
    ) {
        precondition(body.byteCount <= SignalFormat.maximumBody, "the body is too long")
        SignalFormat.writeHeader(Code.post, transaction, into: &writer)
        cookie.encode(into: &writer)
        writer.write(nameplate)
        writer.write(run)
        writer.write(field: body)
        writer.pad(to: SignalFormat.minimumRequest)
    }

    public static func writeReply(
        transaction: UInt64, cookie: Block16, token: RawSpan, mailbox: UInt32, body: RawSpan,
        into writer: inout ByteWriter
    ) {
        precondition(token.byteCount == SignalFormat.claimTokenSize, "a claim token has 32 bytes")
        precondition(body.byteCount <= SignalFormat.maximumBody, "the body is too long")
        SignalFormat.writeHeader(Code.reply, transaction, into: &writer)
        cookie.encode(into: &writer)
        writer.write(bytes: token)
        writer.write(mailbox)
        writer.write(bytes: body)
    }
}
