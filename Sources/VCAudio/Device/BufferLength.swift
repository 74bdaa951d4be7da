/// How long the buffer of a loudspeaker is: two periods to begin with, or what the person wants at
/// least, one more whenever it runs dry again and again, one less after five minutes without that.
/// It shrinks only in a pause, because the device is opened anew for it.
///
/// Times are nanoseconds of CLOCK_MONOTONIC.
struct BufferLength {
    static let fewestPeriods = 2
    static let usualMost = 8
    /// So many xruns within the time below make the buffer longer.
    static let xrunLimit = 3
    static let xrunWindow: UInt64 = 10_000_000_000
    /// After so long without an xrun, or a change, the buffer is made shorter: five minutes.
    static let cleanTime: UInt64 = 300_000_000_000

    private(set) var periods: Int
    /// It begins with these, and shrinks to them.
    private let fewest: Int
    private let most: Int
    private var windowStart: UInt64
    private var xrunsInWindow = 0
    private var cleanSince: UInt64

    /// - Parameters:
    ///   - fewest: periods at least; `fewestPeriods` or more.
    ///   - most: periods that it grows to.
    init(
        at now: UInt64, fewest: Int = BufferLength.fewestPeriods,
        most: Int = BufferLength.usualMost
    ) {
        periods = fewest
        self.fewest = fewest
        self.most = most
        windowStart = now
        cleanSince = now
    }

    /// Notes xruns; whether the buffer is to be made longer.
    mutating func grows(xruns: Int, at now: UInt64) -> Bool {
        cleanSince = now
        if now - windowStart > Self.xrunWindow {
            windowStart = now
            xrunsInWindow = 0
        }
        xrunsInWindow += xruns
        guard xrunsInWindow >= Self.xrunLimit, periods < most else { return false }
        xrunsInWindow = 0
        periods += 1
        return true
    }

    /// In a pause: whether the buffer is to be made shorter.
    mutating func shrinks(at now: UInt64) -> Bool {
        guard periods > fewest, now - cleanSince >= Self.cleanTime else { return false }
        // Step by step: the next one needs clean minutes of its own.
        cleanSince = now
        periods -= 1
        return true
    }
}
