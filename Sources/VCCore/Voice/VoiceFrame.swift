/// What a voice frame tells about its place in the talk.
public struct FrameFlags: OptionSet, Sendable, BitwiseCopyable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// The first frame after silence: the time stamp may have jumped, nothing was lost.
    public static let startOfTalkSpurt = FrameFlags(rawValue: 1)
    /// The last frame before silence: nothing follows, and nothing is to be concealed.
    public static let endOfTalkSpurt = FrameFlags(rawValue: 2)
    /// The frame was sent before and came again behind a later one; not on the wire.
    public static let copy = FrameFlags(rawValue: 0x80)
    /// The frame is for some members only.
    public static let whisper = FrameFlags(rawValue: 4)
}

/// Everything about a coded frame but its payload.
public struct VoiceFrame: Sendable {
    /// Counts frames that were sent; it stops during gated silence and wraps.
    public var sequence: UInt16
    /// The sample clock (48 kHz) of the first sample; it goes on during silence and wraps.
    public var timestamp: UInt32
    /// Loudness in -dBov, 0 loudest, 127 silence (RFC 6464).
    public var level: UInt8
    public var flags: FrameFlags
    /// A captured frame: when its first sample reached the microphone. A received one: when its
    /// datagram arrived.
    public var instant: Instant
    /// How old the first sample was when the frame was ready to be sent, with the codec's
    /// look-ahead.
    public var captureDelayMicroseconds: UInt32

    public init(
        sequence: UInt16, timestamp: UInt32, level: UInt8 = 0, flags: FrameFlags = [],
        instant: Instant, captureDelayMicroseconds: UInt32 = 0
    ) {
        self.sequence = sequence
        self.timestamp = timestamp
        self.level = level
        self.flags = flags
        self.instant = instant
        self.captureDelayMicroseconds = captureDelayMicroseconds
    }

    /// The largest coded frame, in bytes: 20 ms at 160 kbit/s, and far from the datagram limit.
    public static var payloadLimit: Int { @_noLocks @_noAllocation get { 400 } }
}
