public import VCNet

/// Runs a worker of a relay on a thread of its own.
@safe public final class RelayThread: @unchecked Sendable {
    private var worker: RelayWorker
    private let stop: RelayStop
    private let index: Int
    private var thread: SystemThread?

    /// Nothing runs yet.
    public init(_ worker: consuming RelayWorker, stop: RelayStop, index: Int) {
        self.worker = worker
        self.stop = stop
        self.index = index
    }

    /// Starts the thread. Throws where the system has none left.
    public func start() throws(SystemError) {
        thread = try SystemThread(named: "vc-relay-\(index)") { self.run() }
    }

    private func run() {
        do throws(SystemError) {
            try worker.run(stop: stop, index: index)
        } catch {
            // A relay with a dead worker is to be started again as a whole.
            StandardStream.diagnostics.write(line: "vc-relay: \(error)")
            stop.workerIsDone()
            stop.request()
        }
    }

    /// Waits until the worker has ended.
    public func join() { thread?.join() }
}
