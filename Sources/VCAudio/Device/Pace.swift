internal import Glibc

/// Makes a device that has no clock of its own run at 48 kHz: every deadline is computed from one
/// start, so that the sleeps' errors do not add up.
///
/// The start lies on a grid that all such devices share, as the two directions of one sound card
/// share its clock: a machine that is woken once for several of them works for half of what it
/// costs to be woken for each.
struct Pace {
    /// The longest usual frame, in nanoseconds: at its end capture and playback are due together.
    private static let grid: UInt64 = 10_000_000
    /// Behind by more than this the start is moved: the machine slept, or was stopped.
    static let tolerance: UInt64 = 200_000_000

    private var start: UInt64
    /// Samples since the start.
    private(set) var position: UInt64 = 0

    init() {
        start = Self.nextStart()
    }

    /// CLOCK_MONOTONIC, in nanoseconds.
    static func now() -> UInt64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// Begins again now.
    mutating func restart() {
        start = Self.nextStart()
        position = 0
    }

    private static func nextStart() -> UInt64 {
        (now() + grid - 1) / grid * grid
    }

    /// Counts `count` samples without waiting for them.
    mutating func skip(_ count: Int) {
        position += UInt64(count)
    }

    /// How many samples the clock is ahead of the position.
    var samplesBehind: Int {
        let now = Self.now()
        let deadline = self.deadline
        return now > deadline ? Int((now - deadline) * 6 / 125_000) : 0
    }

    /// How long it is until the time of the position, in microseconds; 0 when that is over.
    var microsecondsAhead: Int {
        let now = Self.now()
        let deadline = self.deadline
        return deadline > now ? Int((deadline - now) / 1_000) : 0
    }

    /// Sleeps until the time of the position; false when that is long over.
    func sleep() -> Bool { sleepOrLateness() < Self.tolerance }

    /// Sleeps until the time of the position; for how long it was over already, in nanoseconds, and
    /// 0 when it was not.
    func sleepOrLateness() -> UInt64 {
        let deadline = self.deadline
        let now = Self.now()
        guard now < deadline else { return now - deadline }
        var time = timespec(
            tv_sec: Int(deadline / 1_000_000_000), tv_nsec: Int(deadline % 1_000_000_000))
        while unsafe clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nil) == EINTR {}
        return 0
    }

    // 48,000 samples are 1,000,000,000 ns; seconds apart, so that nothing overflows in a year.
    private var deadline: UInt64 {
        start + position / 48_000 * 1_000_000_000 + position % 48_000 * 62_500 / 3
    }
}
