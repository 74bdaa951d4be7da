/// How many wrong guesses a code stands, and how fast: a burst of 5, then one a second, 1,000 in
/// all; and 5 in 10 minutes from one source, so that one guesser cannot spend everybody's.
struct GuessBudget {
    /// Wrong guesses until a code is retired: 1,000 of 2^31.
    static let perCode = 1_000
    static let burst = 5
    static let perSecond = 1
    static let perSource = 5
    static let sourceMemory = Duration.seconds(600)
    /// Sources that are remembered; the oldest makes room.
    private static let maximumSources = 256

    private(set) var failures = 0
    private var allowance = RateAllowance(perSecond: perSecond, burst: burst)
    private var sources: [(tag: UInt64, since: Instant, failures: Int)] = []

    var isSpent: Bool { failures >= GuessBudget.perCode }

    /// Whether a proof may be opened now: a wrong one would still be within the rate.
    mutating func allowsOpening(now: Instant) -> Bool {
        !isSpent && allowance.isAvailable(now: now)
    }

    /// When a proof may be opened.
    func nextOpening(now: Instant) -> Instant { allowance.nextToken(now: now) }

    /// Whether a source guessed wrong too often lately.
    mutating func isBusy(_ tag: UInt64, now: Instant) -> Bool {
        sources.removeAll { now >= $0.since + GuessBudget.sourceMemory }
        return sources.contains { $0.tag == tag && $0.failures >= GuessBudget.perSource }
    }

    /// Wrong guesses of a source that are remembered.
    func failures(of tag: UInt64) -> Int {
        sources.first { $0.tag == tag }?.failures ?? 0
    }

    /// Another code is in force: its guesses are counted anew, who guessed is not forgotten.
    mutating func beginCode() { failures = 0 }

    /// The code has had this many wrong guesses elsewhere.
    mutating func resume(failures: Int) { self.failures = failures }

    mutating func recordFailure(from tag: UInt64, now: Instant) {
        failures += 1
        _ = allowance.take(now: now)
        if let index = sources.firstIndex(where: { $0.tag == tag }) {
            sources[index].failures += 1
        } else {
            if sources.count >= GuessBudget.maximumSources { sources.removeFirst() }
            sources.append((tag, now, 1))
        }
    }
}
