/// The client's half of protocol 0xC1, for one address of one relay, over UDP or TCP.
///
///     asking ──CHALLENGE, no ticket──▶ resting ──setTicket, 30 s──▶ asking
///       │ ▲                              ▲
///       │ └─ 2 s ──┐                     └── refused, draining ──┐
///       └─ CHALLENGE, ticket ─▶ answering ─────────BOUND─────────┴──▶ bound
///       ▲                                                              │
///       └── NOTICE bind again, rebind, 5 s silent, another ticket ─────┘
///     bound ──unbind──▶ unbinding ──▶ closed
///
/// It asks also without a ticket: so it is known how far away a relay is before one is needed.
/// Time that goes backwards does nothing. Nothing is allocated per datagram, except for ANSWER.
public struct RelayClient {
    enum Phase: Equatable {
        /// BIND is on its way.
        case asking
        /// ANSWER is on its way.
        case answering
        /// Nothing is wanted from the relay now, but for how far away it is.
        case resting
        /// The relay forwards; KEEPALIVE each 10 s.
        case bound
        /// UNBIND is on its way.
        case unbinding
        /// Nothing is sent any more.
        case closed
    }

    /// KEEPALIVE: well below the 30 s after which common NATs forget a mapping, and after which a
    /// relay forwards nothing to us. Up to 1 s is taken off, so that clients do not march in step.
    private static let keepaliveInterval = Duration.seconds(10)
    /// A relay that does not know us any more is believed at once, but not more often than this.
    private static let bindAgainInterval = Duration.milliseconds(250)
    /// A relay that is not bound is asked again, for its round trip or because it refused.
    private static let restingInterval = Duration.seconds(30)
    /// A relay takes its cookies for 120 s at least.
    private static let cookieLifetime = Duration.seconds(100)
    /// Events that wait for `pollEvent`; later ones are dropped.
    private static let maximumEvents = 16

    /// Where the relay is.
    public let server: Endpoint
    /// What the relay knows us by, while it forwards for us.
    public private(set) var session: UInt64?
    /// Smoothed (RFC 6298's 1/8); nil while the relay does not answer.
    public private(set) var roundTrip: Duration?
    /// When the relay answered last.
    public private(set) var lastAnswer: Instant?
    /// Whether the relay is about to stop.
    public private(set) var isDraining = false
    /// Where the relay takes TCP connections; 0 for nowhere, or not known yet.
    public private(set) var tcpPort: UInt16 = 0
    /// Where the relay sees us.
    public private(set) var observed: Endpoint?

    private(set) var phase = Phase.asking
    private var ticket: Ticket?
    private var cookie: Block16?
    private var cookieTime = Instant.zero
    private var answer: RelayBindAnswer?
    private var exchange: RelayExchange
    /// The latest time that an input came with.
    private var now: Instant
    /// Taken off the next keepalive interval.
    private var jitter: Duration
    private var isLost = false
    private var lastBindAgain: Instant?
    private var events: [RelayEvent] = []

    /// Starts with BIND, also without a ticket.
    public init(server: Endpoint, random: inout some RandomSource, now: Instant) {
        self.server = server
        self.now = now
        jitter = Self.jitter(&random)
        exchange = RelayExchange(firstTransaction: random.next())
        exchange.start(at: now)
        exchange.fire(now: now)
    }

    /// Whether nothing will be sent any more.
    public var isClosed: Bool { phase == .closed }

    /// Binds with `ticket`; again if it is another one than before, and while it does, the old
    /// session goes on. With a fresh challenge at hand that saves a round trip.
    ///
    /// - Parameter key: the one that the ticket names.
    public mutating func setTicket(
        _ ticket: Ticket, key: borrowing SigningKey, now: Instant
    ) {
        advance(now)
        guard ticket != self.ticket, phase != .unbinding, phase != .closed else { return }
        self.ticket = ticket
        if let cookie, let observed, now < cookieTime + Self.cookieLifetime, !isDraining {
            sendAnswer(cookie, observed, ticket, key)
        } else {
            ask(at: now)
        }
    }

    /// Our address may have changed: the relay has to hear of the new one. The session goes on
    /// until then, for it may be that it did not change.
    public mutating func rebind(now: Instant) {
        advance(now)
        guard phase != .unbinding, phase != .closed else { return }
        ask(at: now, isUrgent: true)
    }

