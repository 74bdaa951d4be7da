/// When a `SignalClient` asks which relays there are, and what it was told last.
struct RelayInquiry {
    /// Relays come and go slowly.
    private static let interval = Duration.seconds(300)
    /// A server that has just started knows none yet: it hears of them within 5 s, and is asked
    /// more often for so long.
    private static let emptyInterval = Duration.seconds(10)
    private static let earlyInterval = Duration.seconds(1)
    private static let earlyPatience = Duration.seconds(8)
    private static let emptyPatience = Duration.seconds(60)
    /// Without an answer; then as long as between two answers that are empty.
    private static let retries: [Duration] = [
        .milliseconds(500), .seconds(1), .seconds(2), .seconds(4),
    ]

    /// When `handleTimeout` has something to do.
    private(set) var next = Instant.distantFuture
    /// Whether RELAYS is to be sent.
    private(set) var isDue = false
    private var started = Instant.zero
    private var attempt = 0
    private var known: [RelayServer]?

    /// Asks at once: there is a server that was not asked for this nameplate.
    mutating func start(_ now: Instant) {
        started = now
        attempt = 0
        next = now
        handleTimeout(now: now)
    }

    /// Nobody is there to be asked.
    mutating func stop() {
        isDue = false
        next = .distantFuture
    }

    mutating func handleTimeout(now: Instant) {
        guard next <= now else { return }
        isDue = true
        next = now + (attempt < Self.retries.count ? Self.retries[attempt] : Self.emptyInterval)
        attempt += 1
    }

    private static func emptyInterval(at age: Duration) -> Duration {
        if age < earlyPatience { return earlyInterval }
        return age < emptyPatience ? emptyInterval : interval
    }

    mutating func sent() {
        isDue = false
    }

    /// - Returns: whether that is news.
    mutating func answered(_ relays: [RelayServer], now: Instant) -> Bool {
        guard next != .distantFuture else { return false }
        isDue = false
        attempt = 0
        let age = now - started
        next = now + (relays.isEmpty ? Self.emptyInterval(at: age) : Self.interval)
        guard relays != known else { return false }
        known = relays
        return true
    }
}
