/// Notices that nothing of the call arrives from a peer. Something comes at least every 200 ms,
/// and while it talks every frame.
struct SilenceWatch {
    /// Two keepalives missing in a row are silence, unless the person wants it otherwise.
    static let usualMisses = 2
    /// Without a packet in a talk spurt, for each miss: three frames of 20 ms.
    private static let inSpeechEach = Duration.milliseconds(60)
    /// Without a packet otherwise: so many intervals of keepalives and a bit, so that one less
    /// of them may be lost.
    private static let grace = Duration.milliseconds(50)

    /// 120 ms for two.
    private let inSpeech: Duration
    /// 450 ms for two.
    private let otherwise: Duration
    /// While it lasts, probes go out this often: at first, because one that is lost or comes while
    /// the peer is moving costs voice; then; and after a while.
    static let firstProbeInterval = Duration.milliseconds(150)
    static let firstProbes = Duration.milliseconds(450)
    static let probeInterval = PathMachine.doubtedProbeInterval
    static let lateProbeInterval = Duration.seconds(1)
    static let lateAfter = Duration.seconds(6)

    enum Verdict: Equatable {
        case nothing
        /// Silence has just begun.
        case began
        /// It lasts, and probes are due again.
        case goesOn
    }

    /// When it fell silent; nil while something comes.
    private(set) var since: Instant?
    /// The route of the last packet; what comes through the mailbox is no call yet.
    private(set) var lastRoute: Route?
    private var last: Instant?
    private var expectsVoice = false
    private var nextProbe = Instant.distantFuture

    /// - Parameter misses: keepalives missing in a row.
    init(misses: Int = SilenceWatch.usualMisses) {
        inSpeech = SilenceWatch.inSpeechEach * misses
        otherwise = Peer.keepaliveInterval * misses + SilenceWatch.grace
    }

    /// A packet of the call came; nil where it does not tell whether a voice frame follows.
    mutating func heard(on route: Route?, expectsVoice: Bool?, now: Instant) {
        if let route { lastRoute = route }
        if lastRoute != nil { last = now }
        if let expectsVoice { self.expectsVoice = expectsVoice }
        since = nil
    }

    mutating func handleTimeout(now: Instant) -> Verdict {
        guard now >= timeout else { return .nothing }
        let isFirst = since == nil
        let start = since ?? now
        since = start
        nextProbe = now + SilenceWatch.interval(at: now - start)
        return isFirst ? .began : .goesOn
    }

    private static func interval(at age: Duration) -> Duration {
        if age < firstProbes { return firstProbeInterval }
        return age < lateAfter ? probeInterval : lateProbeInterval
    }

    var timeout: Instant {
        guard let last else { return .distantFuture }
        if since != nil { return nextProbe }
        return last + (expectsVoice ? inSpeech : otherwise)
    }
}
