/// A question to a relay that is repeated until it is answered, each time with another transaction,
/// so that every answer measures the round trip.
struct RelayExchange {
    /// From the start; then at slow intervals.
    private static let schedule: [Duration] = [
        .zero, .milliseconds(250), .milliseconds(500), .seconds(1), .seconds(2),
    ]
    private static let firstSlowInterval = Duration.seconds(5)
    private static let maximumSlowInterval = Duration.seconds(30)
    /// Nothing that comes from outside makes us ask more often than this.
    private static let minimumInterval = Duration.milliseconds(250)
    /// No answer for this long means that the relay is not there.
    private static let silenceLimit = Duration.seconds(5)
    /// Questions whose answers still count.
    private static let remembered = 8

    /// Whether a question waits for `pollTransmit`.
    private(set) var isDue = false
    /// When the next question is due; nil while nothing is asked.
    private(set) var next: Instant?
    /// When the first question was asked that nothing was answered to since.
    private(set) var unansweredSince: Instant?
    private var origin = Instant.zero
    /// How often the present question was asked.
    private var step = 0
    private var slowInterval = Self.firstSlowInterval
    private var lastSent: Instant?
    private let firstTransaction: UInt64
    private var sentCount: UInt64 = 0
    /// Nil once it is answered.
    private var sentTimes = InlineArray<8, Instant?>(repeating: nil)

    /// - Parameter firstTransaction: unpredictable.
    init(firstTransaction: UInt64) {
        self.firstTransaction = firstTransaction
    }

    /// When the relay counts as silent.
    var silence: Instant? { unansweredSince.map { $0 + Self.silenceLimit } }

    /// Whether the quick repeats are over.
    var isSlow: Bool { step >= Self.schedule.count }

    /// Asks at `time`, or as soon after it as may be, and repeats that.
    mutating func start(at time: Instant) {
        let earliest = lastSent.map { $0 + Self.minimumInterval } ?? time
        origin = max(time, earliest)
        step = 0
        slowInterval = Self.firstSlowInterval
        next = origin
        isDue = false
    }

    /// Asks another question at once, however lately the last one was asked.
    mutating func goOn(now: Instant) {
        lastSent = nil
        start(at: now)
        fire(now: now)
    }

    /// Asks nothing any more.
    mutating func stop() {
        next = nil
        isDue = false
    }

    /// Marks a question as due if its time has come; after a sleep one, not all that were missed.
    ///
    /// - Parameter jitter: spreads those who lost a relay at the same time: up to 1/8 of a slow
    ///   interval is added.
    mutating func fire(now: Instant, jitter: UInt32 = 0) {
        guard let next, next <= now else { return }
        isDue = true
        unansweredSince = unansweredSince ?? now
        if step == 0 { origin = now }
        step += 1
        if step < Self.schedule.count {
            self.next = max(origin + Self.schedule[step], now + Self.minimumInterval)
        } else {
            self.next = now + slowInterval + slowInterval * Int(jitter % 1_024) / 8_192
            slowInterval = min(slowInterval * 2, Self.maximumSlowInterval)
        }
    }

    /// A question goes out now.
    ///
    /// - Returns: its transaction.
    mutating func sent(now: Instant) -> UInt64 {
        isDue = false
        lastSent = now
        sentTimes[Int(sentCount % UInt64(Self.remembered))] = now
        sentCount += 1
        return firstTransaction &+ (sentCount - 1)
    }

    /// An answer came.
    ///
    /// - Returns: how long it took, or nil when it answers none of the last questions.
    mutating func answered(_ transaction: UInt64, now: Instant) -> Duration? {
        let index = transaction &- firstTransaction
        guard index < sentCount, sentCount - index <= UInt64(Self.remembered) else { return nil }
        let slot = Int(index % UInt64(Self.remembered))
        guard let sentAt = sentTimes[slot], now < sentAt + Self.silenceLimit else { return nil }
        sentTimes[slot] = nil
        unansweredSince = nil
        return now - sentAt
    }

    /// Nothing was answered for too long, and that was told.
    mutating func forgetSilence() {
        unansweredSince = nil
    }
}
