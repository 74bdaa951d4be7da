/// The first byte inside a sealed packet.
enum SealedKind: UInt8 {
    /// One voice frame: `VoicePacket`.
    case voice = 0x01
    /// Asks for a `pong` on this route: 8 random bytes, flags 1, and 17 of padding, so that the
    /// answer is not larger.
    case ping = 0x02
    /// Answers a ping: its 8 bytes, and where it came from (the relay, where one forwards).
    case pong = 0x03
    /// What a receiver tells about the sender's voice: `ReceiverReport`.
    case report = 0x04
    /// A piece of the reliable stream.
    case segment = 0x05
    /// What was received of the reliable stream.
    case acknowledgement = 0x06
    /// The end of being in one room: `LeaveReason`.
    case leave = 0x07
    /// The leave was received.
    case leaveAcknowledgement = 0x08
    /// Asks the starter of the pair for new keys.
    case please = 0x09
    /// Nothing; keeps the path and shows that the sender is there.
    case keepalive = 0x0A
    /// The host removed somebody: its roster, and who is not in it any more.
    case removal = 0x20
    /// That was received: term 4, version 4.
    case removalAcknowledgement = 0x21

    /// In the flags of a ping: the sender hears nothing of the call.
    static let hearsNothing: UInt8 = 0x01

    /// A ping.
    ///
    /// - Parameter size: what it has at least, in bytes.
    static func writePing(
        _ transaction: UInt64, flags: UInt8, size: Int = 0, into writer: inout ByteWriter
    ) {
        writer.write(SealedKind.ping.rawValue)
        writer.write(transaction)
        writer.write(flags)
        writer.pad(to: max(1 + 8 + Endpoint.encodedSize, size))
    }
}