    /// A path through the relay is in doubt: asks it now, at most each 250 ms.
    public mutating func check(now: Instant) {
        advance(now)
        guard exchange.unansweredSince == nil || exchange.isSlow else { return }
        switch phase {
        case .bound:
            exchange.start(at: now)
            exchange.fire(now: now)
        case .resting: ask(at: now)
        case .asking: ask(at: now)
        case .answering: break
        case .unbinding: break
        case .closed: break
        }
    }

    /// Takes a datagram.
    ///
    /// - Returns: whether it was an answer of this relay to this client.
    public mutating func handle(
        _ datagram: RawSpan, from source: Endpoint, key: borrowing SigningKey, now: Instant
    ) -> Bool {
        guard source == server, phase != .closed else { return false }
        advance(now)
        do throws(DecodeError) {
            let (header, answer) = try RelayAnswer.decode(datagram)
            return handle(answer, transaction: header.transaction, key)
        } catch {
            return false
        }
    }

    /// Writes the next datagram to `server`.
    ///
    /// - Returns: whether there was one.
    public mutating func pollTransmit(into writer: inout ByteWriter) -> Bool {
        guard exchange.isDue else { return false }
        let transaction = exchange.sent(now: now)
        switch phase {
        case .asking: RelayRequest.writeBind(transaction: transaction, into: &writer)
        case .resting: RelayRequest.writeBind(transaction: transaction, into: &writer)
        case .answering:
            guard let answer else { return false }
            RelayRequest.writeAnswer(transaction: transaction, answer, into: &writer)
        case .bound:
            guard let session else { return false }
            RelayRequest.writeKeepalive(
                transaction: transaction, session: session, into: &writer)
        case .unbinding:
            guard let session else { return false }
            RelayRequest.writeUnbind(transaction: transaction, session: session, into: &writer)
        case .closed: return false
        }
        return true
    }

    /// Lets time pass.
    public mutating func handleTimeout(random: inout some RandomSource, now: Instant) {
        advance(now)
        if let silence = exchange.silence, silence <= now { becomeSilent() }
        guard let next = exchange.next, next <= now else { return }
        // A cookie that is not taken is silence too, when NOTICE gets lost.
        if phase == .answering, exchange.isSlow { phase = .asking }
        if phase == .unbinding, exchange.isSlow { return close() }
        jitter = Self.jitter(&random)
        exchange.fire(now: now, jitter: random.next())
    }

    /// When `handleTimeout` is next needed.
    public var timeout: Instant? {
        guard let next = exchange.next else { return nil }
        return min(next, exchange.silence ?? next)
    }

    /// The next thing that happened.
    public mutating func pollEvent() -> RelayEvent? {
        events.isEmpty ? nil : events.removeFirst()
    }

    /// Ends the session: told to the relay up to five times within 2 s, then the client is closed.
    public mutating func unbind(now: Instant) {
        advance(now)
        guard phase != .unbinding, phase != .closed else { return }
        guard session != nil else { return close() }
        phase = .unbinding
        exchange.goOn(now: now)
    }

    // MARK: Answers

    private mutating func handle(
        _ answer: RelayAnswer, transaction: UInt64, _ key: borrowing SigningKey
    ) -> Bool {
        switch answer {
        case .challenge(let challenge):
            guard isAnswered(transaction) else { return false }
            handle(challenge, key)
        case .bound(let session, _):
            guard isAnswered(transaction) else { return false }
            if phase == .answering { handleBound(session) }
        case .kept(let session, let isDraining):
            guard session == self.session, isAnswered(transaction) else { return false }
            if isDraining { becomeDraining(seconds: 0) }
            if phase == .bound { rest(for: Self.keepaliveInterval) }
        case .notice(let notice):
            let isOfData = transaction == session
            guard isOfData || isAnswered(transaction) else { return false }
            handle(notice, isOfData: isOfData)
        case .draining(let session, let seconds):
            guard session == self.session, transaction == session else { return false }
            becomeDraining(seconds: seconds)
        }
        return true
    }

