/// What is done about frames that a member loses: copies of earlier frames in later packets, or,
/// when the network is full, fewer bits. One for each member that hears us, fed with its reports.
///
/// ```
///   loss, delay as ever:  none -> copy of n-1 (above 1 %) or n-2 (bursts) -> both (above 8 %)
///   loss, delay rising:   no copies, and a step of thrift: fewer bits, then longer frames
///   heavy loss:           2 s without copies; if less is lost then, the same
///   15 s without:         one step back
/// ```
///
/// The delay alone does not tell: it cannot rise where the queue was full from the first report on,
/// and there copies of two frames make three times of what is too much already.
public struct LossControl: Sendable {
    /// Which earlier frames a packet carries (in the manner of RFC 2198).
    public enum Copies: UInt8, Sendable {
        case none = 0
        /// The frame before: found again 10 ms later.
        case previous = 1
        /// The one before that: survives a burst of two, 20 ms later.
        case beforePrevious = 2
        case both = 3
    }

    /// Loss above this share is met with copies: one frame in a hundred can be heard.
    static let lossPerThousand = 10
    /// Loss above this share is met with two copies.
    static let heavyLossPerThousand = 80
    /// Mean length of a burst, in tenths, above which n-1 is often lost together with n.
    static let burstTenths = 15
    /// So many lost frames are needed before anything is done: one is chance.
    static let fewestLost = 2
    /// For how long the loss is counted: four seconds of reports.
    static let window = 8
    /// Delay above the lowest one of ten seconds that means a queue is filling: 20 ms, in tenths.
    static let risingTenths: Int32 = 200
    /// Reports over which the lowest delay is remembered: ten seconds.
    static let delayMemory = 20
    /// A change of the delay beyond this, 1 s, is another stream and not a queue.
    static let restartTenths: Int32 = 10_000
    /// Nothing is taken back before this time without its cause.
    static let patience = Duration.seconds(15)
    /// A step of thrift is given this time to work.
    static let thriftInterval = Duration.seconds(2)
    /// The last step.
    public static let mostThrift = 3
    /// With more than this share lost it is tried whether copies are the reason.
    static let trialPerThousand = 300
    /// They are, when without them this much less of all is lost: more than three deviations of
    /// what chance makes of 150 and 300 packets.
    static let trialFall = 150
    /// Reports with copies and without that count. The first one without is of packets with.
    static let reportsWith = 6
    static let reportsWithout = 3
    /// Copies are that long under way before they are tried, and that long not again when it was
    /// found that they are not the reason.
    static let trialDelay = Duration.milliseconds(3_500)
    static let trialInterval = Duration.seconds(60)
    /// For so long loss is a full network's, when they were.
    static let fullTime = Duration.seconds(30)

    /// What a report tells beyond the one before.
    private struct Share: BitwiseCopyable {
        var received: UInt32 = 0
        var lost: UInt32 = 0
        var bursts: UInt32 = 0
    }

    /// What the next packets should carry.
    public private(set) var copies = Copies.none
    /// How far the encoder should save: 0 not at all, up to `mostThrift`.
    public private(set) var thrift = 0

    private var shares = InlineArray<8, Share>(repeating: Share())
    private var transits = InlineArray<20, UInt32>(repeating: 0)
    private var reports = 0
    private var previous: ReceiverReport?
    /// Reports since copies were left out to see what that does; the loss with them.
    private var trial: Int?
    private var lossWithCopies = 0
    private var copiesSince = Instant.zero
    private var nextTrial = Instant.zero
    private var fullUntil = Instant.zero
    private var lastReport = Instant.zero
    private var lastNeeded = Instant.zero
    private var lastCongested = Instant.zero
    private var lastStep = Instant.zero

    public init() {}

    /// Takes in what a member tells about our voice.
    public mutating func note(_ report: ReceiverReport, now: Instant) {
        age(now: now)
        lastReport = now
        guard let before = previous else { return begin(with: report, now: now) }
        // Counts that went back, or a delay that jumped, are of another stream.
        guard report.received >= before.received, report.bursts >= before.bursts,
            abs(Self.difference(report.transit, before.transit)) < Self.restartTenths
        else {
            self = LossControl()
            lastReport = now
            return begin(with: report, now: now)
        }
        // A frame that came after all makes the count smaller.
        let lost = report.lost > before.lost ? report.lost - before.lost : 0
        shares[reports % Self.window] = Share(
            received: report.received - before.received, lost: lost,
            bursts: report.bursts - before.bursts)
        previous = report
        transits[reports % Self.delayMemory] = report.transit
        reports += 1
        decide(isRising: rise >= Self.risingTenths, now: now)
    }

