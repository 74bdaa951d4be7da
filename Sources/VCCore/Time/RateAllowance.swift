/// A token bucket: `perSecond` tokens flow in each second, `burst` are kept at most.
struct RateAllowance {
    private let perSecond: Double
    private let burst: Double
    private var tokens: Double
    private var last: Instant?

    /// A full bucket.
    init(perSecond: Int, burst: Int? = nil) {
        self.perSecond = Double(perSecond)
        self.burst = Double(burst ?? perSecond)
        tokens = self.burst
    }

    /// Whether a token is there at `now`, without taking it.
    mutating func isAvailable(now: Instant) -> Bool {
        refill(now: now)
        return tokens >= 1
    }

    /// Takes a token; false when there is none.
    mutating func take(now: Instant) -> Bool {
        guard isAvailable(now: now) else { return false }
        tokens -= 1
        return true
    }

    /// When the next token is there.
    func nextToken(now: Instant) -> Instant {
        tokens >= 1
            ? now
            : (last ?? now) + .nanoseconds(Int64((1 - tokens) / perSecond * 1_000_000_000) + 1)
    }

    private mutating func refill(now: Instant) {
        if let last, now > last {
            let seconds = Double((now - last).wholeNanoseconds) / 1_000_000_000
            tokens = min(burst, tokens + seconds * perSecond)
        }
        last = max(last ?? now, now)
    }
}
