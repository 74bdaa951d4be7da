/// How much a member may say in chat: 20 messages a second. A member counts its own and holds the
/// rest back until it is their turn; whoever gets more than that drops it, because no `vc` sends it.
///
/// What was said while the way between two members was gone arrives at once when it is back. So the
/// receiver adds the time in which it heard nothing.
struct ChatAllowance {
    /// Messages of a member in a second.
    static let perSecond = 20
    /// What may come at once after loss has held a message back for seconds: the longest timer of
    /// the stream is 5 s.
    static let patience = 6
    /// The longest outage that is made up for: after it a member is out of the room.
    static let longestOutage = 60

    private let burst: Double
    private var tokens: Double
    private var last: Instant?

    /// For what we send, unless `isReceiver`.
    init(isReceiver: Bool = false) {
        burst = Double(
            isReceiver ? (1 + ChatAllowance.patience) * ChatAllowance.perSecond : ChatAllowance.perSecond)
        tokens = burst
    }

    /// Takes the place of one message; false when there is none.
    mutating func take(now: Instant) -> Bool {
        refill(now: now)
        guard tokens >= 1 else { return false }
        tokens -= 1
        return true
    }

    /// When the next message may go.
    func nextToken(now: Instant) -> Instant {
        guard tokens < 1 else { return now }
        let seconds = (1 - tokens) / Double(ChatAllowance.perSecond)
        return (last ?? now) + .nanoseconds(Int64(seconds * 1_000_000_000) + 1)
    }

    /// Nothing was heard of the member for so long.
    mutating func noteOutage(_ duration: Duration, now: Instant) {
        refill(now: now)
        let seconds = min(Double(ChatAllowance.longestOutage), duration.inMilliseconds / 1_000)
        tokens = max(tokens, burst + seconds * Double(ChatAllowance.perSecond))
    }

    private mutating func refill(now: Instant) {
        if let last, now > last {
            let added = (now - last).inMilliseconds / 1_000 * Double(ChatAllowance.perSecond)
            // What an outage gave may lie above the burst; it is not taken away.
            tokens = max(tokens, min(burst, tokens + added))
        }
        last = max(last ?? now, now)
    }
}
