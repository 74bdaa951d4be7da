internal import CVCLinux
internal import Glibc

/// Runs a room loop on a thread of its own.
@safe public final class RoomThread: @unchecked Sendable {
    private var loop: RoomLoop
    private var thread = pthread_t()

    /// Nothing runs yet.
    public init(_ loop: consuming RoomLoop) {
        self.loop = loop
    }

    /// Starts the thread. Throws where the system has none left.
    public func start() throws(SystemError) {
        let context = unsafe Unmanaged.passRetained(self)
        let code = unsafe pthread_create(
            &thread, nil,
            { raw in
                guard let raw = unsafe raw else { return nil }
                let room = unsafe Unmanaged<RoomThread>.fromOpaque(raw).takeRetainedValue()
                unsafe _ = vc_set_thread_name("vc-network")
                // Above the game, below the sound; refused without the right to it, and that is
                // fine.
                _ = vc_set_thread_realtime(5)
                // The loop tells its end through the link, also when a system call failed.
                try? room.loop.run()
                return nil
            }, context.toOpaque())
        guard code == 0 else {
            unsafe context.release()
            throw SystemError(code: code, call: "pthread_create")
        }
    }

    /// Waits until the loop has ended.
    public func join() {
        _ = pthread_join(thread, nil)
    }
}