    /// Where nothing was reported for long, what was done is taken back, as it would be without its
    /// cause. Who neither talks nor listens reports nothing, and must not keep the others thrifty.
    /// To be called when `timeout` has come; it may be called at any time.
    public mutating func age(now: Instant) {
        guard now >= lastReport + Self.patience else { return }
        copies = .none
        shares = .init(repeating: Share())
        trial = nil
        guard thrift > 0, now >= lastStep + Self.patience else { return }
        thrift -= 1
        lastStep = now
    }

    /// When `age` has something to take back; nil while nothing is done about losses.
    public var timeout: Instant? {
        if copies != .none { return lastReport + Self.patience }
        return thrift > 0 ? max(lastReport, lastStep) + Self.patience : nil
    }

    private mutating func begin(with report: ReceiverReport, now: Instant) {
        previous = report
        transits = .init(repeating: report.transit)
        lastNeeded = now
        lastCongested = now
    }

    private mutating func decide(isRising: Bool, now: Instant) {
        let sum = total
        let wanted = wantedCopies(sum)
        if isTrying(now: now) {
            copies = .none
            return
        }
        if isRising || now < fullUntil, wanted != .none {
            lastCongested = now
            copies = .none
            if thrift < Self.mostThrift, now >= lastStep + Self.thriftInterval {
                thrift += 1
                lastStep = now
            }
            return
        }
        if thrift > 0, now >= lastCongested + Self.patience, now >= lastStep + Self.patience {
            thrift -= 1
            lastStep = now
        }
        // Right after congestion a copy would bring it back.
        guard now >= lastCongested + Self.thriftInterval || thrift == 0 else { return }
        if Self.strength(wanted) >= Self.strength(copies), wanted != .none {
            if Self.strength(wanted) > Self.strength(copies) { copiesSince = now }
            copies = wanted
            lastNeeded = now
        } else if now >= lastNeeded + Self.patience {
            copies = wanted
            lastNeeded = now
        }
    }

    /// Whether copies are left out for a moment, to see whether less is lost without them.
    private mutating func isTrying(now: Instant) -> Bool {
        guard let reports = trial else {
            guard copies != .none, now >= copiesSince + Self.trialDelay, now >= nextTrial else {
                return false
            }
            lossWithCopies = lossPerThousand(ofLast: Self.reportsWith)
            guard lossWithCopies > Self.trialPerThousand else { return false }
            trial = 0
            return true
        }
        trial = reports + 1
        guard reports + 1 > Self.reportsWithout else { return true }
        trial = nil
        let loss = lossPerThousand(ofLast: Self.reportsWithout)
        if lossWithCopies - loss > Self.trialFall {
            fullUntil = now + Self.fullTime
        } else {
            nextTrial = now + Self.trialInterval
        }
        return false
    }

    /// The share that was lost of what the last `count` reports tell of.
    private func lossPerThousand(ofLast count: Int) -> Int {
        var received = 0
        var lost = 0
        var back = 1
        while back <= min(count, reports) {
            let share = shares[(reports - back) % Self.window]
            received += Int(share.received)
            lost += Int(share.lost)
            back += 1
        }
        return lost * 1_000 / max(1, received + lost)
    }

    private func wantedCopies(_ sum: Share) -> Copies {
        let sent = Int(sum.received) + Int(sum.lost)
        let lost = Int(sum.lost)
        guard lost >= Self.fewestLost, lost * 1_000 > sent * Self.lossPerThousand else {
            return .none
        }
        if lost * 1_000 > sent * Self.heavyLossPerThousand { return .both }
        let isBursty = lost * 10 > Int(max(1, sum.bursts)) * Self.burstTenths
        return isBursty ? .beforePrevious : .previous
    }

    private static func strength(_ copies: Copies) -> Int {
        switch copies {
        case .none: 0
        case .previous: 1
        case .beforePrevious: 1
        case .both: 2
        }
    }

    private var total: Share {
        var sum = Share()
        for index in shares.indices {
            sum.received &+= shares[index].received
            sum.lost &+= shares[index].lost
            sum.bursts &+= shares[index].bursts
        }
        return sum
    }

    /// How far the delay lies above the lowest one remembered, in tenths of a millisecond.
    private var rise: Int32 {
        guard let latest = previous?.transit else { return 0 }
        var rise: Int32 = 0
        for index in transits.indices {
            rise = max(rise, Self.difference(latest, transits[index]))
        }
        return rise
    }

    private static func difference(_ later: UInt32, _ earlier: UInt32) -> Int32 {
        // Int32.min has no magnitude.
        max(-Int32.max, Int32(bitPattern: later &- earlier))
    }
}
