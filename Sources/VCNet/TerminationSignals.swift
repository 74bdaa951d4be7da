internal import CVCLinux
internal import Glibc

/// SIGINT and SIGTERM as something to read in the event loop (signalfd) instead of a handler that
/// may do nothing. Make it before the first thread starts: threads inherit what is blocked.
public struct TerminationSignals: ~Copyable {
    private let descriptor: FileDescriptor

    /// Blocks both signals and `others` for this thread and those it starts, and opens the
    /// descriptor.
    public init(and others: [CInt] = []) throws(SystemError) {
        var set = sigset_t()
        unsafe sigemptyset(&set)
        unsafe sigaddset(&set, SIGINT)
        unsafe sigaddset(&set, SIGTERM)
        for signal in others { unsafe sigaddset(&set, signal) }
        let code = unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
        guard code == 0 else { throw SystemError(code: code, call: "pthread_sigmask") }
        descriptor = FileDescriptor(
            try attempt("signalfd") {
                unsafe signalfd(-1, &set, CInt(SFD_NONBLOCK | SFD_CLOEXEC))
            } ?? -1)
    }

    /// Whether a signal that ends the program is held back, and nobody has read it yet.
    public static var isAnyPending: Bool {
        var pending = sigset_t()
        guard unsafe sigpending(&pending) == 0 else { return false }
        return [SIGINT, SIGTERM, SIGHUP].contains { unsafe sigismember(&pending, $0) == 1 }
    }

    /// The number for an event loop to watch for reading.
    public var descriptorNumber: CInt { descriptor.number }

    /// The number of the next signal that came, or nil.
    public func next() -> CInt? {
        var info = signalfd_siginfo()
        let size = MemoryLayout<signalfd_siginfo>.size
        guard unsafe read(descriptor.number, &info, size) == size else { return nil }
        return CInt(bitPattern: info.ssi_signo)
    }
}
