/// How many wrong guesses a code stands, and how fast: a burst of 5, then one a second, 1,000 in
/// all; and 5 in 10 minutes from one source, so that one guesser cannot spend everybody's.
struct GuessBudget {
    /// Wrong guesses until a code is retired: 1,000 of 2^31.
    static let perCode = 1_000
    /// The same for a code that one guest gets once: it mistypes it now and then, and no more.
    static let perOneTimeCode = 5
    static let burst = 5
    static let perSecond = 1
    static let perSource = 5
    static let sourceMemory = Duration.seconds(600)
    /// Sources that are remembered; the oldest makes room.
    private static let maximumSources = 256

    /// Wrong guesses that this code stands.
    let limit: Int
    private(set) var failures: Int
    private var allowance = RateAllowance(perSecond: perSecond, burst: burst)
    private var sources: [(tag: UInt64, since: Instant, failures: Int)] = []

    /// - Parameter failures: wrong guesses that were made while another member was the host.
    init(limit: Int = GuessBudget.perCode, failures: Int = 0) {
        self.limit = limit
        self.failures = failures
    }

    var isSpent: Bool { failures >= limit }

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
