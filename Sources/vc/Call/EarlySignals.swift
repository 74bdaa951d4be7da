internal import CVCLinux
internal import Glibc
internal import VCNet

/// Signals before the event loop of the call runs, for which they are held back from the start on:
/// here they do what they do to any program that asks something, or waits for the network.
enum EarlySignals {
    private static let ending = [SIGINT, SIGTERM, SIGHUP]
    /// How often it is looked for signals: nobody waits for that.
    private static let lookMilliseconds: CInt = 100

    /// The next byte that is typed; nil at the end of the input.
    ///
    /// - Parameters:
    ///   - release: gives the terminal back, before the program stops or ends.
    ///   - resume: takes it again.
    static func nextByte(release: () -> Void = {}, resume: () -> Void = {}) -> UInt8? {
        var isReadable = false
        while !isReadable {
            isReadable = vc_poll_readable(STDIN_FILENO, lookMilliseconds) == 1
            if isPending(SIGTSTP) { stop(release: release, resume: resume) }
            if TerminationSignals.isAnyPending {
                release()
                StandardStream.diagnostics.write("\n")
                exit(ExitStatus.interrupted.rawValue)
            }
        }
        var byte: UInt8 = 0
        while true {
            let count = unsafe Glibc.read(STDIN_FILENO, &byte, 1)
            if count < 0, errno == EINTR { continue }
            return count == 1 ? byte : nil
        }
    }

    /// Does what takes the system as long as it likes. A signal that ends the program does so at
    /// once meanwhile.
    static func letThrough<Value>(_ body: () throws(CallFailure) -> Value) throws(CallFailure)
        -> Value
    {
        var signals = sigset_t()
        var before = sigset_t()
        unsafe sigemptyset(&signals)
        for number in ending where !CallSignals.isIgnored(number) {
            unsafe sigaddset(&signals, number)
            // Only what may be called in a handler.
            signal(number) { _ in _exit(ExitStatus.interrupted.rawValue) }
        }
        unsafe pthread_sigmask(SIG_UNBLOCK, &signals, &before)
        defer { unsafe pthread_sigmask(SIG_SETMASK, &before, nil) }
        return try body()
    }

    private static func isPending(_ number: CInt) -> Bool {
        var pending = sigset_t()
        guard unsafe sigpending(&pending) == 0 else { return false }
        return unsafe sigismember(&pending, number) == 1
    }

    /// Ctrl-Z. The signal is taken, or it would stop the call that begins later.
    private static func stop(release: () -> Void, resume: () -> Void) {
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        unsafe sigaddset(&signals, SIGTSTP)
        var none = timespec()
        _ = unsafe sigtimedwait(&signals, nil, &none)
        release()
        if JobControl.stopUntilInFront() { resume() }
    }
}
