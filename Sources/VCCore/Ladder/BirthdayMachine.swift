/// Finds a direct path where one NAT gives each destination another port, and the other one lets in
/// only who was spoken to: by chance. One side opens 256 ports, the other one tries 1,024, and with
/// a probability of 0.983 one of these is one of those.
///
/// ```
///   asks: our NAT keeps one port            opens: our NAT has another port for each
///
///   idle --begin--> sighting                idle --offer--> answering
///                      | SIGHT                                 | SIGHT, VERIFY
///                   offering  ------offer------>               |
///                      |      <-----accept------            opening --20 s, or a packet--> idle
///                   verifying                                  256 pings, each from a socket of
///                      | VERIFY                                its own, three times
///                   probing --an answer, or 1,024 pings--> idle
/// ```
///
/// Both know from vc-signal that the other one was seen where it says that it is, and that it said
/// so for them: else a member could have 1,024 packets sent to a bystander. There is one attempt at
/// a time, whoever the peer is.
struct BirthdayMachine {
    /// The relay carries the call for this long before anything is tried.
    static let relayedFor = Duration.seconds(5)
    /// An answer of vc-signal, or of the peer, comes within this time or not at all.
    static let patience = Duration.seconds(5)
    /// With the main one 256: that is a chance of 0.983 for 1,024 probes, and half as many would be
    /// one of 0.87.
    static let extraSockets = 255
    /// From opening one socket to the next: all are open in half a second, before the first probe
    /// of the other side.
    static let openingInterval = Duration.milliseconds(2)
    /// All mappings are used again after this time: some NATs forget them within 10 s.
    static let refreshInterval = Duration.seconds(8)
    /// 256 packets each: within the 1,024 that an attempt may cost anybody.
    static let openingRounds = 3
    /// The probes of the other side have come by then: 15.4 s, with the way of its messages.
    static let openingTime = Duration.seconds(20)
    /// 67 a second: about what a call sends anyway, and all within 15.4 s.
    static let probeInterval = Duration.milliseconds(15)
    /// The accepting side needs half a second to open its ports; its message has taken a part.
    static let probeDelay = Duration.milliseconds(300)
    /// The answer to the last probe comes within this time.
    static let lastAnswer = Duration.seconds(2)

    enum Outcome: Equatable {
        /// Nobody took our offer, or vc-signal did not say what it had to. No packet was sent.
        case unanswered
        /// The same for an offer of the other side.
        case unconfirmed
        case missed
        case hit
        /// It has become pointless.
        case cancelled
    }

    enum Action: Equatable {
        case requestSight(subject: Block16)
        case verify(Sighting, subject: Block16)
        case offer(Sighting)
        case accept(Sighting)
        /// The first packet is about to leave.
        case began
        case ended(Outcome)
    }

    /// A ping of this attempt.
    struct Probe: Equatable {
        let endpoint: Endpoint
        /// The packet's time to live, where it must not travel far.
        let hops: UInt8?
        let transaction: UInt64
    }

    /// What both sides' sightings are about.
    struct Subjects: Equatable {
        let own: Block16
        let peer: Block16
    }

    private enum State: Equatable {
        case sighting
        case offering
        case verifying
        case probing
        case answering(isVerified: Bool)
        case opening
    }

    private struct Attempt {
        let number: Int
        let subjects: Subjects
        var state: State
        /// When the state ends by itself.
        var deadline: Instant
        /// The first transaction of the pings; they count up from it.
        let transaction: UInt64
        /// How far the packets go that open our ports.
        let hops: UInt8?
        var scan: PortScan
        /// Where vc-signal saw us.
        var own: Sighting?
        /// Where it saw the peer, as the peer says.
        var shown: Sighting?
        /// When the next packet is due.
        var next = Instant.distantFuture
        /// When the round of openings began, which one it is, and how many sockets had their turn.
        var roundStart = Instant.zero
        var round = 0
        var opened = 0
    }

    private var attempt: Attempt?
    private var actions: [(action: Action, number: Int)] = []

    /// Whom it is tried with.
    var peer: Int? { attempt?.number }

