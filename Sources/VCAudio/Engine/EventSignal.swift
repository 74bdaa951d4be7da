internal import CVCLinux
internal import Glibc

/// An eventfd: wakes a thread that polls. Signals before a wait are not lost, and add up to one.
struct EventSignal: ~Copyable {
    /// For poll and epoll; readable while a signal is pending.
    let descriptor: Int32

    /// Fails with the errno value when the process has no descriptors left.
    init() throws(DeviceError) {
        descriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard descriptor >= 0 else {
            throw .unavailable(device: "eventfd", reason: errorText(errno))
        }
    }

    deinit {
        Glibc.close(descriptor)
    }

    func signal() {
        var one: UInt64 = 1
        // It fails only when the counter is full, which is a pending signal too.
        unsafe _ = write(descriptor, &one, 8)
    }

    /// Waits for a signal, `milliseconds` at most (-1: without end), and takes it.
    func wait(milliseconds: Int32) {
        _ = vc_poll_readable(descriptor, milliseconds)
        var count: UInt64 = 0
        unsafe _ = read(descriptor, &count, 8)
    }
}
