public import VCCore

/// Chooses how to encode by how many are in the room: every member's voice is sent once to each of
/// the others, so a large room pays for low delay and many bits as often as it has members.
///
/// | members | frame | bit rate | upload of a talker, headers and seal included |
/// |---|---|---|---|
/// | 2 to 4 | 10 ms | 48 kbit/s, low delay | 0.3 Mbit/s |
/// | 5 to 8 | 20 ms | 32 kbit/s | 0.4 Mbit/s |
/// | 9 to 16 | 20 ms | 24 kbit/s | 0.8 Mbit/s |
///
/// It follows a growing room at once, and a shrinking one after half a minute, so that a room in
/// which somebody comes and goes does not switch each time. What the person asked for stays.
public struct EncoderChoice: Sendable {
    /// Members of the largest room that is encoded with low delay.
    public static let smallRoom = 4
    /// Members of the largest room of the middle size.
    public static let middleRoom = 8
    /// A room has to be smaller for this long.
    public static let patience = Duration.seconds(30)
    /// Bits a second of a room of the middle size, and of a large one (PESQ-WB 4.4 and 4.0).
    public static let middleBitrate = 32_000
    public static let largeBitrate = 24_000
    /// Bits a second of frames of 2.5 ms, in rooms of any size and on any link: 48,000 leave 15
    /// bytes for each, and a PESQ-WB of 2.7; these make 3.9 of it. Headers cost four times as much.
    public static let shortestFrameBitrate = 64_000

    private let givenFrame: FrameDuration?
    private let givenBitrate: Int?
    private let complexity: Int
    private let expectedLoss: Int
    private var size = Size.small
    private var thrift = 0
    /// Since when the room has been smaller than it is encoded for.
    private var smallerSince: Instant?

    private enum Size: Int, Comparable {
        case small, middle, large

        init(members: Int) {
            self =
                members <= EncoderChoice.smallRoom
                ? .small : members <= EncoderChoice.middleRoom ? .middle : .large
        }

        static func < (left: Size, right: Size) -> Bool { left.rawValue < right.rawValue }
    }

    /// - Parameters:
    ///   - frame: what the person asked for, if anything; it is kept in rooms of every size.
    ///   - bitrate: likewise, in bits a second.
    ///   - complexity: libopus' effort, 0...10.
    ///   - expectedLoss: how many frames of a hundred it is told will be lost. Nothing is said by
    ///     `LossControl`: what is lost comes back as a copy, and an encoder that reckons with
    ///     losses sounds worse for everybody who has none.
    public init(
        frame: FrameDuration? = nil, bitrate: Int? = nil,
        complexity: Int = OpusEncoder.usualComplexity, expectedLoss: Int = 0
    ) {
        givenFrame = frame
        givenBitrate = bitrate
        self.complexity = complexity
        self.expectedLoss = expectedLoss
    }

    /// How to encode now.
    public var profile: EncoderProfile {
        let isLow = size == .small && thrift < Self.longFrameThrift
        let frame = givenFrame ?? (isLow ? .tenMilliseconds : .twentyMilliseconds)
        // Below 10 ms there is only the low-delay coder (RFC 6716 section 3.1).
        let isShort = frame.sampleCount < FrameDuration.tenMilliseconds.sampleCount
        return EncoderProfile(
            application: isLow || isShort ? .lowDelay : .voice, frame: frame,
            bitrate: givenBitrate ?? bitrate, complexity: complexity, expectedLoss: expectedLoss)
    }

    private var bitrate: Int {
        if givenFrame == .twoAndAHalfMilliseconds { return Self.shortestFrameBitrate }
        let bySize =
            switch size {
            case .small: OpusEncoder.bitrate
            case .middle: EncoderChoice.middleBitrate
            case .large: EncoderChoice.largeBitrate
            }
        return switch thrift {
        case 0: bySize
        case 1: min(bySize, EncoderChoice.middleBitrate)
        case _: min(bySize, EncoderChoice.largeBitrate)
        }
    }

    /// From this thrift on frames are long: half as many headers.
    static let longFrameThrift = 3

    /// Notes how many are in the room, ourselves included, and how far the fullest link makes us
    /// save (`LossControl`): 1 is 32 kbit/s, 2 is 24, 3 is 24 in frames of 20 ms. Returns whether
    /// `profile` is another one now. To be called again each second or so.
    public mutating func note(members: Int, thrift: Int = 0, now: Instant) -> Bool {
        let before = profile
        self.thrift = thrift
        let wanted = Size(members: members)
        if wanted > size {
            size = wanted
        } else if wanted < size {
            let since = smallerSince ?? now
            smallerSince = since
            guard now >= since + EncoderChoice.patience else { return profile != before }
            size = wanted
        }
        smallerSince = nil
        return profile != before
    }
}
