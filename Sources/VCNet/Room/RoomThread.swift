internal import CVCLinux

/// Runs a room loop on a thread of its own.
@safe public final class RoomThread: @unchecked Sendable {
    private var loop: RoomLoop
    private var thread: SystemThread?

    /// Nothing runs yet.
    public init(_ loop: consuming RoomLoop) {
        self.loop = loop
    }

    /// Starts the thread. Throws where the system has none left.
    public func start() throws(SystemError) {
        thread = try SystemThread(named: "vc-network") {
            // Above the game, below the sound; refused without the right to it, and that is fine.
            _ = vc_set_thread_realtime(5)
            // The loop tells its end through the link, also when a system call failed.
            try? self.loop.run()
        }
    }

    /// Waits until the loop has ended.
    public func join() { thread?.join() }
}
