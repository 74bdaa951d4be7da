/// What a member does when its host falls silent, and whom it follows then (rules of succession).
///
/// ```
///   watching --host 5 s silent, we are the successor--> claiming --lease, or a follower--> host
///      |  ^                                                |
///      |  +------------- the host is heard again ----------+
///      |--host and successor 15 s silent, we are the lowest that is heard--> host of a new code
///      +--the host handed over to us------------------------------------> host
/// ```
///
/// A member changes its host only on the word of its present one, or when it heard nothing of it on
/// any rung for 5 s and the claimant is the successor that the last roster names; 15 s, if the
/// successor is silent too. Who hears nobody never claims, except the successor at vc-signal, which
/// knows whether the host is there.
struct SuccessionMachine {
    /// Nothing authenticated of the host for this long: the successor may take its place.
    static let hostSilence = Duration.seconds(5)
    /// Host and successor silent for this long: those who hear each other help themselves.
    static let bothSilence = Duration.seconds(15)
    /// A successor that is heard has claimed the room by then, unless it does not know that it is
    /// the successor: then it is as good as silent.
    static let successorPatience = Duration.seconds(25)
    /// vc-signal says no more than that, while it is asked for the lease: it is not there.
    static let leasePatience = Duration.seconds(2)
    /// Terms that are passed over by those who help themselves: the successor may have claimed the
    /// next one for members that are out of reach.
    static let lowestTermStep: UInt32 = 2

    /// All who are heard follow another host, which has not been heard of itself for this long: it
    /// does not know us. Longer than it takes a host to tell those who follow somebody else.
    static let loneliness = Duration.seconds(7)

    /// What a member sees of the others at one moment.
    struct View {
        let now: Instant
        /// Our number, the host's and that of the successor (0: there is none).
        let own: UInt8
        let host: UInt8
        let successor: UInt8
        /// The term of the roster that we follow.
        let term: UInt32
        /// For how long nothing authenticated came from them, on any rung, or they have followed
        /// another host.
        let hostSilence: Duration
        let successorSilence: Duration
        /// Whether the host handed the room to the successor, or left.
        let hostHasLeft: Bool
        /// Numbers of the members heard in the last 5 s that follow the roster that we follow.
        let heard: [UInt8]
        /// Whether we hear members that follow another one.
        let hearsStrays: Bool
        /// Whether we hear a host that some of them follow.
        let hearsTheirHost: Bool
        /// Whether we have the claim token, and vc-signal did not stop with the host.
        let canClaimLease: Bool
    }

    /// What the room has to do.
    enum Action: Equatable {
        /// Ask vc-signal for the lease.
        case claimLease
        /// Tell the members that we take the host's place.
        case claim
        /// The host is back: nothing is claimed any more.
        case withdraw
        /// Be the host of those who hear us, with a code of our own.
        case gather
    }

    /// What a member does about a claim.
    enum Verdict: Equatable {
        case follow
        /// Not now; perhaps when the host stays silent.
        case wait
        case refuse
    }

    private enum State: Equatable {
        case watching
        /// We are the successor, and the host is silent.
        case claiming(since: Instant, isAnnounced: Bool)
    }

    private var state = State.watching
    /// Whether vc-signal said that the host is there.
    private(set) var knowsLeaseHeld = false
    /// Since when all who are heard follow another host, none of whose claims can be followed.
    private var lonelySince: Instant?

    /// Whether we are on the way to be host.
    var isClaiming: Bool { state != .watching }

    /// Whether the members were told.
    var hasAnnounced: Bool {
        switch state {
        case .watching: false
        case .claiming(_, let isAnnounced): isAnnounced
        }
    }

