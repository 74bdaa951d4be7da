/// The routes to one peer: which of them answer, which one carries the call, and what happens when
/// it falls silent.
///
/// ```
///   heard --120 ms without a packet in speech, else 450 ms--> silent: the call moves to the next
///     ^                                                       good route, and probes say so
///     +---------------- a packet of the call -----------------+
/// ```
///
/// A route is only ever selected after a sealed probe on it was answered, so that nobody can point
/// our voice at a bystander. The best rung wins; inside a rung, the round trip.
struct PathMachine {
    /// Better by this much, or the call stays where it is.
    static let hysteresis = Duration.milliseconds(5)
    /// IPv6 counts as this much faster: it crosses fewer NATs.
    static let ipv6Bonus = Duration.milliseconds(3)
    /// The selected route is measured this often, the others kept warm this often.
    static let selectedProbeInterval = Duration.seconds(1)
    static let warmProbeInterval = Duration.seconds(10)
    /// A doubted route is tried this often, at first: no more than three packets a second.
    static let doubtedProbeInterval = Duration.milliseconds(340)
    /// A valid route without an answer for this long after a probe was due is a candidate again.
    static let validLifetime = Duration.seconds(10)
    /// The selected route is doubted when its probes have no answer for this long.
    static let answerPatience = Duration.milliseconds(2_500)
    /// After a roam, no return to the old address for this long.
    static let roamHold = Duration.seconds(2)
    /// Candidates and peer-reflexive addresses together.
    static let maximumPaths = 12
    /// Relays, over UDP and TCP, beside them.
    static let maximumRelayPaths = 8

    private static func maximumPaths(of kind: Route.Kind) -> Int {
        switch kind {
        case .direct: maximumPaths
        case .host: 1
        case .relay: maximumRelayPaths
        }
    }

    /// A new candidate list is taken at most this often.
    static let listInterval = Duration.seconds(5)
    /// The packet that opens the own NAT is this far ahead of the first probe.
    static let openingLead = Duration.milliseconds(50)
    /// Who opens first waits this long at most for the other side to be ready.
    static let openingPatience = Duration.milliseconds(300)

    var paths: [Path] = []
    var selectedIndex: Int?
    var silence: SilenceWatch
    private var losses = LossWatch()
    private var budget = ProbeBudget()
    private var nextList = Instant.zero
    /// The last list that came before its time.
    private var waitingList: (CandidateList, lead: Duration)?
    private var holdUntil = Instant.zero
    private var roamingTo: Route?
    private var changed = false
    /// When the call last moved.
    var movedAt = Instant.zero

    /// - Parameter misses: keepalives of the peer missing in a row when its path is doubted.
    init(misses: Int = SilenceWatch.usualMisses) {
        silence = SilenceWatch(misses: misses)
    }

    /// Where sealed packets go, if anywhere.
    private(set) var selected: Route?
    /// The smoothed round trip of the selected route.
    var roundTrip: Duration? { selectedIndex.flatMap { paths[$0].roundTrip } }
    /// Any probe was last answered then.
    private(set) var lastAnswer: Instant?

    /// Whether a direct route was there and is not trusted now.
    var hasFailedDirect: Bool {
        paths.contains { $0.route.isDirect && $0.isValid && $0.standing != .good }
    }

    /// Whether a direct route answers, trusted or not.
    var hasDirect: Bool { paths.contains { $0.route.isDirect && $0.isValid } }

    /// Since when a relay carries the call, over UDP; nil where none does.
    var relayedSince: Instant? { selected?.rung == .relay ? movedAt : nil }

    /// Adds the sockets that routes go through.
    func addSockets(to set: inout SocketSet) {
        var index = 0
        while index < paths.count {
            set.insert(paths[index].route.endpoint.socket)
            index += 1
        }
    }

    /// Whether the selection changed since the last call.
    mutating func pollChange() -> Bool {
        defer { changed = false }
        return changed
    }

    // MARK: Input

    /// The peer's candidates, already filtered. Waits while the last list that brought anything new
    /// is too young.
    ///
    /// - Parameter lead: how long probes that may reach the peer wait for its own opening packets.
    mutating func setCandidates(_ list: CandidateList, lead: Duration, now: Instant) {
        guard list.endpoints.contains(where: { index(of: .direct($0)) == nil }) else { return }
        if now < nextList {
            waitingList = (list, lead)
            return
        }
        nextList = now + PathMachine.listInterval
        waitingList = nil
        for endpoint in list.endpoints { add(.direct(endpoint), lead: lead, now: now) }
    }

