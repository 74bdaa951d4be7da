/// The noise of the talker's room, for the time in which packets are missing: a line that suddenly
/// goes dead sounds like the end of the call.
struct ComfortNoise {
    /// How long it is heard at full volume: 400 ms, what a change of the path takes.
    static let hold = 19_200
    /// After this many samples, 500 ms, it is silent: an outage should be heard as one.
    static let duration = 24_000
    /// It is never louder than this mean square (-50 dBFS): louder is a voice, not a room.
    static let loudest: Float = 1e-5
    /// Softer than this (-90 dBFS) is not worth making.
    static let softest: Float = 1e-9
    /// The softest frame of the last three to six seconds is taken for the room.
    static let memory = 144_000
    /// One pole at 1.2 kHz: rooms hum more than they hiss.
    private static let smoothing: Float = 0.855
    /// The root mean square of uniform noise in -1...1 behind that pole.
    private static let filteredLevel: Float = 0.161_4

    private var softestNow: Float = .infinity
    private var softestBefore: Float = .infinity
    private var learned = 0
    private var state: UInt32 = 0x9E37_79B9
    private var filtered: Float = 0

    /// The mean square of the noise.
    var level: Float {
        let softest = min(softestNow, softestBefore)
        return softest.isFinite ? min(softest, Self.loudest) : 0
    }

    var isAudible: Bool { level >= Self.softest }

    /// Notes the mean square of `count` samples of what the talker sends.
    mutating func learn(_ meanSquare: Float, count: Int) {
        guard meanSquare.isFinite else { return }
        learned += count
        if learned >= Self.memory {
            learned = 0
            softestBefore = softestNow
            softestNow = .infinity
        }
        softestNow = min(softestNow, meanSquare)
    }

    /// Adds noise to `count` samples from `offset` on, with a gain that goes in a line.
    @_noLocks @_noAllocation
    mutating func add(
        to samples: borrowing SampleBuffer, at offset: Int, count: Int, from first: Float,
        to last: Float
    ) {
        let softest = min(softestNow, softestBefore)
        guard softest.isFinite, softest >= Self.softest, count > 0 else { return }
        let loudness = Self.root(min(softest, Self.loudest)) / Self.filteredLevel
        var gain = first * loudness
        let step = (last - first) * loudness / Float(count)
        var index = 0
        while index < count {
            // xorshift32 (Marsaglia 2003).
            state ^= state << 13
            state ^= state >> 17
            state ^= state << 5
            let white = Float(Int32(bitPattern: state)) / 2_147_483_648
            filtered = white * (1 - Self.smoothing) + filtered * Self.smoothing
            samples[offset + index] += filtered * gain
            gain += step
            index += 1
        }
    }

    /// How loud it is after so many samples of nothing else.
    static func gain(after run: Int) -> Float {
        max(0, min(1, Float(duration - run) / Float(duration - hold)))
    }

    @_semantics("no_performance_analysis")
    private static func root(_ value: Float) -> Float {
        value.squareRoot()
    }
}
