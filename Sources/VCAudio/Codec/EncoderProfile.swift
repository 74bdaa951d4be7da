/// How an encoder is set up. Every profile has a constant bit rate, so that the size of a packet
/// tells nothing about what is said (RFC 6562).
public struct EncoderProfile: Sendable, Equatable {
    /// What libopus optimises for; an encoder cannot change it after its first frame.
    public enum Application: Sendable {
        /// RESTRICTED_LOWDELAY: 2.5 ms of look-ahead, at its best above 40 kbit/s.
        case lowDelay
        /// VOIP: 6.5 ms of look-ahead, and speech as good at two thirds of the bits.
        case voice
    }

    public var application: Application
    public var frame: FrameDuration
    /// Bits a second.
    public var bitrate: Int
    /// libopus' effort, 0...10.
    public var complexity: Int
    /// How many frames of a hundred libopus is told will be lost: the more, the less it leans on
    /// earlier ones.
    public var expectedLoss: Int

    public init(
        application: Application = .lowDelay, frame: FrameDuration = .tenMilliseconds,
        bitrate: Int = OpusEncoder.bitrate, complexity: Int = OpusEncoder.usualComplexity,
        expectedLoss: Int = 0
    ) {
        self.application = application
        self.frame = frame
        self.bitrate = bitrate
        self.complexity = complexity
        self.expectedLoss = expectedLoss
    }
}
