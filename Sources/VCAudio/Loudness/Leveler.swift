internal import Glibc

/// Makes one member as loud as the others: a gain that leads its speech to -23 LUFS, the loudness
/// that EBU R 128 gives all programmes. It moves too slowly to change words, and in pauses it
/// stands still, so that nothing pumps.
public struct Leveler: BitwiseCopyable {
    /// In LUFS.
    public static var target: Float { @_noLocks @_noAllocation get { -23 } }
    /// The most that it makes louder and softer, in dB.
    public static var most: Float { @_noLocks @_noAllocation get { 30 } }
    public static var least: Float { @_noLocks @_noAllocation get { -20 } }
    /// The noise behind a voice is not made louder than this, in LUFS.
    public static var noiseCeiling: Float { @_noLocks @_noAllocation get { -42 } }
    /// How far it moves in 10 ms of speech, in dB: a hundredth of what is missing, but no less than
    /// 4 dB a second and no more than 12.
    private static var share: Float { @_noLocks @_noAllocation get { 0.01 } }
    private static var slowest: Float { @_noLocks @_noAllocation get { 0.04 } }
    private static var fastest: Float { @_noLocks @_noAllocation get { 0.12 } }
    /// A difference that nobody hears is left alone, in dB.
    private static var tolerance: Float { @_noLocks @_noAllocation get { 1 } }
    /// Once it moves, it goes as near as this.
    private static var precision: Float { @_noLocks @_noAllocation get { 0.2 } }

    private var meter = LoudnessMeter()
    private var isMoving = false
    /// In dB.
    public private(set) var gain: Float = 0
    /// The same as a factor.
    public private(set) var factor: Float = 1

    public init() {}

    /// Listens to the first `count` samples of the member and returns the factor for their end.
    @_noLocks @_noAllocation
    public mutating func listen(to samples: borrowing SampleBuffer, count: Int) -> Float {
        var index = 0
        while index < count {
            let length = min(count - index, meter.missing)
            if meter.take(samples, at: index, count: length) ?? false { move() }
            index += length
        }
        return factor
    }

    /// As long as it is turned off: goes back to no gain within some blocks, from wherever it is.
    @_noLocks @_noAllocation
    public mutating func relax() -> Float {
        guard gain != 0 else { return 1 }
        change(by: gain > 0 ? max(-0.5, -gain) : min(0.5, -gain))
        return factor
    }

    @_noLocks @_noAllocation
    private mutating func move() {
        guard let loudness = meter.loudness else { return }
        var wanted = max(Self.least, min(Self.most, Self.target - loudness))
        if wanted > 0 { wanted = max(0, min(wanted, Self.noiseCeiling - meter.noise)) }
        let missing = wanted - gain
        if missing.magnitude > Self.tolerance { isMoving = true }
        if missing.magnitude < Self.precision { isMoving = false }
        guard isMoving else { return }
        let step = max(Self.slowest, min(Self.fastest, missing.magnitude * Self.share))
        change(by: missing > 0 ? min(step, missing) : -min(step, -missing))
    }

    @_noLocks @_noAllocation
    private mutating func change(by decibels: Float) {
        gain += decibels
        factor = Self.factor(gain)
    }

    @_semantics("no_performance_analysis")
    private static func factor(_ decibels: Float) -> Float {
        powf(10, decibels / 20)
    }
}
