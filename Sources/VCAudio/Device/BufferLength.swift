/// How long the buffer of a loudspeaker is, in steps of 5.3 ms: as short as it may be to begin
/// with, one longer whenever it runs dry again and again, one shorter after five minutes without
/// that. The device is opened anew for it, so it shrinks in a pause or between two words; where
/// there is neither for a minute, in the middle of them.
///
/// Times are nanoseconds of CLOCK_MONOTONIC.
struct BufferLength {
    /// Samples of a step at 48 kHz: a period, where frames are not shorter than that.
    static let step = 256
    static let mostSteps = 8
    /// So many more there are at most where a person begins with many.
    static let moreSteps = 6
    /// So many xruns within the time below make the buffer longer.
    static let xrunLimit = 3
    static let xrunWindow: UInt64 = 10_000_000_000
    /// After so long without an xrun, or a change, the buffer is made shorter: five minutes.
    static let cleanTime: UInt64 = 300_000_000_000
    /// So much longer it waits for a quiet moment: one minute. Between words of a conversation
    /// there is one each few seconds; noise and music have none.
    static let quietPatience: UInt64 = 60_000_000_000

    private(set) var steps: Int
    /// It begins with these, and shrinks to them.
    private let fewest: Int
    /// It grows to these.
    private var most: Int { max(Self.mostSteps, fewest + Self.moreSteps) }
    private var windowStart: UInt64
    private var xrunsInWindow = 0
    private var cleanSince: UInt64

    /// - Parameter fewest: steps at least.
    init(at now: UInt64, fewest: Int) {
        steps = fewest
        self.fewest = fewest
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
        guard xrunsInWindow >= Self.xrunLimit, steps < most else { return false }
        xrunsInWindow = 0
        steps += 1
        return true
    }

    /// Whether it is longer than it was to begin with.
    var isGrown: Bool { steps > fewest }

    /// Whether the buffer is to be made shorter.
    ///
    /// - Parameter isQuiet: whether nobody would hear that.
    mutating func shrinks(at now: UInt64, isQuiet: Bool) -> Bool {
        let patience = isQuiet ? 0 : Self.quietPatience
        guard isGrown, now - cleanSince >= Self.cleanTime + patience else { return false }
        // Step by step: the next one needs clean minutes of its own.
        cleanSince = now
        steps -= 1
        return true
    }
}
