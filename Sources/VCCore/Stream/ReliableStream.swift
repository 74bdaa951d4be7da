/// The reliable, ordered stream of messages between two members that carries chat, names and room
/// changes. It belongs to the pair, not to a session: keys may change and the path may be gone for
/// a minute, and every message still arrives once, in order.
struct ReliableStream {
    /// The first 8 bytes of the pair's first handshake hash: packets of another life are dropped.
    /// 0 before it: messages wait.
    var id: UInt64
    /// The longest message: a chat of 4,000 bytes with its header.
    static let maximumMessage = Limits.chatMessage + 64

    private var sender = StreamSender()
    private var receiver = StreamReceiver()

    init(id: UInt64) {
        self.id = id
    }

    /// Whether the other side broke the stream's rules, so that nothing more comes from it.
    var isBroken: Bool { receiver.isBroken }
    var isIdle: Bool { sender.isIdle }
    /// The messages that the other side does not have.
    var undelivered: [UInt64] { sender.undelivered }
    /// Whether `encodeNext` has something to send.
    var hasWork: Bool { receiver.owesAcknowledgement || sender.hasWork }
    var timeout: Instant? { sender.timeout }

    /// Queues a message under the caller's number for it. False when too much waits already.
    mutating func send(_ message: [UInt8], number: UInt64) -> Bool {
        precondition(message.count <= ReliableStream.maximumMessage)
        return sender.queue(message, message: number)
    }

    /// Writes the next packet, if one is due. One packet for each call.
    mutating func encodeNext(into writer: inout ByteWriter, now: Instant) -> Bool {
        if receiver.owesAcknowledgement {
            writer.write(SealedKind.acknowledgement.rawValue)
            writer.write(id)
            receiver.acknowledge().encode(into: &writer)
            return true
        }
        guard let segment = sender.next(now: now) else { return false }
        writer.write(SealedKind.segment.rawValue)
        writer.write(id)
        writer.write(segment.sequence)
        writer.write(segment.flags)
        unsafe writer.write(bytes: segment.payload.span.bytes)
        return true
    }

    /// A segment, after its kind byte.
    mutating func handleSegment(_ reader: inout ByteReader) throws(DecodeError) {
        guard try reader.readUInt64() == id else { throw .unexpectedValue }
        let sequence = try reader.readUInt32()
        let flags = try reader.readUInt8()
        guard flags & ~StreamPacket.knownFlags == 0 else { throw .unexpectedValue }
        guard reader.remaining <= StreamPacket.maximumPayload else { throw .tooLong }
        let accepted = receiver.handle(
            sequence: sequence, flags: flags, payload: reader.readRest(),
            limit: ReliableStream.maximumMessage)
        guard accepted else { throw .tooLong }
    }

    /// An acknowledgement, after its kind byte.
    mutating func handleAcknowledgement(_ reader: inout ByteReader, now: Instant)
        throws(DecodeError)
    {
        guard try reader.readUInt64() == id else { throw .unexpectedValue }
        sender.handle(try StreamPacket.Acknowledgement(from: &reader), now: now)
    }

    mutating func handleTimeout(now: Instant) { sender.handleTimeout(now: now) }
    mutating func pathReturned(now: Instant) { sender.pathReturned(now: now) }
    mutating func pollMessage() -> [UInt8]? { receiver.pollMessage() }
    mutating func pollDelivered() -> UInt64? { sender.pollDelivered() }
}
