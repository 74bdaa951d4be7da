internal import CVCLinux
internal import Glibc

/// A thread with a name and, where it is asked for and the system grants it, real-time priority.
@safe
final class AudioThread {
    /// Enough for libopus and libsndfile, which keep their work space on the stack; memory is taken
    /// only as far as it is used.
    private static let stackSize = 512 * 1_024
    /// SCHED_FIFO 10: above everything that is not sound, below the sound server's own.
    private static let priority: Int32 = 10
    /// Where that is refused: what desktops give to sound that is not real-time.
    private static let nice: Int32 = -11

    private final class Body {
        let name: String
        let isRealTime: Bool
        let run: (_ realTimeError: Int32) -> Void

        init(name: String, isRealTime: Bool, run: @escaping (Int32) -> Void) {
            self.name = name
            self.isRealTime = isRealTime
            self.run = run
        }
    }

    private var thread = pthread_t()
    private var isRunning = false

    /// Runs `body` until it returns; it is told what `raisePriority` gave.
    init(
        name: String, isRealTime: Bool = true, body: @escaping (_ realTimeError: Int32) -> Void
    ) throws(DeviceError) {
        var attributes = pthread_attr_t()
        unsafe pthread_attr_init(&attributes)
        defer { unsafe pthread_attr_destroy(&attributes) }
        unsafe pthread_attr_setstacksize(&attributes, Self.stackSize)
        let context = unsafe Unmanaged.passRetained(
            Body(name: name, isRealTime: isRealTime, run: body))
        let result = unsafe pthread_create(
            &thread, &attributes,
            { raw in
                guard let raw = unsafe raw else { return nil }
                let body = unsafe Unmanaged<Body>.fromOpaque(raw).takeRetainedValue()
                unsafe _ = vc_set_thread_name(body.name)
                body.run(body.isRealTime ? AudioThread.raisePriority() : 0)
                return nil
            }, context.toOpaque())
        guard result == 0 else {
            unsafe context.release()
            throw .unavailable(device: "thread \(name)", reason: errorText(result))
        }
        isRunning = true
    }

    /// The errno value of a refused real-time priority, negative where the thread was at least
    /// made nicer to itself; or 0.
    private static func raisePriority() -> Int32 {
        let error = vc_set_thread_realtime(priority)
        return error != 0 && vc_set_thread_nice(nice) == 0 ? -error : error
    }

    deinit {
        // It goes on by itself.
        if isRunning { pthread_detach(thread) }
    }

    /// Waits for the thread's end.
    func join() {
        guard isRunning else { return }
        isRunning = false
        _ = pthread_join(thread, nil)
    }

    /// Waits for the thread's end until `deadline`, in nanoseconds of CLOCK_MONOTONIC; whether it
    /// came.
    func join(until deadline: UInt64) -> Bool {
        guard isRunning else { return true }
        isRunning = vc_join_thread(thread, deadline) != 0
        return !isRunning
    }
}
