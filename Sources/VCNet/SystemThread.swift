internal import CVCLinux
internal import Glibc

/// A thread of its own, for what blocks or must not wait for others.
@safe public struct SystemThread: @unchecked Sendable {
    private let thread: pthread_t

    /// What the thread does, kept until it has begun.
    private final class Work: Sendable {
        let name: String
        let body: @Sendable () -> Void

        init(_ name: String, _ body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    /// Starts a thread. Throws where the system has none left.
    ///
    /// - Parameter name: what `ps -T` shows; 15 bytes at most.
    public init(named name: String, _ body: @escaping @Sendable () -> Void) throws(SystemError) {
        let context = unsafe Unmanaged.passRetained(Work(name, body))
        var thread = pthread_t()
        let code = unsafe pthread_create(
            &thread, nil,
            { raw in
                guard let raw = unsafe raw else { return nil }
                let work = unsafe Unmanaged<Work>.fromOpaque(raw).takeRetainedValue()
                unsafe _ = vc_set_thread_name(work.name)
                work.body()
                return nil
            }, context.toOpaque())
        guard code == 0 else {
            unsafe context.release()
            throw SystemError(code: code, call: "pthread_create")
        }
        self.thread = thread
    }

    /// Waits until it has ended. Once, and not after `detach`.
    public func join() { _ = pthread_join(thread, nil) }

    /// Lets it end by itself: it may be inside of a library for seconds.
    public func detach() { pthread_detach(thread) }
}
