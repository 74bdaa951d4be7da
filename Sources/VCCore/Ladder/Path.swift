/// One address of a peer, what is known about it, and the probes under way to it.
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
    /// A probe not answered within this time is lost.
    static let probeLifetime = Duration.seconds(5)
    /// An address at rest that the peer speaks from is probed this often.
    static let challengeInterval = Duration.seconds(1)

    let endpoint: Endpoint
    /// Probes that are not answered yet, newest last.
    private var outstanding: [(transaction: UInt64, sentAt: Instant)] = []
    /// Smoothed round trip (RFC 6298's 1/8); nil until the first answer. Then the path is valid.
    private(set) var roundTrip: Duration?
    /// The last authentic packet that came from here.
    private(set) var lastHeard: Instant?
    private(set) var lastAnswer: Instant?
    /// Rounds that ended without an answer.
    private(set) var silentRounds = 0
    /// No probes before this: set after two silent rounds.
    var restUntil = Instant.zero

    private var roundStart: Instant
    private var probesInRound = 0
    private var roundInterval = Path.firstRoundInterval
    private var lastChallenge: Instant?
    private var isChallenged = false

    init(_ endpoint: Endpoint, now: Instant) {
        self.endpoint = endpoint
        roundStart = now
    }

    var isValid: Bool { roundTrip != nil }

    /// When the next probe of the present round is due, or the next round.
    var nextProbe: Instant {
        if isChallenged { return .zero }
        let due =
            probesInRound < Path.probeTimes.count
            ? roundStart + Path.probeTimes[probesInRound] : roundStart + roundInterval
        return max(due, restUntil)
    }

    mutating func probeSent(_ transaction: UInt64, now: Instant) {
        outstanding.removeAll { now >= $0.sentAt + Path.probeLifetime }
        if outstanding.count >= 16 { outstanding.removeFirst() }
        outstanding.append((transaction, now))
    }

    /// Advances the schedule by one probe. Two silent rounds put the address to rest for 10 min.
    mutating func advanceSchedule(now: Instant) {
        if isChallenged {
            isChallenged = false
            return
        }
        if probesInRound == Path.probeTimes.count {
            if !isValid { silentRounds += 1 }
            roundStart = now
            probesInRound = 1
            roundInterval = min(roundInterval * 2, Path.maximumRoundInterval)
            if silentRounds >= 2 { restUntil = now + .seconds(600) }
        } else {
            probesInRound += 1
        }
    }

    /// Begins a new round now: an address changed somewhere. An address at rest stays there.
    mutating func restart(now: Instant) {
        roundStart = now
        probesInRound = 0
        roundInterval = Path.firstRoundInterval
    }

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
        silentRounds = 0
        probesInRound = Path.probeTimes.count
        roundInterval = Path.firstRoundInterval
        return sentAt
    }

    mutating func heard(now: Instant) { lastHeard = now }

    /// The peer speaks from here, though nothing was answered yet: one probe now, at most each
    /// second. Returns whether it is due.
    mutating func challenge(now: Instant) -> Bool {
        guard !isValid, nextProbe > now + Path.challengeInterval,
            now >= (lastChallenge ?? .zero) + Path.challengeInterval
        else { return false }
        lastChallenge = now
        isChallenged = true
        return true
    }

    /// The path no longer counts as valid: nothing was answered for too long.
    mutating func invalidate(now: Instant) {
        roundTrip = nil
        restart(now: now)
    }
}
