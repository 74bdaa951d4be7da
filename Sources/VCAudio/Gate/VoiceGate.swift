public import VCCore

/// Decides which frames are worth sending. It is made to spare the network during silence, never
/// to cut speech: it opens far below the quietest voice and closes late.
///
///     closed --loud--> open --quiet--> hangover --300 ms--> closed
///                        ^----------loud--|
///
/// Where somebody tells voice from other sound, loud means loud and voice. Who tells that needs a
/// moment for it, in which the first sound of a word would be lost: so loudness alone opens the
/// gate on trial, for 100 ms and not again before 300 ms of quiet.
///
///     closed --loud, no voice--> trial --voice--> open
///                                  |--100 ms--> closed until voice, or quiet
public struct VoiceGate: Sendable {
    public enum Mode: Sendable, Equatable {
        /// Every frame is sent.
        case open
        /// Frames are sent while somebody may be speaking.
        case voice
    }

    /// What to do with a frame.
    public struct Decision: Sendable, Equatable {
        /// Whether the frame is sent.
        public let sends: Bool
        public let flags: FrameFlags

        static let silent = Decision(sends: false, flags: [])
    }

    /// How long the gate stays open after the last loud frame: 300 ms.
    public static let hangoverNanoseconds: UInt64 = 300_000_000
    /// How long loudness alone keeps it open: 100 ms. (WebRTC's detector takes up to 90 ms to
    /// recognise a soft voice in noise.)
    public static let trialNanoseconds: UInt64 = 100_000_000
    /// The lowest threshold in -dBov: quieter than a quiet room through any microphone.
    public static let lowestThreshold: UInt8 = 60
    /// The highest threshold in -dBov: the quietest speech lies some 10 dB above it.
    public static let highestThreshold: UInt8 = 50
    /// How far above the noise a frame must lie to open the gate, in dB.
    public static let margin: UInt8 = 6
    /// How long the quietest frame is remembered as the noise: 3 s, twice that at most.
    public static let noiseMemoryNanoseconds: UInt64 = 3_000_000_000

    /// In -dBov; nil: it follows the noise.
    private let fixedThreshold: UInt8?
    private let hangover: UInt64
    private var mode: Mode
    private var isOpen = false
    private var lastLoud = Instant.zero
    /// When the trial began, while there is one, or the last one did.
    private var trialStart: Instant?
    private var lastSound = Instant.zero
    private var quietest = Level.silence
    private var previousQuietest = Level.silence
    private var memoryStart = Instant.zero

    /// - Parameters:
    ///   - threshold: the level in -dBov that opens the gate; nil: one that follows the noise.
    ///   - hangover: how long it stays open after the last loud frame, in nanoseconds.
    public init(
        mode: Mode = .voice, threshold: UInt8? = nil,
        hangover: UInt64 = VoiceGate.hangoverNanoseconds
    ) {
        self.mode = mode
        fixedThreshold = threshold
        self.hangover = hangover
    }

    /// Whether frames are being sent.
    public var isTalking: Bool {
        @_noLocks @_noAllocation get { isOpen }
    }

    /// The level in -dBov that opens the gate now.
    public var threshold: UInt8 {
        @_noLocks @_noAllocation get {
            if let fixedThreshold { return fixedThreshold }
            // Levels count downwards: the noise is the largest value seen.
            let noise = max(quietest, previousQuietest)
            let wanted = noise > Self.margin ? noise - Self.margin : 0
            return min(Self.lowestThreshold, max(Self.highestThreshold, wanted))
        }
    }

    @_noLocks @_noAllocation
    public mutating func setMode(_ mode: Mode) {
        self.mode = mode
    }

    /// Judges the frame with `level` that ends at `now`.
    ///
    /// - Parameter hasVoice: whether it was found to be voice; nil where nobody looks for that.
    public mutating func judge(
        level: UInt8, hasVoice: Bool? = nil, at now: Instant
    ) -> Decision {
        let isSound = mode == .open || level < threshold
        let isLoud = mode == .open || (isSound && (hasVoice ?? true))
        learnNoise(level, at: now)
        if isLoud || (isSound && isOnTrial(at: now)) {
            if isLoud {
                lastLoud = now
                trialStart = nil
            }
            lastSound = now
            let isStart = !isOpen
            isOpen = true
            return Decision(sends: true, flags: isStart ? .startOfTalkSpurt : [])
        }
        if isSound { lastSound = now }
        guard isOpen else { return .silent }
        // A trial that failed leaves nothing to hang on to: the last voice is long ago.
        let quiet = now.nanoseconds &- lastLoud.nanoseconds
        guard quiet >= hangover else { return Decision(sends: true, flags: []) }
        isOpen = false
        return Decision(sends: true, flags: .endOfTalkSpurt)
    }

    /// Whether a sound that is no voice yet may be one; begins a trial where none is.
    private mutating func isOnTrial(at now: Instant) -> Bool {
        if let trialStart {
            if now.nanoseconds &- trialStart.nanoseconds < Self.trialNanoseconds { return true }
            guard now.nanoseconds &- lastSound.nanoseconds >= Self.hangoverNanoseconds else {
                return false
            }
        } else if isOpen {
            // Voice before: what follows is the hangover's.
            return false
        }
        trialStart = now
        return true
    }

    /// Closes the gate at once, as muting does.
    @_noLocks @_noAllocation
    public mutating func close() {
        isOpen = false
        trialStart = nil
    }

    // The quietest frame of the last three to six seconds is taken for the noise: nobody speaks
    // that long without a breath.
    @_noLocks @_noAllocation
    private mutating func learnNoise(_ level: UInt8, at now: Instant) {
        if now.nanoseconds &- memoryStart.nanoseconds >= Self.noiseMemoryNanoseconds {
            previousQuietest = quietest
            quietest = 0
            memoryStart = now
        }
        if level > quietest { quietest = level }
    }
}
