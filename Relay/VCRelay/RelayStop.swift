internal import Synchronization
public import VCNet

/// Ends the workers of a relay: the first request lets them drain, the second one ends them at
/// once. Requests may come from any thread.
public final class RelayStop: Sendable {
    private let requests = Atomic<Int>(0)
    private let running: Atomic<Int>
    let wakeups: [Wakeup]

    public init(workers: Int) throws(SystemError) {
        var wakeups: [Wakeup] = []
        for _ in 0..<workers { wakeups.append(try Wakeup()) }
        self.wakeups = wakeups
        running = Atomic(workers)
    }

    public func request() {
        requests.wrappingAdd(1, ordering: .releasing)
        wakeups.forEach { $0.signal() }
    }

    /// Whether anybody has asked.
    var isRequested: Bool { requests.load(ordering: .acquiring) > 0 }
    /// Whether nothing is worth waiting for any more.
    var isImmediate: Bool { requests.load(ordering: .acquiring) > 1 }
    /// Whether all workers have drained.
    public var isOver: Bool { running.load(ordering: .acquiring) <= 0 }

    /// A worker has drained.
    func workerIsDone() {
        running.wrappingSubtract(1, ordering: .acquiringAndReleasing)
        wakeups.forEach { $0.signal() }
    }
}