    private mutating func handle(
        _ challenge: RelayAnswer.Challenge, _ key: borrowing SigningKey
    ) {
        cookie = challenge.cookie
        cookieTime = now
        observed = challenge.observed
        tcpPort = challenge.tcpPort
        guard phase == .asking || phase == .resting else { return }
        guard !challenge.isDraining else {
            becomeDraining(seconds: 0)
            return stayAsIs()
        }
        isDraining = false
        guard let ticket else { return stayAsIs() }
        sendAnswer(challenge.cookie, challenge.observed, ticket, key)
    }

    private mutating func handleBound(_ session: UInt64) {
        let isNew = self.session != session
        self.session = session
        phase = .bound
        answer = nil
        rest(for: Self.keepaliveInterval)
        if isNew { tell(.bound(session: session)) }
    }

    /// - Parameter isOfData: it answers a relayed datagram, not the question of the exchange.
    private mutating func handle(_ notice: RelayAnswer.Notice, isOfData: Bool) {
        if phase == .unbinding { return close() }
        switch notice {
        case .bindAgain:
            // The cookie of an ANSWER did not hold, or the session is not ours any more.
            if isOfData || phase == .bound { session = nil }
            guard phase == .bound || (phase == .answering && !isOfData) else { return }
            // Whoever can forge these must not make us ask all the time.
            ask(at: now, isUrgent: now >= (lastBindAgain ?? .zero) + Self.bindAgainInterval)
            lastBindAgain = now
        case .ticketRefused, .ticketExpired:
            guard phase == .answering else { return }
            ticket = nil
            refuse(notice)
        case .full, .draining, .rateLimited, .unsupportedVersion:
            guard phase != .bound else { return }
            refuse(notice)
        }
    }

    /// An old session, if there is one, goes on.
    private mutating func refuse(_ notice: RelayAnswer.Notice) {
        tell(.refused(notice))
        stayAsIs()
    }

    // MARK: Transitions

    /// - Parameter isUrgent: the voice waits for it, so that it does not matter how lately
    ///   something else was asked.
    private mutating func ask(at time: Instant, isUrgent: Bool = false) {
        phase = .asking
        cookie = nil
        answer = nil
        guard !isUrgent else { return exchange.goOn(now: now) }
        exchange.start(at: time)
        exchange.fire(now: now)
    }

    private mutating func sendAnswer(
        _ cookie: Block16, _ observed: Endpoint, _ ticket: Ticket, _ key: borrowing SigningKey
    ) {
        phase = .answering
        answer = RelayBindAnswer(
            cookie: cookie, relay: server, own: observed, ticket: ticket, signedWith: key)
        exchange.goOn(now: now)
    }

    /// Back to what goes on without a new binding.
    private mutating func stayAsIs() {
        answer = nil
        phase = session == nil ? .resting : .bound
        rest(for: session == nil ? Self.restingInterval : Self.keepaliveInterval)
    }

    private mutating func rest(for interval: Duration) {
        exchange.start(at: now + (interval - jitter))
    }

    private mutating func becomeSilent() {
        exchange.forgetSilence()
        guard phase != .unbinding else { return }
        if !isLost { tell(.lost) }
        isLost = true
        session = nil
        roundTrip = nil
        cookie = nil
        answer = nil
        // The schedule goes on as it is, with BIND instead of what it repeated.
        phase = .asking
    }

    private mutating func becomeDraining(seconds: UInt16) {
        guard !isDraining else { return }
        isDraining = true
        tell(.draining(seconds: seconds))
    }

    private mutating func close() {
        phase = .closed
        session = nil
        exchange.stop()
    }

    private mutating func isAnswered(_ transaction: UInt64) -> Bool {
        guard let sample = exchange.answered(transaction, now: now) else { return false }
        roundTrip = roundTrip.map { ($0 * 7 + sample) / 8 } ?? sample
        lastAnswer = now
        isLost = false
        return true
    }

    private mutating func advance(_ time: Instant) {
        now = max(now, time)
    }

    private static func jitter(_ random: inout some RandomSource) -> Duration {
        .milliseconds(random.next(below: 1_000))
    }

    private mutating func tell(_ event: RelayEvent) {
        if events.count < Self.maximumEvents { events.append(event) }
    }
}