    /// The peer is heard, so it has opened its NAT by now.
    mutating func begin(now: Instant) {
        for index in paths.indices where !paths[index].isValid { paths[index].begin(now: now) }
    }

    /// An address changed on this machine, or the peer came back: all routes are tried again.
    mutating func probeAgain(now: Instant) {
        for index in paths.indices {
            let opens = !paths[index].isValid && paths[index].route.crossesNATs
            let lead = opens ? PathMachine.openingLead : .zero
            paths[index].restart(opens: opens, start: now + lead)
            if paths[index].isValid { paths[index].probeNow() }
        }
    }

    /// An authentic packet came over `route`; `isNewest` when no later one came before it. Returns
    /// whether there is something to send now. Called for each voice packet.
    mutating func heard(on route: Route, isNewest: Bool, now: Instant) -> Bool {
        if route == selected { return false }
        if let index = index(of: route) {
            guard isNewest, paths[index].challenge(now: now) else { return false }
            noteRoaming(to: route)
            return true
        }
        guard isNewest else { return false }
        // Only a hint: a challenge goes there, and the call moves when it is answered.
        add(route, lead: .zero, now: now)
        noteRoaming(to: route)
        return true
    }

    private mutating func noteRoaming(to route: Route) {
        if let selected, selected.isDirect, route.isDirect { roamingTo = route }
    }

    /// A pong. Returns whether it answered a probe of ours.
    mutating func answered(_ transaction: UInt64, now: Instant) -> Bool {
        for index in paths.indices {
            guard let sentAt = paths[index].answered(transaction, now: now) else { continue }
            if paths[index].route.isDirect { budget.refund(sentAt: sentAt) }
            lastAnswer = now
            choose(answered: index, now: now)
            return true
        }
        return false
    }

    /// The peer hears nothing of the call: what we send it does not arrive.
    ///
    /// - Parameter route: where it said so; that way is open at least from there to here.
    mutating func peerHearsNothing(on route: Route, now: Instant) {
        guard let selectedIndex, now >= movedAt + settling(selectedIndex) else { return }
        doubt(selectedIndex, now: now)
        if selectedIndex == self.selectedIndex { return }
        if let index = index(of: route), index != selectedIndex, paths[index].isEligible {
            select(index, now: now)
        }
    }

    /// The peer counted our voice frames.
    mutating func report(received: UInt32, lost: UInt32, now: Instant) {
        guard let index = selectedIndex else { return }
        let hasOther = paths.indices.contains { $0 != index && paths[$0].isEligible }
        switch losses.report(received: received, lost: lost, hasOther: hasOther, now: now) {
        case .bearable: return
        case .leave:
            losses.left(paths[index].route)
            paths[index].veto(now: now)
            moveOn(now: now)
        case .goBack(let route):
            guard let old = self.index(of: route) else { return }
            paths[old].pardon()
            choose(answered: old, now: now)
        }
    }

    /// A relay that both may be bound to.
    mutating func addRelay(_ endpoint: Endpoint, now: Instant) {
        add(.relay(endpoint), lead: .zero, now: now)
    }

    /// The host forwards between the peer and us, if both reach it.
    mutating func addHost(now: Instant) {
        add(.host, lead: .zero, now: now)
    }

    /// We are not bound to the relay any more.
    mutating func removeRelay(_ endpoint: Endpoint, now: Instant) {
        remove(.relay(endpoint), now: now)
    }

    private mutating func remove(_ route: Route, now: Instant) {
        guard let index = index(of: route) else { return }
        let wasSelected = index == selectedIndex
        remove(index)
        if wasSelected { moveOn(now: now) }
        if selectedIndex == nil { shortenRests() }
    }

    /// Whether sealed probes on the route are answered, so that its other end is no bystander.
    func isValid(_ route: Route) -> Bool {
        if route == selected { return true }
        guard let index = index(of: route) else { return false }
        return paths[index].isValid
    }

    /// All routes whose probes are answered: for what must arrive whatever becomes of one of them.
    var validRoutes: [Route] {
        paths.filter { $0.isValid && $0.isBound }.map(\.route)
    }

    /// Which forwarders serve us now: relays that we are bound at, the host that we reach. One that
    /// has just come back is asked at once, if nothing of the call comes.
    mutating func noteForwarders(now: Instant, _ serves: (Route) -> Bool) {
        for index in paths.indices where !paths[index].route.isDirect {
            let bound = serves(paths[index].route)
            guard paths[index].isBound != bound else { continue }
            paths[index].isBound = bound
            if bound, !paths[index].isValid { paths[index].restart(opens: false, start: now) }
            if bound, silence.since != nil { paths[index].probeNow() }
            if !bound, index == selectedIndex { moveOn(isUrgent: true, now: now) }
            // Nothing that is trusted leads to the peer any more: what rests because there was
            // another way is needed now.
            if !bound, index == selectedIndex { shortenRests() }
            // A host may be gone for good. What is not trusted is better than what leads nowhere.
            if !bound, index == selectedIndex, paths[index].route == .host { giveUp(now: now) }
        }
    }

