internal import Glibc

/// A filter of second order, in transposed direct form II. Its state is Double: the poles of a
/// filter for low frequencies lie so near to one that Float would add noise that can be heard.
struct Biquad: BitwiseCopyable {
    /// b0...a2 of H(z), with a0 = 1.
    struct Coefficients: BitwiseCopyable {
        var b0 = 1.0
        var b1 = 0.0
        var b2 = 0.0
        var a1 = 0.0
        var a2 = 0.0
    }

    /// What is smaller is no sound any more, and would make the processor slow (denormal numbers).
    private static var negligible: Double { @_noLocks @_noAllocation get { 1e-20 } }

    var coefficients = Coefficients()
    private var first = 0.0
    private var second = 0.0

    init(_ coefficients: Coefficients = Coefficients()) {
        self.coefficients = coefficients
    }

    @_noLocks @_noAllocation
    mutating func filter(_ input: Double) -> Double {
        let output = coefficients.b0 * input + first
        first = coefficients.b1 * input - coefficients.a1 * output + second
        second = coefficients.b2 * input - coefficients.a2 * output
        return output
    }

    /// Ends a block: forgets what cannot be heard, and what is no number.
    @_noLocks @_noAllocation
    mutating func settle() {
        if !first.isFinite || first.magnitude < Self.negligible { first = 0 }
        if !second.isFinite || second.magnitude < Self.negligible { second = 0 }
    }

    /// As if nothing had ever gone through.
    @_noLocks @_noAllocation
    mutating func reset() {
        first = 0
        second = 0
    }
}

// The formulas are those of R. Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter
// coefficients" (W3C note audio-eq-cookbook), at 48 kHz. Gains are in dB, frequencies in hertz.
extension Biquad.Coefficients {
    @_semantics("no_performance_analysis")
    static func lowShelf(at frequency: Double, decibels: Double) -> Self {
        shelf(at: frequency, decibels: decibels, sign: 1)
    }

    @_semantics("no_performance_analysis")
    static func highShelf(at frequency: Double, decibels: Double) -> Self {
        shelf(at: frequency, decibels: decibels, sign: -1)
    }

    @_semantics("no_performance_analysis")
    static func peak(at frequency: Double, quality: Double, decibels: Double) -> Self {
        let amplitude = pow(10, decibels / 40)
        let angle = 2 * Double.pi * frequency / 48_000
        let alpha = sin(angle) / (2 * quality)
        let a0 = 1 + alpha / amplitude
        return Self(
            b0: (1 + alpha * amplitude) / a0, b1: -2 * cos(angle) / a0,
            b2: (1 - alpha * amplitude) / a0, a1: -2 * cos(angle) / a0,
            a2: (1 - alpha / amplitude) / a0)
    }

    /// A shelf of slope 1; the sign of the cosine tells which side it lifts.
    @_semantics("no_performance_analysis")
    private static func shelf(at frequency: Double, decibels: Double, sign: Double) -> Self {
        let amplitude = pow(10, decibels / 40)
        let angle = 2 * Double.pi * frequency / 48_000
        let cosine = sign * cos(angle)
        let root = 2 * amplitude.squareRoot() * sin(angle) / 2 * 2.0.squareRoot()
        let (up, down) = (amplitude + 1, amplitude - 1)
        let a0 = up + down * cosine + root
        return Self(
            b0: amplitude * (up - down * cosine + root) / a0,
            b1: sign * 2 * amplitude * (down - up * cosine) / a0,
            b2: amplitude * (up - down * cosine - root) / a0,
            a1: sign * -2 * (down + up * cosine) / a0,
            a2: (up + down * cosine - root) / a0)
    }
}
