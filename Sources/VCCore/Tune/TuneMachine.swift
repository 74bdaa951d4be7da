/// Meets on a phrase, without a code and without anybody who is host from the start.
///
/// Whoever comes asks vc-signal for the leases in the bucket of its phrase, and tries to join each
/// of a few. Strangers in the same bucket fail to confirm the phrase, which is the normal case and
/// nobody's business. Where none confirms, a lease is claimed, and its owner goes on looking for
/// smaller ones: two who were first at once end in one room. When to do what is `TuneSchedule`'s.
///
/// The room obeys what `poll` says, hands in what the server answers, and takes the meeting.
struct TuneMachine: ~Copyable {
    /// Who is sent to a lease by its host tries more than once: that one is real.
    private static let attemptsWhenSent = 3

    /// What the room is to do.
    enum Action: Equatable {
        /// Ask for the leases of the bucket.
        case ask
        /// Become host of a lease of its own.
        case claim
        /// The server does not answer.
        case giveUp
        /// Nobody answers where the host had sent us: start anew.
        case beginAgain
    }

    let secret: TuneSecret
    private var schedule = TuneSchedule()
    private var tries: [TuneTry] = []
    private var actions: [Action] = []
    private var meeting: TuneMeeting?
    /// Member: the lease that the host sent us to.
    private(set) var destination: UInt32?

    init(_ secret: consuming TuneSecret) {
        self.secret = secret
    }

    /// Starts to look for everybody.
    mutating func begin() {
        tries = []
        destination = nil
        schedule.begin()
    }

    /// We are host under this lease.
    mutating func host(_ lease: UInt32, now: Instant) {
        schedule.host(lease, now: now)
    }

    /// We are a member of somebody's room.
    mutating func settle() {
        tries = []
        destination = nil
        schedule.settle()
    }

    /// Our host says that its room is at this lease now.
    mutating func follow(
        _ lease: UInt32, _ context: borrowing TuneContext, random: inout AnyRandomSource,
        now: Instant
    ) {
        guard destination != lease else { return }
        settle()
        destination = lease
        tries = [
            TuneTry(
                lease, context, secret: secret, attempts: TuneMachine.attemptsWhenSent,
                random: &random, now: now)
        ]
    }

    /// Host: the room that was met cannot take our members in.
    mutating func decline(_ lease: UInt32, now: Instant) {
        schedule.decline(lease, now: now)
    }

    mutating func listed(_ bucket: UInt16, _ leases: [UInt32], now: Instant) {
        guard bucket == secret.bucket else { return }
        schedule.listed(leases, now: now)
    }

    // MARK: Output

    mutating func pollAction() -> Action? {
        actions.isEmpty ? nil : actions.removeFirst()
    }

    /// Somebody with our phrase let us in. All other tries are over.
    mutating func pollMeeting() -> TuneMeeting? { meeting.take() }

    var timeout: Instant {
        tries.reduce(schedule.timeout) { min($0, $1.timeout) }
    }

    mutating func pollTransmit(into writer: inout ByteWriter) -> (Endpoint, count: Int)? {
        for attempt in tries {
            if let (destination, count) = attempt.signal.pollTransmit(into: &writer) {
                return (destination, count)
            }
        }
        return nil
    }

    // MARK: Input

    /// A datagram of protocol 0xC0. Returns whether it was for one of the tries.
    mutating func handle(_ datagram: RawSpan, from source: Endpoint, now: Instant) -> Bool {
        tries.contains { $0.signal.handle(datagram, from: source, now: now) }
    }

    mutating func handleTimeout(
        _ context: borrowing TuneContext, keys: borrowing KeyPair,
        random: inout AnyRandomSource, now: Instant
    ) {
        for attempt in tries {
            if let result = attempt.handleTimeout(keys: keys, random: &random, now: now) {
                meet(attempt, result)
                return
            }
        }
        for attempt in tries {
            guard let failure = attempt.failure else { continue }
            tries.removeAll { $0 === attempt }
            if attempt.lease == destination {
                destination = nil
                actions.append(.beginAgain)
            }
            schedule.failed(attempt.lease, isOther: failure.isOfAnotherPhrase, now: now)
        }
        advance(context, random: &random, now: now)
    }

    private mutating func advance(
        _ context: borrowing TuneContext, random: inout AnyRandomSource, now: Instant
    ) {
        while let step = schedule.poll(now: now) {
            switch step {
            case .ask: actions.append(.ask)
            case .claim: actions.append(.claim)
            case .giveUp: actions.append(.giveUp)
            case .attempt(let lease):
                tries.append(
                    TuneTry(
                        lease, context, secret: secret, attempts: 1, random: &random, now: now))
            }
        }
    }

    private mutating func meet(_ attempt: TuneTry, _ result: consuming JoinResult) {
        meeting = TuneMeeting(attempt: attempt, result: result)
        tries = []
        destination = nil
    }
}

/// A room of our phrase that let us in.
struct TuneMeeting: ~Copyable {
    /// The way through the server, which now is the room's.
    let attempt: TuneTry
    let result: JoinResult
}

extension JoinerMachine.Failure {
    /// Whether the host there has another phrase than we. One that is busy, full or silent may have
    /// ours.
    fileprivate var isOfAnotherPhrase: Bool {
        switch self {
        case .refused(let reason): reason == .refused
        case .brokenProtocol: true
        case .noAnswer: false
        }
    }
}