    /// The selected route leads nowhere, and no other one is good: any that was ever answered
    /// serves.
    private mutating func giveUp(now: Instant) {
        let others = paths.indices.filter {
            $0 != selectedIndex && paths[$0].isValid && paths[$0].isBound
        }
        if let best = others.min(by: { isBetter($0, $1) }) { return select(best, now: now) }
        selectedIndex = nil
        selected = nil
        changed = true
    }

    /// Whether the call has a way that is not known to be shut.
    private var isReached: Bool { selectedIndex.map { paths[$0].isBound } ?? false }

    private mutating func shortenRests() {
        for index in paths.indices { paths[index].shortenRest() }
    }

    /// The relay is about to stop: the call moves elsewhere while it still forwards.
    mutating func setDraining(_ endpoint: Endpoint, now: Instant) {
        guard let index = index(of: .relay(endpoint)) else { return }
        paths[index].isDraining = true
        if index == selectedIndex { moveOn(now: now) }
    }

    func index(of route: Route) -> Int? {
        var index = 0
        while index < paths.count {
            if paths[index].route == route { return index }
            index += 1
        }
        return nil
    }

    // MARK: Output

    /// A probe to be sent.
    struct Probe {
        let route: Route
        /// Whether it must be as large as what the route is to carry: small packets prove little
        /// about a route that lost large ones.
        let isLarge: Bool
        /// The packet's time to live, where it must not travel far.
        let hops: UInt8?
    }

    /// The next probe that is due, marked as sent under `transaction`.
    mutating func nextProbe(transaction: UInt64, now: Instant) -> Probe? {
        handleTimeout(now: now)
        for index in paths.indices {
            var hops: UInt8?
            if paths[index].isValid {
                guard now >= nextMeasurement(index) else { continue }
            } else {
                guard now >= paths[index].nextProbe else { continue }
                hops = paths[index].advanceSchedule(hasOther: isReached, now: now)
            }
            // A relay forwards only to who is bound, the host to members: no bystander can be hit.
            guard !paths[index].route.isDirect || budget.take(now: now) else {
                paths[index].probeSkipped(now: now)
                continue
            }
            paths[index].probeSent(transaction, now: now)
            return Probe(
                route: paths[index].route, isLarge: paths[index].standing != .good, hops: hops)
        }
        return nil
    }

    /// When `nextProbe` has something to do.
    var timeout: Instant? {
        var due = silence.timeout
        for index in paths.indices {
            due = min(due, paths[index].isValid ? nextMeasurement(index) : paths[index].nextProbe)
        }
        if waitingList != nil { due = min(due, nextList) }
        return due == .distantFuture ? nil : due
    }

    private mutating func handleTimeout(now: Instant) {
        if let (list, lead) = waitingList, now >= nextList {
            waitingList = nil
            setCandidates(list, lead: lead, now: now)
        }
        expire(now: now)
        switch silence.handleTimeout(now: now) {
        case .nothing: break
        case .began:
            // The way that the peer took is dead; ours may be another one, and good.
            if let index = silence.lastRoute.flatMap({ index(of: $0) }) { doubt(index, now: now) }
            probeEverything()
        case .goesOn: probeEverything()
        }
    }

    private func nextMeasurement(_ index: Int) -> Instant {
        let path = paths[index]
        if path.isProbeUrgent {
            return path.standing == .good
                ? .zero : path.lastProbe + PathMachine.doubtedProbeInterval
        }
        switch path.standing {
        case .doubted:
            let interval =
                path.lastProbe < path.doubtedAt + .seconds(20)
                ? PathMachine.doubtedProbeInterval : PathMachine.warmProbeInterval
            return path.lastProbe + interval
        case .vetoed: return path.lastProbe + PathMachine.warmProbeInterval
        case .good:
            return path.lastProbe
                + (index == selectedIndex
                    ? PathMachine.selectedProbeInterval : PathMachine.warmProbeInterval)
        }
    }

    // MARK: Routes