    /// What is to be done now, at most one thing.
    mutating func handleTimeout(_ view: View) -> Action? {
        let isAbandoned = view.hostHasLeft || view.hostSilence >= Self.hostSilence
        if isLonely(view) { return .gather }
        switch state {
        case .watching:
            guard isAbandoned else { return nil }
            if view.own == view.successor { return begin(view) }
            return mayGather(view) ? .gather : nil
        case .claiming(let since, let isAnnounced):
            guard isAbandoned, view.own == view.successor else {
                reset()
                return .withdraw
            }
            guard !isAnnounced, mayAnnounce(view, since: since) else { return nil }
            state = .claiming(since: since, isAnnounced: true)
            return .claim
        }
    }

    /// vc-signal says that it hears the host: nobody is deposed who is only out of our sight.
    mutating func leaseHeld() { knowsLeaseHeld = true }

    /// We are host now, or follow another one.
    mutating func reset() {
        state = .watching
        knowsLeaseHeld = false
        lonelySince = nil
    }

    /// When `handleTimeout` may have something to do, if nothing is heard until then.
    func timeout(_ view: View) -> Instant {
        switch state {
        case .watching:
            let left = min(
                Self.bothSilence - min(view.hostSilence, view.successorSilence),
                Self.successorPatience - view.hostSilence)
            return view.hostSilence < Self.hostSilence
                ? view.now + (Self.hostSilence - view.hostSilence)
                : view.now + max(.milliseconds(250), left)
        case .claiming:
            return view.now + .milliseconds(250)
        }
    }

    /// Whether a claim of `claimant`, which is in our roster, is followed.
    func judge(claimant: UInt8, term: UInt32, _ view: View) -> Verdict {
        guard claimant != view.host else { return .refuse }
        let isAbandoned = view.hostHasLeft || view.hostSilence >= Self.hostSilence
        if claimant == view.successor, term == view.term + 1 {
            return isAbandoned ? .follow : .wait
        }
        // Beside the successor nobody is followed at a word: it must be the one that all who hear
        // each other would choose, or nobody else is left whom we hear.
        let others = view.heard.filter { $0 != claimant }
        let isChosen = others.isEmpty || (others + [view.own]).allSatisfy { claimant < $0 }
        return isChosen && areBothSilent(view) ? .follow : .wait
    }

    // MARK: Parts

    private mutating func begin(_ view: View) -> Action? {
        knowsLeaseHeld = false
        if view.canClaimLease {
            state = .claiming(since: view.now, isAnnounced: false)
            return .claimLease
        }
        guard !view.heard.isEmpty else { return nil }
        state = .claiming(since: view.now, isAnnounced: true)
        return .claim
    }

    /// With the lease there is no need to; without an answer, or with a host that only vc-signal
    /// hears, the members that hear us decide by what they hear themselves.
    private func mayAnnounce(_ view: View, since: Instant) -> Bool {
        guard !view.heard.isEmpty else { return false }
        if knowsLeaseHeld { return view.hostSilence >= Self.bothSilence }
        return view.now >= since + Self.leasePatience
    }

    private func mayGather(_ view: View) -> Bool {
        guard areBothSilent(view), let lowest = view.heard.min() else { return false }
        return view.own < lowest
    }

    /// As a host, if only of itself, it can be told of the other one, and give way.
    private mutating func isLonely(_ view: View) -> Bool {
        let isSuccessor = view.own == view.successor
        // Of a host that is heard a claim may yet be followed.
        let isLost =
            isSuccessor && view.hostSilence >= Self.bothSilence
            || !isSuccessor && !view.hearsTheirHost && view.hostSilence >= Self.hostSilence
        guard isLost || areBothSilent(view), view.heard.isEmpty, view.hearsStrays else {
            lonelySince = nil
            return false
        }
        let since = lonelySince ?? view.now
        lonelySince = since
        return view.now >= since + Self.loneliness
    }

    private func areBothSilent(_ view: View) -> Bool {
        view.hostSilence >= Self.bothSilence
            && (view.successor == 0 || view.successorSilence >= Self.bothSilence
                || view.hostSilence >= Self.successorPatience)
    }
}
