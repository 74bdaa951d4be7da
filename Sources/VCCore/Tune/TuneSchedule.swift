/// When somebody with a phrase asks for the leases of its bucket, and which of them are tried.
///
/// ```
///   begin --> asking --leases--> trying --none confirms--> (claims a lease) --> hosting
///                ^                  |                                              |
///                |                  +--one confirms--> settled                     |
///                +---- at +2, 5, 10, 30 s, then each minute: smaller leases -------+
/// ```
///
/// A lease that refuses holds another phrase: it is left alone for ten minutes. Whoever pretends to
/// hold ours gets one guess with each try, so there are few.
struct TuneSchedule {
    /// Leases tried each time.
    static let maximumTries = 8
    static let tryInterval = Duration.seconds(1)
    /// When a host looks for another one of its phrase: two that were first at once meet soon, two
    /// that a broken network kept apart meet later.
    static let firstLooks: [Duration] = [.seconds(2), .seconds(5), .seconds(10), .seconds(30)]
    static let lookInterval = Duration.seconds(60)
    /// The server's answer is waited for, and asked for again, for so long.
    static let askPatience = Duration.seconds(10)
    /// How long a lease of another phrase is remembered.
    static let refusedMemory = Duration.seconds(600)

    enum Step: Equatable {
        /// Ask for the leases of the bucket.
        case ask
        case attempt(lease: UInt32)
        /// No lease confirmed the phrase: claim one.
        case claim
        /// The server does not answer.
        case giveUp
    }

    private enum Round {
        /// Nothing is under way.
        case none
        /// The question is due.
        case due
        /// The answer is waited for.
        case asked
        case trying
        /// All tries are over; nobody was told yet.
        case over
    }

    private var round = Round.none
    /// Host: its lease.
    private var own: UInt32?
    private var since = Instant.zero
    private var looks = 0
    private var nextLook = Instant.distantFuture
    private var askedAt = Instant.zero
    private var waiting: [UInt32] = []
    private var running: [UInt32] = []
    private var nextTry = Instant.zero
    private var refused: [(lease: UInt32, until: Instant)] = []

    /// When `poll` has something to say.
    var timeout: Instant {
        switch round {
        case .none: nextLook
        case .due, .over: .zero
        case .asked: askedAt + TuneSchedule.askPatience
        case .trying: waiting.isEmpty ? .distantFuture : nextTry
        }
    }

    /// Starts from nothing: everybody is looked for.
    mutating func begin() {
        own = nil
        nextLook = .distantFuture
        startRound()
    }

    /// We are host under this lease, and look for smaller ones.
    mutating func host(_ lease: UInt32, now: Instant) {
        guard own != lease else { return }
        own = lease
        since = now
        looks = 0
        round = .none
        nextLook = now + TuneSchedule.firstLooks[0]
    }

    /// We are somebody's member: nobody is looked for.
    mutating func settle() {
        own = nil
        round = .none
        waiting = []
        running = []
        nextLook = .distantFuture
    }

    /// The server's answer.
    mutating func listed(_ leases: [UInt32], now: Instant) {
        guard round == .asked else { return }
        refused.removeAll { now >= $0.until }
        var candidates = leases.filter { lease in
            !refused.contains { $0.lease == lease } && lease < own ?? .max
        }
        // A host goes where all will end; the others know no better than the server's order.
        if own != nil { candidates.sort() }
        waiting = Array(candidates.prefix(TuneSchedule.maximumTries))
        running = []
        nextTry = now
        round = waiting.isEmpty ? .over : .trying
    }

    /// A try came to nothing.
    ///
    /// - Parameter isOther: whether the host there said that it has another phrase.
    mutating func failed(_ lease: UInt32, isOther: Bool, now: Instant) {
        running.removeAll { $0 == lease }
        if isOther { leaveAlone(lease, now: now) }
        if round == .trying, waiting.isEmpty, running.isEmpty { round = .over }
    }

    /// A host's try led to a room that cannot take its members in.
    mutating func decline(_ lease: UInt32, now: Instant) {
        leaveAlone(lease, now: now)
        waiting = []
        running = []
        if round == .trying { round = .over }
    }

    /// Not to be tried again for a while.
    private mutating func leaveAlone(_ lease: UInt32, now: Instant) {
        refused.append((lease, now + TuneSchedule.refusedMemory))
        if refused.count > SignalFormat.leasesPerBucket { refused.removeFirst() }
    }

    /// What is to be done now, one thing after the other.
    mutating func poll(now: Instant) -> Step? {
        switch round {
        case .none:
            guard own != nil, now >= nextLook else { return nil }
            startRound()
            return poll(now: now)
        case .due:
            round = .asked
            askedAt = now
            return .ask
        case .asked:
            guard now >= askedAt + TuneSchedule.askPatience else { return nil }
            round = .none
            if own != nil { scheduleLook(now: now) }
            return own == nil ? .giveUp : nil
        case .trying:
            guard now >= nextTry, !waiting.isEmpty else { return nil }
            nextTry = now + TuneSchedule.tryInterval
            let lease = waiting.removeFirst()
            running.append(lease)
            return .attempt(lease: lease)
        case .over:
            round = .none
            guard own == nil else {
                scheduleLook(now: now)
                return nil
            }
            return .claim
        }
    }

    private mutating func startRound() {
        round = .due
        waiting = []
        running = []
    }

    private mutating func scheduleLook(now: Instant) {
        repeat {
            looks += 1
            nextLook =
                looks < TuneSchedule.firstLooks.count
                ? since + TuneSchedule.firstLooks[looks] : nextLook + TuneSchedule.lookInterval
        } while nextLook <= now
    }
}
