/// One route to a peer, what is known about it, and the probes under way on it.
///
/// ```
///   candidate --answer--> good --fell silent--> doubted --3 answers--> good
///       ^                   |                      |
///       |                   |   again within 10 s, or loses what it should carry
///       |                   +--------> vetoed ---30 s, doubling---> doubted
///       +--- 20 s without an answer, unless it carries the call ----+
/// ```
struct Path {
    /// Probes of a round, after its start (the schedule of QUIC NAT traversal in noq: doubling from
    /// 33 ms).
    static let probeTimes: [Duration] = [
        .zero, .milliseconds(33), .milliseconds(67), .milliseconds(133), .milliseconds(267),
        .milliseconds(533), .milliseconds(1_067), .milliseconds(2_133), .milliseconds(4_133),
    ]
    /// Rounds begin this far apart at first, doubling to the maximum.
    static let firstRoundInterval = Duration.seconds(5)
    static let maximumRoundInterval = Duration.seconds(60)
    /// Those to where the peer once was: who is silent for a minute is out of the room.
    static let maximumKnownInterval = Duration.seconds(20)
    /// A probe not answered within this time is lost.
    static let probeLifetime = Duration.seconds(5)
    /// An address at rest that the peer speaks from is probed this often.
    static let challengeInterval = Duration.seconds(1)
    /// An address that never answered in two rounds is left alone for this long.
    static let rest = Duration.seconds(600)
    /// And for this long where the peer is heard through the mailbox only: a split that has healed
    /// tells nobody, and a round a minute is no burden to a bystander.
    static let restOfOnlyWays = Duration.seconds(60)
    /// A doubted path is good again after so many answers in a row.
    static let answersToTrust = 3
    /// A path that is doubted again so soon after it was trusted again is vetoed.
    static let relapse = Duration.seconds(10)
    /// A veto lasts this long, doubling with each up to the maximum.
    static let firstVeto = Duration.seconds(30)
    static let maximumVeto = Duration.seconds(600)
    /// Hops of the packet that opens the own NAT: it dies before it reaches the other one, where it
    /// would make a Linux router take the port away that the peer is about to use.
    static let openingHops: UInt8 = 2

    /// How much the path is trusted.
    enum Standing: Equatable {
        case good
        /// It fell silent; `answers` probes in a row were answered since.
        case doubted(answers: Int)
        /// It carried probes, and not what it should carry.
        case vetoed(until: Instant)
    }

    let route: Route
    /// Probes that are not answered yet, newest last.
    private var outstanding: [(transaction: UInt64, sentAt: Instant)] = []
    /// Smoothed round trip (RFC 6298's 1/8); nil until the first answer. Then the path is valid.
    private(set) var roundTrip: Duration?
    private(set) var lastAnswer: Instant?
    private(set) var lastProbe = Instant.zero
    /// When the first probe went out that has no answer, nor has a later one.
    private(set) var unansweredSince: Instant?
    private(set) var standing = Standing.good
    /// When it was last doubted, and when it was last trusted again.
    private(set) var doubtedAt = Instant.zero
    private var trustedAt: Instant?
    private var vetoes = 0
    /// A relay that is about to stop.
    var isDraining = false
    /// A relay that we are bound at, the host when we reach it; true for direct paths.
    var isBound = true
    /// Rounds that ended without an answer.
    private var silentRounds = 0
    private var restUntil = Instant.zero

    private var roundStart: Instant
    private var probesInRound = 0
    private var roundInterval = Path.firstRoundInterval
    private var owesOpening: Bool
    private var lastChallenge: Instant?
    /// A probe goes out now, whatever the schedule says.
    private var isUrgent = false

    /// - Parameter start: when probes that may reach the peer begin; a packet that only opens the
    ///   own NAT goes out before.
    init(_ route: Route, opens: Bool, start: Instant) {
        self.route = route
        owesOpening = opens
        roundStart = start
    }

    var isValid: Bool { roundTrip != nil }

    /// Whether an extra socket is of no use: the one round of probes had no answer.
    func isSpent(now: Instant) -> Bool {
        route.endpoint.socket != 0 && !isValid && now >= roundStart + Path.firstRoundInterval
    }

    /// Whether the call may move here.
    var isEligible: Bool { isValid && isBound && standing == .good && !isDraining }

    // MARK: Probing

    /// When the next probe of a path without answers is due.
    var nextProbe: Instant {
        if isUrgent || owesOpening { return .zero }
        let due =
            probesInRound < Path.probeTimes.count
            ? roundStart + Path.probeTimes[probesInRound] : roundStart + roundInterval
        return max(due, restUntil)
    }

    /// Whether a probe must go out now, also on a valid path.
    var isProbeUrgent: Bool { isUrgent }

