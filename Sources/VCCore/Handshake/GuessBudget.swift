/// How many wrong guesses a secret stands, and how fast.
///
/// A code: a burst of 5, then one a second, 1,000 in all; and 5 in 10 minutes from one source, so
/// that one guesser cannot spend everybody's.
///
/// A phrase, which cannot be retired, and where strangers who are wrong are nothing special: a
/// burst of 5 openings, right or wrong, then one a second; and after a wrong one, none from its
/// source for 30 s, doubled with each further one.
struct GuessBudget {
    enum Rule {
        case code
        case phrase
    }

    /// Wrong guesses until a code is retired: 1,000 of 2^31.
    static let perCode = 1_000
    /// The same for a code that one guest gets once: it mistypes it now and then, and no more.
    static let perOneTimeCode = 5
    static let burst = 5
    static let perSecond = 1
    static let perSource = 5
    static let sourceMemory = Duration.seconds(600)
    /// After its first wrong guess at a phrase a source waits for so long,
    static let phraseWait = Duration.seconds(30)
    /// and at most for this many times as long: about half an hour.
    static let longestWait = 64
    /// Sources that are remembered; the oldest makes room.
    private static let maximumSources = 256

    private struct Source {
        let tag: UInt64
        /// Until when it is remembered.
        var end: Instant
        /// Until when it waits, at a phrase.
        var wait = Instant.zero
        var failures = 0
    }

    private let rule: Rule
    /// Wrong guesses that this code stands.
    let limit: Int
    private(set) var failures: Int
    private var allowance = RateAllowance(perSecond: perSecond, burst: burst)
    private var sources: [Source] = []

    /// - Parameter failures: wrong guesses that were made while another member was the host.
    init(_ rule: Rule = .code, limit: Int = GuessBudget.perCode, failures: Int = 0) {
        self.rule = rule
        self.limit = limit
        self.failures = failures
    }

    /// - Parameter failures: wrong guesses that were made while another member was the host.
    static func ofCode(isOneTime: Bool = false, failures: Int = 0) -> GuessBudget {
        GuessBudget(limit: isOneTime ? perOneTimeCode : perCode, failures: failures)
    }

    var isSpent: Bool { rule == .code && failures >= limit }

    /// Whether a proof may be opened now: a wrong one would still be within the rate.
    mutating func allowsOpening(now: Instant) -> Bool {
        !isSpent && allowance.isAvailable(now: now)
    }

    /// When a proof may be opened.
    func nextOpening(now: Instant) -> Instant { allowance.nextToken(now: now) }

    /// Whether a source guessed wrong too often lately.
    mutating func isBusy(_ tag: UInt64, now: Instant) -> Bool {
        sources.removeAll { now >= $0.end }
        return sources.contains {
            guard $0.tag == tag else { return false }
            return rule == .code ? $0.failures >= GuessBudget.perSource : now < $0.wait
        }
    }

    /// Wrong guesses of a source that are remembered.
    func failures(of tag: UInt64) -> Int {
        sources.first { $0.tag == tag }?.failures ?? 0
    }

    /// Another code is in force: its guesses are counted anew, who guessed is not forgotten.
    mutating func beginCode() { failures = 0 }

    mutating func recordSuccess(now: Instant) {
        if rule == .phrase { _ = allowance.take(now: now) }
    }

    mutating func recordFailure(from tag: UInt64, now: Instant) {
        failures += 1
        _ = allowance.take(now: now)
        var source = Source(tag: tag, end: now + GuessBudget.sourceMemory)
        if let index = sources.firstIndex(where: { $0.tag == tag }) {
            source = sources.remove(at: index)
        } else if sources.count >= GuessBudget.maximumSources {
            sources.removeFirst()
        }
        if rule == .phrase {
            let times = min(1 << min(source.failures, 16), GuessBudget.longestWait)
            source.wait = now + GuessBudget.phraseWait * times
            source.end = source.wait + GuessBudget.sourceMemory
        }
        source.failures += 1
        sources.append(source)
    }
}