    /// The sockets that have to be open.
    var sockets: SocketSet {
        guard let attempt, attempt.state == .opening else { return SocketSet() }
        let isComplete = attempt.round > 0
        return SocketSet(
            first: isComplete ? BirthdayMachine.extraSockets : max(0, attempt.opened - 1))
    }

    // MARK: Input

    /// Asks a peer whose NAT has another port for each destination.
    mutating func begin(
        with number: Int, subjects: Subjects, random: inout AnyRandomSource, now: Instant
    ) {
        guard attempt == nil else { return }
        attempt = Attempt(
            number: number, subjects: subjects, state: .sighting,
            deadline: now + BirthdayMachine.patience, transaction: random.next(), hops: nil,
            scan: PortScan(random: &random))
        act(.requestSight(subject: subjects.own))
    }

    /// A peer asks us, whose NAT has another port for each destination.
    ///
    /// - Parameter hops: how far the packets that open our ports go; nil: as far as they must.
    mutating func takeOffer(
        _ offered: Sighting, from number: Int, subjects: Subjects, hops: UInt8?,
        random: inout AnyRandomSource, now: Instant
    ) {
        guard attempt == nil, BirthdayMachine.isTarget(offered.endpoint) else { return }
        attempt = Attempt(
            number: number, subjects: subjects, state: .answering(isVerified: false),
            deadline: now + BirthdayMachine.patience, transaction: random.next(), hops: hops,
            scan: PortScan(random: &random), shown: offered)
        act(.requestSight(subject: subjects.own))
        act(.verify(offered, subject: subjects.peer))
    }

    /// The peer that was asked is ready.
    mutating func takeAccept(_ accepted: Sighting, from number: Int, now: Instant) {
        guard let attempt, attempt.number == number, attempt.state == .offering,
            BirthdayMachine.isTarget(accepted.endpoint)
        else { return }
        self.attempt?.shown = accepted
        enter(.verifying, now: now)
        act(.verify(accepted, subject: attempt.subjects.peer))
    }

    /// vc-signal says where it sees us.
    mutating func sighted(_ sighting: Sighting, subject: Block16, now: Instant) {
        guard let attempt, attempt.subjects.own == subject, attempt.own == nil else { return }
        self.attempt?.own = sighting
        switch attempt.state {
        case .sighting:
            guard BirthdayMachine.isTarget(sighting.endpoint) else { return end(.unanswered) }
            enter(.offering, now: now)
            act(.offer(sighting))
        case .answering(let isVerified):
            if isVerified { accept(now: now) }
        case .offering, .verifying, .probing, .opening: return
        }
    }

    /// vc-signal says whether it saw the peer where that says that it is.
    mutating func verified(_ isTrue: Bool, subject: Block16, now: Instant) {
        guard let attempt, attempt.subjects.peer == subject else { return }
        switch attempt.state {
        case .verifying:
            guard isTrue, sharesNoNAT else { return end(.unanswered) }
            enter(.probing, now: now)
            self.attempt?.deadline = .distantFuture
            self.attempt?.next = now + BirthdayMachine.probeDelay
            act(.began)
        case .answering:
            guard isTrue else { return end(.unconfirmed) }
            enter(.answering(isVerified: true), now: now)
            if attempt.own != nil { accept(now: now) }
        case .sighting, .offering, .probing, .opening: return
        }
    }

    /// An authentic packet of the peer came straight from it. Returns whether it is what was hoped
    /// for; then the attempt is over.
    mutating func heard(from number: Int, at endpoint: Endpoint) -> Bool {
        guard let attempt, attempt.number == number, let target = attempt.shown?.endpoint else {
            return false
        }
        switch attempt.state {
        case .probing:
            guard endpoint.hasSameAddress(as: target) else { return false }
        case .opening:
            guard endpoint.through(socket: 0) == target else { return false }
        case .sighting, .offering, .verifying, .answering: return false
        }
        end(.hit)
        return true
    }

    /// There is nothing to be found any more, or nobody.
    mutating func cancel() {
        if attempt != nil { end(.cancelled) }
    }

    // MARK: Output