    private mutating func add(_ route: Route, lead: Duration, now: Instant) {
        guard index(of: route) == nil else { return }
        let same = paths.count { $0.route.kind == route.kind }
        let limit = PathMachine.maximumPaths(of: route.kind)
        if same >= limit {
            guard
                let index = paths.indices.first(where: {
                    paths[$0].route.kind == route.kind && !paths[$0].isValid
                        && $0 != selectedIndex
                })
            else { return }
            remove(index)
        }
        let opens = lead > .zero && route.crossesNATs
        paths.append(Path(route, opens: opens, start: opens ? now + lead : now))
    }

    private mutating func remove(_ index: Int) {
        paths.remove(at: index)
        guard let selected = selectedIndex else { return }
        if selected == index {
            selectedIndex = nil
            self.selected = nil
            changed = true
        } else if selected > index {
            selectedIndex = selected - 1
        }
    }

    private mutating func expire(now: Instant) {
        for index in paths.indices.reversed()
        where index != selectedIndex && paths[index].isSpent(now: now) { remove(index) }
        for index in paths.indices where paths[index].isValid {
            paths[index].endVeto(now: now)
            let answer = paths[index].lastAnswer ?? .zero
            if index != selectedIndex {
                if now >= answer + PathMachine.warmProbeInterval + PathMachine.validLifetime {
                    paths[index].invalidate(now: now)
                }
            } else if paths[index].standing == .good,
                let since = paths[index].unansweredSince,
                now >= since + PathMachine.answerPatience
            {
                doubt(index, now: now)
            }
        }
    }

    // MARK: Choice

    private mutating func choose(answered index: Int, now: Instant) {
        guard let selected = selectedIndex else { return select(index, now: now) }
        guard selected != index else { return }
        let route = paths[index].route
        if roamingTo == route {
            // The peer speaks from a new address: follow it at once.
            roamingTo = nil
            holdUntil = now + PathMachine.roamHold
            paths[selected].doubt(now: now)
            return select(index, now: now)
        }
        if silence.since != nil || paths[selected].standing != .good,
            let since = paths[selected].unansweredSince, now >= since + settling(selected)
        {
            // Nothing is heard, here or there, and on this one at least something answers.
            return select(index, now: now)
        }
        guard now >= holdUntil, paths[index].isEligible else { return }
        let here = paths[selected]
        let isBetter =
            !here.isEligible || route.rung < here.route.rung
            || (route.rung == here.route.rung
                && score(index) + PathMachine.hysteresis < score(selected))
        if isBetter { select(index, now: now) }
    }

    /// The selected route is in doubt: the call moves to the best good one, if there is any.
    mutating func doubt(_ index: Int, now: Instant) {
        if paths[index].standing == .good {
            paths[index].doubt(now: now)
            paths[index].probeNow()
        }
        if index == selectedIndex { moveOn(isUrgent: true, now: now) }
    }

    /// To the next good route.
    ///
    /// - Parameter isUrgent: a forwarder comes first, because what made one direct route silent may
    ///   have ended all of them; a direct one that still answers takes over in a round trip.
    private mutating func moveOn(isUrgent: Bool = false, now: Instant) {
        let others = paths.indices.filter { $0 != selectedIndex && paths[$0].isEligible }
        let relays = others.filter { paths[$0].route.rung == .relay }
        let forwarders = relays.isEmpty ? others.filter { paths[$0].route == .host } : relays
        let choice = isUrgent && !forwarders.isEmpty ? forwarders : others
        guard let best = choice.min(by: { isBetter($0, $1) }) else { return }
        select(best, now: now)
    }

    /// What was sent on a route has had an effect after this, if it has any.
    private func settling(_ index: Int) -> Duration {
        .milliseconds(80) + (paths[index].roundTrip ?? .zero)
    }

    private func isBetter(_ one: Int, _ other: Int) -> Bool {
        let (first, second) = (paths[one].route.rung, paths[other].route.rung)
        return first == second ? score(one) < score(other) : first < second
    }

    private mutating func select(_ index: Int, now: Instant) {
        guard selectedIndex != index else { return }
        selectedIndex = index
        selected = paths[index].route
        movedAt = now
        changed = true
        losses.moved(now: now)
    }

    /// Nothing of the call comes: each good route is asked at once, and told so.
    private mutating func probeEverything() {
        for index in paths.indices where paths[index].isValid { paths[index].probeNow() }
    }

    private func score(_ index: Int) -> Duration {
        let trip = paths[index].roundTrip ?? .seconds(60)
        return paths[index].route.endpoint.ipv4 == nil ? trip - PathMachine.ipv6Bonus : trip
    }
}

extension Route {
    /// Whether a NAT may stand before the other end.
    var crossesNATs: Bool { isDirect && endpoint.reach == .global }
}