    mutating func probeSent(_ transaction: UInt64, now: Instant) {
        outstanding.removeAll { now >= $0.sentAt + Path.probeLifetime }
        if outstanding.count >= 16 { outstanding.removeFirst() }
        outstanding.append((transaction, now))
        if unansweredSince == nil { unansweredSince = now }
        probeSkipped(now: now)
    }

    /// A probe was due that the peer's budget does not allow.
    mutating func probeSkipped(now: Instant) {
        lastProbe = now
        isUrgent = false
    }

    /// Advances the schedule by one probe; returns its hops if it is one that opens the own NAT.
    /// Two silent rounds put an address to rest that never answered.
    ///
    /// - Parameter hasOther: whether the peer is reached in another way.
    mutating func advanceSchedule(hasOther: Bool, now: Instant) -> UInt8? {
        if isUrgent { return nil }
        if owesOpening {
            owesOpening = false
            return Path.openingHops
        }
        if probesInRound == Path.probeTimes.count {
            if !isValid { silentRounds += 1 }
            roundStart = now
            probesInRound = 1
            // What forwards, or answered once, hits no bystander, and may be the only way when a
            // split has healed.
            let isKnown = lastAnswer != nil
            roundInterval = min(
                roundInterval * 2,
                isKnown ? Path.maximumKnownInterval : Path.maximumRoundInterval)
            if silentRounds >= 2, !isKnown, route.isDirect {
                restUntil = now + (hasOther ? Path.rest : Path.restOfOnlyWays)
                probesInRound = 0
            }
        } else {
            // After a rest the round begins when it can, not when it was due.
            if probesInRound == 0 { roundStart = now }
            probesInRound += 1
        }
        return nil
    }

    /// There is no other way any more: it rests no longer than such an address does.
    mutating func shortenRest() { restUntil = min(restUntil, lastProbe + Path.restOfOnlyWays) }

    /// Begins a new round at `start`: an address changed somewhere. An address at rest stays there.
    mutating func restart(opens: Bool, start: Instant) {
        roundStart = start
        probesInRound = 0
        roundInterval = Path.firstRoundInterval
        owesOpening = opens
    }

    /// The peer is ready: what waits for it need not wait longer.
    mutating func begin(now: Instant) {
        if probesInRound == 0, roundStart > now { roundStart = now }
    }

    /// A probe goes out at once.
    mutating func probeNow() { isUrgent = true }

    /// An answer. Returns when its probe was sent; nil when it answers no probe of this path.
    mutating func answered(_ transaction: UInt64, now: Instant) -> Instant? {
        guard let index = outstanding.firstIndex(where: { $0.transaction == transaction }) else {
            return nil
        }
        let sentAt = outstanding.remove(at: index).sentAt
        guard now < sentAt + Path.probeLifetime else { return nil }
        let sample = now - sentAt
        roundTrip = roundTrip.map { ($0 * 7 + sample) / 8 } ?? sample
        lastAnswer = now
        unansweredSince = nil
        silentRounds = 0
        probesInRound = Path.probeTimes.count
        roundInterval = Path.firstRoundInterval
        if case .doubted(let answers) = standing, sentAt >= doubtedAt {
            if answers + 1 >= Path.answersToTrust {
                standing = .good
                trustedAt = now
            } else {
                standing = .doubted(answers: answers + 1)
            }
        }
        return sentAt
    }

    /// The peer speaks from here, though nothing was answered yet: one probe now, at most each
    /// second. Returns whether it is due.
    mutating func challenge(now: Instant) -> Bool {
        guard !isValid, nextProbe > now + Path.challengeInterval,
            now >= (lastChallenge ?? .zero) + Path.challengeInterval
        else { return false }
        lastChallenge = now
        isUrgent = true
        return true
    }

    // MARK: Trust

    /// The path fell silent. Soon after it was trusted again that is a veto.
    mutating func doubt(now: Instant) {
        guard standing == .good else { return }
        doubtedAt = now
        if let trustedAt, now < trustedAt + Path.relapse { return veto(now: now) }
        standing = .doubted(answers: 0)
    }

    /// The call leaves this path alone for a while.
    mutating func veto(now: Instant) {
        doubtedAt = now
        let length = min(Path.firstVeto * (1 << min(vetoes, 5)), Path.maximumVeto)
        vetoes += 1
        standing = .vetoed(until: now + length)
    }

    mutating func endVeto(now: Instant) {
        guard case .vetoed(let until) = standing, now >= until else { return }
        doubtedAt = now
        standing = .doubted(answers: 0)
    }

    /// The veto was no use: the other way is no better.
    mutating func pardon() {
        standing = .good
        trustedAt = nil
    }

    /// The path no longer counts as valid: nothing was answered for too long.
    mutating func invalidate(now: Instant) {
        roundTrip = nil
        restart(opens: false, start: now)
    }
}
