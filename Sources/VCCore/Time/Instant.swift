/// A point on the monotonic time line that machines are driven by: nanoseconds since an arbitrary
/// start. Shells read it from CLOCK_BOOTTIME, which goes on while a laptop sleeps (Linux's
/// CLOCK_MONOTONIC does not, and would let keys outlive their time); tests make it up.
public struct Instant: Comparable, Hashable, Sendable {
    /// Nanoseconds since the start of the time line.
    public let nanoseconds: UInt64

    /// The start of the time line.
    public static let zero = Instant(nanoseconds: 0)
    /// Later than every deadline that is ever set.
    public static let distantFuture = Instant(nanoseconds: .max)

    @inlinable
    public init(nanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
    }

    @inlinable
    public static func < (left: Instant, right: Instant) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    /// This instant moved by `duration`, held at the two ends of the time line.
    @inlinable
    public static func + (instant: Instant, duration: Duration) -> Instant {
        let delta = duration.wholeNanoseconds
        if delta >= 0 {
            let (sum, overflow) = instant.nanoseconds.addingReportingOverflow(UInt64(delta))
            return Instant(nanoseconds: overflow ? .max : sum)
        }
        let (difference, overflow) =
            instant.nanoseconds.subtractingReportingOverflow(delta.magnitude)
        return Instant(nanoseconds: overflow ? 0 : difference)
    }

    /// The time from `earlier` to `later`; negative when they are the other way round.
    @inlinable
    public static func - (later: Instant, earlier: Instant) -> Duration {
        .nanoseconds(Int64(bitPattern: later.nanoseconds &- earlier.nanoseconds))
    }
}

extension Duration {
    /// The duration in nanoseconds, rounded towards zero and held within 64 bits.
    @inlinable
    public var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return seconds < 0 ? .min : .max }
        let (sum, sumOverflow) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
        if sumOverflow { return seconds < 0 ? .min : .max }
        return sum
    }

    /// The duration in milliseconds with its fraction, for people and JSON.
    @inlinable
    public var inMilliseconds: Double {
        Double(wholeNanoseconds) / 1_000_000
    }
}
