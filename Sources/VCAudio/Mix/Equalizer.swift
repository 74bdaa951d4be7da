/// How much louder or softer the three bands of what is heard are, in dB.
public struct EqualizerSetting: Equatable, Sendable {
    /// What a band can be changed by.
    public static let range: ClosedRange<Float> = -12...12

    /// Below some 250 Hz: the boom of a small room, or the warmth that a headset lacks.
    public var low: Float
    /// Around 1.5 kHz, where words are told apart.
    public var middle: Float
    /// Above some 4 kHz: sibilants.
    public var high: Float

    public static let flat = EqualizerSetting(low: 0, middle: 0, high: 0)

    /// Values outside the range are held at its ends.
    public init(low: Float, middle: Float, high: Float) {
        self.low = Self.held(low)
        self.middle = Self.held(middle)
        self.high = Self.held(high)
    }

    private static func held(_ value: Float) -> Float {
        value.isFinite ? max(range.lowerBound, min(range.upperBound, value)) : 0
    }

    // In steps of 1/256 dB, to be handed from one thread to another.

    init(packed bits: UInt64) {
        func value(_ shift: UInt64) -> Float {
            Float(Int16(truncatingIfNeeded: bits >> shift)) / 256
        }
        self.init(low: value(0), middle: value(16), high: value(32))
    }

    var packed: UInt64 {
        func bits(_ value: Float) -> UInt64 {
            UInt64(UInt16(bitPattern: Int16((value * 256).rounded())))
        }
        return bits(low) | bits(middle) << 16 | bits(high) << 32
    }
}

/// Three bands: a low shelf, a peak and a high shelf. Flat, it costs nothing and changes no sample.
/// A new setting is reached in small steps, because a filter that changes at once clicks.
public struct Equalizer {
    static var lowFrequency: Double { @_noLocks @_noAllocation get { 250 } }
    static var middleFrequency: Double { @_noLocks @_noAllocation get { 1_500 } }
    static var middleQuality: Double { @_noLocks @_noAllocation get { 0.7 } }
    static var highFrequency: Double { @_noLocks @_noAllocation get { 4_000 } }
    /// A band moves by this much at most in one block of some milliseconds, in dB.
    private static var step: Float { @_noLocks @_noAllocation get { 0.5 } }

    private var wanted: UInt64 = 0
    private var target = EqualizerSetting.flat
    private var setting = EqualizerSetting.flat
    private var low = Biquad()
    private var middle = Biquad()
    private var high = Biquad()

    public init() {}

    /// Whether it changes anything.
    public var isActive: Bool {
        @_noLocks @_noAllocation get { !isFlat(setting) || !isFlat(target) }
    }

    public mutating func set(_ setting: EqualizerSetting) {
        set(packed: setting.packed)
    }

    mutating func set(packed bits: UInt64) {
        guard bits != wanted else { return }
        wanted = bits
        target = EqualizerSetting(packed: bits)
    }

    /// Filters the first `count` samples in place.
    @_noLocks @_noAllocation
    public mutating func process(_ samples: borrowing SampleBuffer, count: Int) {
        guard isActive else { return }
        move()
        var index = 0
        while index < count {
            let value = low.filter(Double(samples[index]))
            samples[index] = Float(high.filter(middle.filter(value)))
            index += 1
        }
        low.settle()
        middle.settle()
        high.settle()
        if !isActive { reset() }
    }

    /// Forgets the sound before, which does not go on.
    @_noLocks @_noAllocation
    public mutating func reset() {
        low.reset()
        middle.reset()
        high.reset()
    }

    @_noLocks @_noAllocation
    private func isFlat(_ setting: EqualizerSetting) -> Bool {
        setting.low == 0 && setting.middle == 0 && setting.high == 0
    }

    @_noLocks @_noAllocation
    private mutating func move() {
        if setting.low != target.low {
            setting.low = Self.step(from: setting.low, to: target.low)
            low.coefficients = .lowShelf(at: Self.lowFrequency, decibels: Double(setting.low))
        }
        if setting.middle != target.middle {
            setting.middle = Self.step(from: setting.middle, to: target.middle)
            middle.coefficients = .peak(
                at: Self.middleFrequency, quality: Self.middleQuality,
                decibels: Double(setting.middle))
        }
        if setting.high != target.high {
            setting.high = Self.step(from: setting.high, to: target.high)
            high.coefficients = .highShelf(at: Self.highFrequency, decibels: Double(setting.high))
        }
    }

    @_noLocks @_noAllocation
    private static func step(from value: Float, to target: Float) -> Float {
        target > value ? min(target, value + step) : max(target, value - step)
    }
}
