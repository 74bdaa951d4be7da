internal import CVCLinux
public import VCCore

/// The time line that shells drive machines by: CLOCK_BOOTTIME, which goes on while a laptop
/// sleeps, so that no key outlives its time.
public enum MonotonicClock {
    /// The present.
    public static var now: Instant { Instant(nanoseconds: vc_boottime_nanoseconds()) }
}

/// The wall clock, which only the ends of tickets go by.
public enum WallClock {
    /// Unix seconds.
    public static var seconds: UInt64 { vc_unix_seconds() }
}
