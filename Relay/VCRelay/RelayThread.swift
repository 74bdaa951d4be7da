internal import CVCLinux
internal import Glibc
public import VCNet

/// Runs a worker of a relay on a thread of its own.
@safe public final class RelayThread: @unchecked Sendable {
    private var worker: RelayWorker
    private let stop: RelayStop
    private let index: Int
    private var thread = pthread_t()

    /// Nothing runs yet.
    public init(_ worker: consuming RelayWorker, stop: RelayStop, index: Int) {
        self.worker = worker
        self.stop = stop
        self.index = index
    }

    /// Starts the thread. Throws where the system has none left.
    public func start() throws(SystemError) {
        let context = unsafe Unmanaged.passRetained(self)
        let code = unsafe pthread_create(
            &thread, nil,
            { raw in
                guard let raw = unsafe raw else { return nil }
                let relay = unsafe Unmanaged<RelayThread>.fromOpaque(raw).takeRetainedValue()
                unsafe _ = vc_set_thread_name("vc-relay-\(relay.index)")
                do throws(SystemError) {
                    try relay.worker.run(stop: relay.stop, index: relay.index)
                } catch {
                    // A relay with a dead worker is to be started again as a whole.
                    StandardStream.diagnostics.write(line: "vc-relay: \(error)")
                    relay.stop.workerIsDone()
                    relay.stop.request()
                }
                return nil
            }, context.toOpaque())
        guard code == 0 else {
            unsafe context.release()
            throw SystemError(code: code, call: "pthread_create")
        }
    }

    /// Waits until the worker has ended.
    public func join() {
        _ = pthread_join(thread, nil)
    }
}
