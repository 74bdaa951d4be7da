/// The direct paths to one peer: which of its addresses answer, and which one carries the call.
///
/// ```
///   candidate --probe answered--> valid --best round trip--> selected
///       ^                           |                           |
///       +------ 10 s no answer -----+---------------------------+
/// ```
///
/// A path is only ever selected after a sealed probe to it was answered, so that nobody can point
/// our voice at a bystander.
struct PathMachine {
    /// Better by this much, or the call stays where it is.
    static let hysteresis = Duration.milliseconds(5)
    /// IPv6 counts as this much faster: it crosses fewer NATs.
    static let ipv6Bonus = Duration.milliseconds(3)
    /// The selected path is measured this often, the others kept warm this often.
    static let selectedProbeInterval = Duration.seconds(1)
    static let warmProbeInterval = Duration.seconds(10)
    /// A valid path that answers nothing for this long is a candidate again.
    static let validLifetime = Duration.seconds(10)
    /// Something arrives at least every 200 ms, so a path that brought nothing for this long is
    /// in doubt.
    static let silence = Duration.milliseconds(400)
    /// After a roam, no return to the old path for this long.
    static let roamHold = Duration.seconds(2)
    /// Candidates and peer-reflexive addresses together.
    static let maximumPaths = 12
    /// A new candidate list is taken at most this often.
    static let listInterval = Duration.seconds(5)

    private var paths: [Path] = []
    private var selectedIndex: Int?
    private var budget = ProbeBudget()
    private var lastProbeOfValid: [Endpoint: Instant] = [:]
    private var nextList = Instant.zero
    /// The last list that came before its time.
    private var waitingList: CandidateList?
    private var holdUntil = Instant.zero
    private var roamingTo: Endpoint?
    private var changed = false

    /// Where sealed packets go, if anywhere.
    private(set) var selected: Endpoint?
    private var selectedHeard = Instant.zero
    /// The smoothed round trip of the selected path.
    var roundTrip: Duration? { selectedIndex.flatMap { paths[$0].roundTrip } }

    /// Whether the selection changed since the last call.
    mutating func pollChange() -> Bool {
        defer { changed = false }
        return changed
    }

    // MARK: Input

    /// The peer's candidates, already filtered. Waits while the last list is too young.
    mutating func setCandidates(_ list: CandidateList, now: Instant) {
        if now < nextList {
            waitingList = list
            return
        }
        nextList = now + PathMachine.listInterval
        waitingList = nil
        for endpoint in list.endpoints { add(endpoint, now: now) }
    }

    /// An address changed on this machine, or the peer came back: all paths are tried again.
    mutating func probeAgain(now: Instant) {
        for index in paths.indices { paths[index].restart(now: now) }
        lastProbeOfValid.removeAll()
    }

    /// An authentic packet came from `source`; `isNewest` when no later one came before it. Returns
    /// whether there is something to send now. Called for each voice packet.
    mutating func heard(from source: Endpoint, isNewest: Bool, now: Instant) -> Bool {
        if source == selected {
            selectedHeard = now
            return false
        }
        if let index = paths.firstIndex(where: { $0.endpoint == source }) {
            paths[index].heard(now: now)
            if isNewest, paths[index].challenge(now: now) {
                if selectedIndex != nil { roamingTo = source }
                return true
            }
        } else if isNewest {
            // Only a hint: a challenge goes there, and the call moves when it is answered.
            add(source, now: now)
            if selectedIndex != nil { roamingTo = source }
            return true
        }
        return false
    }

    /// A pong. Returns whether it answered a probe of ours.
    mutating func answered(_ transaction: UInt64, now: Instant) -> Bool {
        for index in paths.indices {
            guard let sentAt = paths[index].answered(transaction, now: now) else { continue }
            budget.refund(sentAt: sentAt)
            paths[index].heard(now: now)
            if index == selectedIndex { selectedHeard = now }
            choose(answered: index, now: now)
            return true
        }
        return false
    }

    // MARK: Output

    /// The next probe that is due: where to, marked as sent under `transaction`.
    mutating func nextProbe(transaction: UInt64, now: Instant) -> Endpoint? {
        expire(now: now)
        if let list = waitingList, now >= nextList { setCandidates(list, now: now) }
        for index in paths.indices {
            if paths[index].isValid {
                guard now >= nextMeasurement(index) else { continue }
                lastProbeOfValid[paths[index].endpoint] = now
            } else {
                guard now >= paths[index].nextProbe else { continue }
                paths[index].advanceSchedule(now: now)
            }
            guard budget.take(now: now) else { continue }
            paths[index].probeSent(transaction, now: now)
            return paths[index].endpoint
        }
        return nil
    }

    /// When `nextProbe` has something to do.
    var timeout: Instant? {
        let probe = paths.indices.map {
            paths[$0].isValid ? nextMeasurement($0) : paths[$0].nextProbe
        }.min()
        return waitingList == nil ? probe : min(nextList, probe ?? .distantFuture)
    }

    private func nextMeasurement(_ index: Int) -> Instant {
        let interval =
            index == selectedIndex
            ? PathMachine.selectedProbeInterval : PathMachine.warmProbeInterval
        return (lastProbeOfValid[paths[index].endpoint] ?? .zero) + interval
    }

    // MARK: Choice

    private mutating func add(_ endpoint: Endpoint, now: Instant) {
        guard !paths.contains(where: { $0.endpoint == endpoint }) else { return }
        if paths.count >= PathMachine.maximumPaths {
            guard
                let index = paths.indices.first(where: { !paths[$0].isValid && $0 != selectedIndex }
                )
            else { return }
            remove(index)
        }
        paths.append(Path(endpoint, now: now))
    }

    private mutating func remove(_ index: Int) {
        lastProbeOfValid[paths[index].endpoint] = nil
        paths.remove(at: index)
        if let selected = selectedIndex, selected > index { selectedIndex = selected - 1 }
    }

    private mutating func expire(now: Instant) {
        for index in paths.indices where paths[index].isValid && index != selectedIndex {
            let heard = paths[index].lastAnswer ?? .zero
            if now >= heard + PathMachine.warmProbeInterval + PathMachine.validLifetime {
                paths[index].invalidate(now: now)
            }
        }
    }

    private mutating func choose(answered index: Int, now: Instant) {
        guard let selected = selectedIndex else { return select(index) }
        guard selected != index else { return }
        let isSilent = selectedHeard + PathMachine.silence < now
        if isSilent || roamingTo == paths[index].endpoint {
            // The old path is dead, or the peer speaks from a new address: follow it at once.
            roamingTo = nil
            holdUntil = now + PathMachine.roamHold
            return select(index)
        }
        guard now >= holdUntil else { return }
        if score(index) + PathMachine.hysteresis < score(selected) { select(index) }
    }

    private mutating func select(_ index: Int) {
        guard selectedIndex != index else { return }
        selectedIndex = index
        selected = paths[index].endpoint
        selectedHeard = paths[index].lastHeard ?? .zero
        changed = true
    }

    private func score(_ index: Int) -> Duration {
        let trip = paths[index].roundTrip ?? .seconds(60)
        return paths[index].endpoint.ipv4 == nil ? trip - PathMachine.ipv6Bonus : trip
    }
}
