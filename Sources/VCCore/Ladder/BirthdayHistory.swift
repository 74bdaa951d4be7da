/// What birthday punching with one peer has come to, and when it may be tried again.
struct BirthdayHistory {
    /// At most one attempt in this time.
    static let interval = Duration.seconds(600)
    /// An offer that nobody took, because the other side was busy or does not want it, is made
    /// again after this time, doubling up to `interval`.
    static let offerInterval = Duration.seconds(60)

    enum Standing: Equatable {
        case none
        /// Ports are being tried.
        case running
        /// They were, in vain.
        case missed
        /// One of them let us through.
        case hit
    }

    private(set) var standing = Standing.none
    private(set) var attempts = 0
    private var unansweredOffers = 0
    /// No earlier than this.
    private(set) var next = Instant.zero

    /// The first packet is about to leave.
    mutating func begin(now: Instant) {
        standing = .running
        attempts += 1
        unansweredOffers = 0
        next = now + BirthdayHistory.interval
    }

    /// Another network: what was true of the old one says nothing.
    mutating func forget() { standing = .none }

    mutating func end(_ outcome: BirthdayMachine.Outcome, now: Instant) {
        switch outcome {
        case .unanswered:
            next =
                now
                + min(
                    BirthdayHistory.offerInterval * (1 << min(unansweredOffers, 4)),
                    BirthdayHistory.interval)
            unansweredOffers += 1
        case .unconfirmed: next = now + BirthdayHistory.offerInterval / 2
        case .missed: standing = .missed
        case .hit: standing = .hit
        case .cancelled: if standing == .running { standing = .none }
        }
    }
}
