internal import CVCLinux
public import VCCore

/// The time line that shells drive machines by: CLOCK_BOOTTIME, which goes on while a laptop
/// sleeps, so that no key outlives its time.
public enum MonotonicClock {
    /// The present.
    public static var now: Instant { Instant(nanoseconds: vc_boottime_nanoseconds()) }
}
