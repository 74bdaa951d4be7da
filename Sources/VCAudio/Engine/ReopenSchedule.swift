/// When to try a lost device again: 100 ms after it was lost, then at twice the time, up to 600 ms,
/// so that the sound is back within a second of the device.
struct ReopenSchedule {
    private static let first: UInt64 = 100_000_000
    private static let last: UInt64 = 600_000_000

    private var delay = ReopenSchedule.first
    private var due: UInt64

    /// The device was lost at `now`, in nanoseconds.
    init(lostAt now: UInt64) {
        due = now + Self.first
    }

    func isDue(at now: UInt64) -> Bool {
        now >= due
    }

    mutating func noteFailure(at now: UInt64) {
        delay = min(Self.last, delay * 2)
        due = now + delay
    }
}
