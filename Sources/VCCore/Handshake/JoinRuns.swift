/// The runs at a host's door: who gets a place, and whose proof is opened next.
///
/// Sources that guessed wrong less often go first in both, so that a flood of wrong proofs, which
/// makes each of its sources a worse one, does not keep out who knows the words. Among equals the
/// one that came last is served first: a joiner waits three seconds, and a queue that is longer
/// than that would be opened in vain.
struct JoinRuns {
    static let maximumCount = 32

    private(set) var all: [JoinRun] = []

    /// When the next run ends.
    var nextEnd: Instant? { all.map(\.deadline).min() }

    var hasWaiting: Bool { all.contains { $0.isWaiting } }

    func run(_ mailbox: UInt32, _ session: Block16) -> JoinRun? {
        all.first { $0.mailbox == mailbox && $0.session == session }
    }

    mutating func add(_ run: JoinRun, at place: Place) {
        if case .of(let other) = place { all.removeAll { $0 === other } }
        all.append(run)
    }

    mutating func expire(now: Instant) {
        all.removeAll { now >= $0.deadline }
    }

    /// A place for a new run.
    enum Place {
        case free
        /// This one must go for it.
        case of(JoinRun)
        /// All others have a better right to theirs.
        case none
    }

    /// The place for a new run of `tag`.
    func place(for tag: UInt64, failures: (UInt64) -> Int) -> Place {
        guard all.count >= JoinRuns.maximumCount else { return .free }
        // A refused run is kept only to say so again.
        if let refused = all.first(where: \.isRefused) { return .of(refused) }
        let own = burden(tag, failures)
        var worst: (burden: (failures: Int, runs: Int), run: JoinRun)?
        for run in all where !run.isEnded {
            let burden = burden(run.tag, failures)
            if burden > worst?.burden ?? (own.failures, own.runs + 1) { worst = (burden, run) }
        }
        return worst.map { .of($0.run) } ?? .none
    }

    /// The run whose proof is opened next.
    func nextWaiting(failures: (UInt64) -> Int) -> JoinRun? {
        var best: (failures: Int, arrival: Instant, run: JoinRun)?
        for run in all where run.isWaiting {
            // Since when the source is here, not the run: a new run does not make it younger.
            let (failures, arrival) = (failures(run.tag), arrival(run.tag))
            let isBetter =
                best.map { ($0.failures, arrival) > (failures, $0.arrival) } ?? true
            if isBetter { best = (failures, arrival, run) }
        }
        return best?.run
    }

    private func burden(_ tag: UInt64, _ failures: (UInt64) -> Int) -> (failures: Int, runs: Int) {
        (failures(tag), all.count { $0.tag == tag && !$0.isEnded })
    }

    private func arrival(_ tag: UInt64) -> Instant {
        all.filter { $0.tag == tag }.map(\.deadline).min() ?? .zero
    }
}

extension JoinRun {
    var isWaiting: Bool {
        if case .waiting = state { return true }
        return false
    }

    var isRefused: Bool {
        if case .refused = state { return true }
        return false
    }

    /// Whether its answer stands.
    var isEnded: Bool {
        switch state {
        case .open, .waiting, .proven: false
        case .done, .refused: true
        }
    }
}
