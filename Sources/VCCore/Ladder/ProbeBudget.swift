/// How many unanswered probes one peer may cost: 64 in any 10 s, 200 in any minute, whatever it
/// names and however often. Never reset, so that new lists do not buy new probes.
struct ProbeBudget {
    static let perTenSeconds = 64
    static let perMinute = 200

    /// When the probes of the last minute went out that nobody answered, oldest first.
    private var unanswered: [Instant] = []

    mutating func take(now: Instant) -> Bool {
        unanswered.removeAll { now >= $0 + .seconds(60) }
        let recent = unanswered.count { now < $0 + .seconds(10) }
        guard unanswered.count < ProbeBudget.perMinute, recent < ProbeBudget.perTenSeconds else {
            return false
        }
        unanswered.append(now)
        return true
    }

    /// The probe that went out at `sentAt` was answered: it was no burden.
    mutating func refund(sentAt: Instant) {
        if let index = unanswered.firstIndex(of: sentAt) { unanswered.remove(at: index) }
    }
}
