internal import Glibc

/// How loud somebody speaks, as ears judge it: ITU-R BS.1770's K-weighting, over blocks of 10 ms,
/// counting only those in which somebody speaks. Levels are in LUFS: dB, where a sine of 1 kHz at
/// full scale has -3.
///
/// A moment is speech when it is louder than the noise behind the voice by 8 dB; the noise is the
/// quietest block of the last three seconds at most, because nobody speaks that long without a gap.
/// Of speech that counts which is at most 10 dB softer than the loudness so far, as in BS.1770; so
/// pauses do not make a voice softer. A moment is some 400 ms long, as there, but fades.
struct LoudnessMeter: BitwiseCopyable {
    /// Samples of a block.
    static var block: Int { @_noLocks @_noAllocation get { 480 } }
    /// Softer blocks are never speech; the faintest whisper lies above, in LUFS.
    private static var gate: Float { @_noLocks @_noAllocation get { -62 } }
    private static var quietest: Float { @_noLocks @_noAllocation get { -75 } }
    /// How far above the noise speech begins, in dB.
    private static var margin: Float { @_noLocks @_noAllocation get { 8 } }
    /// How far below the loudness blocks count, in dB.
    private static var depth: Float { @_noLocks @_noAllocation get { 10 } }
    /// Blocks in a half of the noise's memory: 1.5 s.
    private static var noiseBlocks: Int { @_noLocks @_noAllocation get { 150 } }
    /// Blocks of speech over which is averaged: 3 s.
    private static var memory: Int { @_noLocks @_noAllocation get { 300 } }
    /// After so many blocks of speech that were all too soft to count the voice is another one now,
    /// or whispers: 1 s.
    private static var patience: Int { @_noLocks @_noAllocation get { 100 } }
    /// The share of a new block in the moment: half of it is forgotten after 140 ms.
    private static var freshness: Double { @_noLocks @_noAllocation get { 0.05 } }
    /// Blocks of speech that say something about a voice: 300 ms.
    private static var least: Int { @_noLocks @_noAllocation get { 30 } }

    // BS.1770-4, tables 1 and 2, for 48 kHz: the head as a sphere, and what ears do not hear.
    private var head = Biquad(
        Biquad.Coefficients(
            b0: 1.535_124_859_586_97, b1: -2.691_696_189_406_38, b2: 1.198_392_810_852_85,
            a1: -1.690_659_293_182_41, a2: 0.732_480_774_215_85))
    private var ears = Biquad(
        Biquad.Coefficients(
            b0: 1, b1: -2, b2: 1, a1: -1.990_047_454_833_98, a2: 0.990_072_250_366_21))
    private var sum = 0.0
    private var filled = 0

    private var floor = Float.infinity
    private var floorBefore = Float.infinity
    private var floorBlocks = 0

    private var moment = 0.0
    private var power = 0.0
    private var counted = 0
    private var ignored = 0

    init() {}

    /// The noise behind the voice, in LUFS.
    var noise: Float {
        @_noLocks @_noAllocation get { max(Self.quietest, min(floor, floorBefore)) }
    }

    /// The loudness of the voice in LUFS, or nil while too little was heard of it.
    var loudness: Float? {
        @_noLocks @_noAllocation get {
            counted >= Self.least ? Self.decibels(power) : nil
        }
    }

    /// Samples that are missing until the block is full.
    var missing: Int { @_noLocks @_noAllocation get { Self.block - filled } }

    /// Takes `length` samples from `offset` on, at most `missing`; at the end of a block true is
    /// returned if it counts as speech, else nil or false.
    @_noLocks @_noAllocation
    mutating func take(
        _ samples: borrowing SampleBuffer, at offset: Int, count length: Int
    ) -> Bool? {
        weigh(samples, at: offset, count: min(length, missing))
        guard missing == 0 else { return nil }
        let mean = sum / Double(Self.block)
        head.settle()
        ears.settle()
        sum = 0
        filled = 0
        return mean.isFinite && note(mean)
    }

    /// The filters work on copies: they stay in registers, where each sample would else wait for
    /// what the one before stored.
    @_noLocks @_noAllocation
    private mutating func weigh(
        _ samples: borrowing SampleBuffer, at offset: Int, count length: Int
    ) {
        var (head, ears, sum) = (head, ears, sum)
        var index = offset
        while index < offset + length {
            let weighted = ears.filter(head.filter(Double(samples[index])))
            sum += weighted * weighted
            index += 1
        }
        (self.head, self.ears, self.sum) = (head, ears, sum)
        filled += length
    }

    @_noLocks @_noAllocation
    private mutating func note(_ mean: Double) -> Bool {
        learnNoise(Self.decibels(mean))
        // A voice that sets in counts at once.
        moment = mean > 4 * moment ? mean : moment + (mean - moment) * Self.freshness
        let level = Self.decibels(moment)
        guard level > Self.gate, level > noise + Self.margin else { return false }
        if counted > 0, level < Self.decibels(power) - Self.depth {
            ignored += 1
            if ignored >= Self.patience {
                counted = 0
                ignored = 0
            }
            return false
        }
        ignored = 0
        counted = min(Self.memory, counted + 1)
        power += (mean - power) / Double(counted)
        return true
    }

    @_noLocks @_noAllocation
    private mutating func learnNoise(_ level: Float) {
        floor = floorBlocks == 0 ? level : min(floor, level)
        floorBlocks += 1
        guard floorBlocks == Self.noiseBlocks else { return }
        floorBefore = floor
        floorBlocks = 0
    }

    @_semantics("no_performance_analysis")
    private static func decibels(_ power: Double) -> Float {
        // The constant is BS.1770's, so that 1 kHz keeps its level.
        Float(-0.691 + 10 * log10(max(power, 1e-12)))
    }
}
