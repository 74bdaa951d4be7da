/// How many unanswered probes one peer may cost: 64 in 10 s, 200 in a minute, whatever it names and
/// however often. Never reset, so that new lists do not buy new probes.
struct ProbeBudget {
    static let perTenSeconds = 64
    static let perMinute = 200

    private var short = RateWindow(length: .seconds(10), limit: perTenSeconds)
    private var long = RateWindow(length: .seconds(60), limit: perMinute)

    mutating func take(now: Instant) -> Bool {
        guard short.hasRoom(now: now), long.hasRoom(now: now) else { return false }
        short.count()
        long.count()
        return true
    }

    /// A probe was answered: it was no burden.
    mutating func refund() {
        short.refund()
        long.refund()
    }
}

/// Counts events in consecutive windows of fixed length.
private struct RateWindow {
    let length: Duration
    let limit: Int
    private var start = Instant.zero
    private var used = 0

    init(length: Duration, limit: Int) {
        self.length = length
        self.limit = limit
    }

    mutating func hasRoom(now: Instant) -> Bool {
        if now >= start + length {
            start = now
            used = 0
        }
        return used < limit
    }

    mutating func count() { used += 1 }
    mutating func refund() { used = max(0, used - 1) }
}