    /// What is to be done, and for whom.
    mutating func pollAction() -> (action: Action, number: Int)? {
        actions.isEmpty ? nil : actions.removeFirst()
    }

    /// The next ping that is due.
    mutating func nextProbe(now: Instant) -> Probe? {
        guard let attempt, now >= attempt.next else { return nil }
        switch attempt.state {
        case .probing: return probe(now: now)
        case .opening: return open(now: now)
        case .sighting, .offering, .verifying, .answering: return nil
        }
    }

    /// Ends what took too long.
    mutating func handleTimeout(now: Instant) {
        guard let attempt, now >= attempt.deadline else { return }
        switch attempt.state {
        case .sighting, .offering, .verifying: end(.unanswered)
        case .answering: end(.unconfirmed)
        case .probing, .opening: end(.missed)
        }
    }

    /// When `handleTimeout` or `nextProbe` has something to do.
    var timeout: Instant { attempt.map { min($0.next, $0.deadline) } ?? .distantFuture }

    // MARK: Packets

    /// One more port of the peer.
    private mutating func probe(now: Instant) -> Probe? {
        guard let target = attempt?.shown?.endpoint, let transaction = attempt?.transaction,
            let count = attempt?.scan.count, let port = attempt?.scan.next()
        else { return nil }
        if count + 1 == PortScan.maximumPorts {
            attempt?.next = .distantFuture
            attempt?.deadline = now + BirthdayMachine.lastAnswer
        } else {
            wait(BirthdayMachine.probeInterval, now: now)
        }
        return Probe(
            endpoint: target.with(port: port), hops: nil, transaction: transaction &+ UInt64(count))
    }

    /// One more of our sockets.
    private mutating func open(now: Instant) -> Probe? {
        guard let attempt, let target = attempt.shown?.endpoint else { return nil }
        let socket = attempt.opened
        let sockets = BirthdayMachine.extraSockets + 1
        if socket + 1 < sockets {
            self.attempt?.opened = socket + 1
            wait(BirthdayMachine.openingInterval, now: now)
        } else {
            let start = attempt.roundStart + BirthdayMachine.refreshInterval
            self.attempt?.opened = 0
            self.attempt?.round = attempt.round + 1
            self.attempt?.roundStart = start
            self.attempt?.next =
                attempt.round + 1 < BirthdayMachine.openingRounds ? start : .distantFuture
        }
        return Probe(
            endpoint: target.through(socket: UInt8(socket)), hops: attempt.hops,
            transaction: attempt.transaction &+ UInt64(attempt.round * sockets + socket))
    }

    /// The next packet follows after `interval`; one that was late is made up for.
    private mutating func wait(_ interval: Duration, now: Instant) {
        guard let due = attempt?.next else { return }
        attempt?.next = max(due + interval, now)
    }

    // MARK: States

    /// Whether packets may go to an address: of the internet, and IPv4. (Where IPv6 is translated
    /// at all, ports stay as they are: RFC 6296.)
    private static func isTarget(_ endpoint: Endpoint) -> Bool {
        endpoint.ipv4 != nil && endpoint.reach == .global
            && endpoint.port >= CandidateList.lowestPort
    }

    /// Two behind one address would have to meet inside it.
    private var sharesNoNAT: Bool {
        guard let own = attempt?.own, let shown = attempt?.shown else { return false }
        return !own.endpoint.hasSameAddress(as: shown.endpoint)
    }

    private mutating func accept(now: Instant) {
        guard let own = attempt?.own, sharesNoNAT else { return end(.unconfirmed) }
        enter(.opening, now: now)
        attempt?.deadline = now + BirthdayMachine.openingTime
        attempt?.next = now
        attempt?.roundStart = now
        act(.accept(own))
        act(.began)
    }

    private mutating func enter(_ state: State, now: Instant) {
        attempt?.state = state
        attempt?.deadline = now + BirthdayMachine.patience
    }

    private mutating func act(_ action: Action) {
        if let attempt { actions.append((action, attempt.number)) }
    }

    private mutating func end(_ outcome: Outcome) {
        act(.ended(outcome))
        attempt = nil
    }
}
