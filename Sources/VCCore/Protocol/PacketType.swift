/// The first byte of every datagram. 0x00 to 0x03 stay with STUN, as RFC 7983 demands of protocols
/// that share its port.
public enum PacketType {
    /// STUN Binding (RFC 8489); the upper two bits of a STUN message are zero.
    public static let stun: ClosedRange<UInt8> = 0x00...0x03
    /// Client and vc-signal.
    public static let signal: UInt8 = 0xC0
    /// Relay control.
    public static let relayControl: UInt8 = 0xC1
    /// Relay data.
    public static let relayData: UInt8 = 0xC2
    /// A sealed packet that the host forwards.
    public static let hostForward: UInt8 = 0xC3
    /// Pairwise handshake.
    public static let handshake: UInt8 = 0xC4
    /// Pairwise sealed packet.
    public static let sealed: UInt8 = 0xC5
    /// Who has a room, in the local network.
    public static let discovery: UInt8 = 0xC6
}
