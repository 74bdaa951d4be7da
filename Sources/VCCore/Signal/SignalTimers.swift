/// When a `SignalClient` sends next, and when it has waited long enough.
struct SignalTimers {
    /// HELLO and CLAIM, as offsets from the start; then every `interval`. Eleven within the time
    /// that an answer may take: with a fifth lost each way, all are lost once in 80,000 starts.
    private static let schedule: [Duration] =
        [.zero, .milliseconds(250)] + (1...9).map { .milliseconds(500 * $0) }
    /// KEEPALIVE: well below the 30 s after which common NATs forget a mapping, so short because
    /// others take over a host's room when it is 5 s late.
    private static let interval = Duration.seconds(2)
    /// KEEPALIVE while the last one has no answer.
    private static let retryInterval = Duration.milliseconds(500)
    /// RELEASE: three times, then the process must be allowed to end.
    private static let releaseSchedule: [Duration] = [
        .zero, .milliseconds(150), .milliseconds(400), .milliseconds(800),
    ]
    /// No answer for this long means that the server is not there.
    private static let silenceLimit = Duration.seconds(5)
    /// No answer for this long to something that was asked: UDP may not pass.
    private static let suspicion = Duration.seconds(2)
    /// How often UDP is tried while TCP serves.
    private static let udpInterval = Duration.seconds(10)
    /// The server accepts a cookie for 120 s at least.
    private static let cookieLifetime = Duration.seconds(100)
    /// A server that never accepts its own cookies must not make us send at line rate.
    private static let reactionInterval = Duration.milliseconds(250)

    /// When the phase's message is due again.
    private(set) var next: Instant
    private var origin: Instant
    private var step = 1
    private var offsets = Self.schedule
    private var lastAnswer: Instant
    /// When the first question was asked that has no answer.
    private var asked: Instant?
    private var nextUDPTry = Instant.distantFuture
    private var cookieTime = Instant.zero
    private var lastReaction: Instant?

    init(now: Instant) {
        origin = now
        lastAnswer = now
        asked = now
        next = now + Self.schedule[1]
    }

    /// When the server counts as silent.
    var silence: Instant { lastAnswer + Self.silenceLimit }

    /// When UDP is to be tried again; never while it serves.
    var udpTry: Instant { nextUDPTry }

    /// Whether a question waits for its answer for so long that TCP is worth a try.
    func isSuspect(_ now: Instant) -> Bool {
        guard let asked else { return false }
        return asked + Self.suspicion <= now
    }

    /// The phase's message goes out now; repeat it on the schedule.
    mutating func start(_ now: Instant) {
        begin(now, Self.schedule)
    }

    mutating func startRelease(_ now: Instant) {
        begin(now, Self.releaseSchedule)
    }

    /// The lease is fresh: the first keepalive goes out later.
    mutating func awaitKeepalive(_ now: Instant) {
        origin = now
        next = now + Self.interval
    }

    /// A keepalive goes out now.
    mutating func startKeepalive(_ now: Instant) {
        let isUnanswered = lastAnswer < origin
        asked = asked ?? now
        origin = now
        next = now + (isUnanswered ? Self.retryInterval : Self.interval)
    }

    mutating func answered(_ now: Instant) {
        lastAnswer = max(lastAnswer, now)
        asked = nil
    }

    /// What serves from now on.
    mutating func serves(overTCP: Bool, _ now: Instant) {
        nextUDPTry = overTCP ? now + Self.udpInterval : .distantFuture
    }

    mutating func udpTryFires(_ now: Instant) -> Bool {
        guard nextUDPTry <= now else { return false }
        nextUDPTry = now + Self.udpInterval
        return true
    }

    mutating func gotCookie(_ now: Instant) {
        cookieTime = now
    }

    func cookieIsOld(_ now: Instant) -> Bool {
        cookieTime + Self.cookieLifetime <= now
    }

    /// Whether the schedule says to send; moves on in it.
    mutating func fires(_ now: Instant) -> Bool {
        guard next <= now else { return false }
        // After a sleep: one message, not all that were missed.
        while next <= now {
            step += 1
            next = step < offsets.count ? origin + offsets[step] : next + Self.interval
            if next + .seconds(60) < now { next = now + Self.interval }
        }
        return true
    }

    mutating func keepaliveFires(_ now: Instant) -> Bool {
        guard next <= now else { return false }
        startKeepalive(now)
        return true
    }

    /// Whether the last RELEASE has waited for its answer.
    func releaseIsOver(_ now: Instant) -> Bool {
        origin + (Self.releaseSchedule.last ?? .zero) <= now
    }

    /// Whether a new cookie may be used at once, or only when the schedule says so.
    mutating func mayReact(_ now: Instant) -> Bool {
        if let lastReaction, now < lastReaction + Self.reactionInterval { return false }
        lastReaction = now
        return true
    }

    private mutating func begin(_ now: Instant, _ offsets: [Duration]) {
        self.offsets = offsets
        asked = asked ?? now
        origin = now
        step = 1
        next = now + offsets[1]
    }
}
