/// When to try again what cannot be used: at distances that double from try to try, until it works.
///
/// A lost device is tried 100 ms after it was lost, then after twice the time, up to 600 ms, so
/// that the sound is back within a second of the device. Distances are from the beginning of one
/// try to the beginning of the next: a device that can be opened, and hangs until the watchdog says
/// so, is not waited for twice.
struct ReopenSchedule {
    private static let first: UInt64 = 100_000_000
    private static let last: UInt64 = 600_000_000

    private let longest: UInt64
    private var distance: UInt64
    private var due: UInt64

    /// The device was lost at `now`, in nanoseconds.
    init(lostAt now: UInt64) {
        self.init(due: now + Self.first, distance: 2 * Self.first, longest: Self.last)
    }

    /// - Parameters:
    ///   - due: when the first try is.
    ///   - distance: from the first try to the second.
    ///   - longest: what the distance grows to.
    init(due: UInt64, distance: UInt64, longest: UInt64) {
        self.due = due
        self.distance = distance
        self.longest = longest
    }

    func isDue(at now: UInt64) -> Bool {
        now >= due
    }

    /// A try begins at `now`.
    mutating func noteTry(at now: UInt64) {
        due = now + distance
        distance = min(longest, distance * 2)
    }
}
