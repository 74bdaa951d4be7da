internal import CVCLinux
internal import Glibc

/// An eventfd by which another thread, or a signal handler, wakes an event loop.
public final class Wakeup: Sendable {
    /// The number for an event loop to watch for reading.
    public let descriptorNumber: CInt

    public init() throws(SystemError) {
        descriptorNumber =
            try attempt("eventfd") { eventfd(0, CInt(EFD_NONBLOCK | EFD_CLOEXEC)) } ?? -1
    }

    /// Wakes the loop. One write, no lock, no allocation: safe in a signal handler and on the audio
    /// path. Signals that come before the loop looks are one.
    public func signal() {
        var one: UInt64 = 1
        let saved = errno
        // Would-block means that the counter is full, so the loop is awake already.
        _ = unsafe write(descriptorNumber, &one, 8)
        errno = saved
    }

    /// Takes note of all signals so far.
    ///
    /// - Returns: whether there was one.
    @discardableResult
    public func acknowledge() -> Bool {
        var count: UInt64 = 0
        return unsafe read(descriptorNumber, &count, 8) == 8
    }

    deinit {
        _ = close(descriptorNumber)
    }
}
