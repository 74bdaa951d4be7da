internal import Glibc

/// The loudness of a frame as RFC 6464 sends it: -dBov, 0 the loudest, 127 digital silence.
public enum Level {
    /// The level that stands for silence.
    public static var silence: UInt8 { @_noLocks @_noAllocation get { 127 } }

    /// The level of the first `count` samples.
    @_noLocks @_noAllocation
    public static func measure(_ samples: borrowing SampleBuffer, count: Int) -> UInt8 {
        guard count > 0 else { return silence }
        return level(meanSquare: samples.energy(at: 0, count: count) / Float(count))
    }

    @_semantics("no_performance_analysis")
    private static func level(meanSquare: Float) -> UInt8 {
        guard meanSquare > 0 else { return silence }
        // Half the factor 20 of an amplitude, because this is its square.
        let decibels = -10 * log10f(meanSquare)
        guard decibels < Float(silence) else { return silence }
        return UInt8(max(0, decibels.rounded()))
    }
}
