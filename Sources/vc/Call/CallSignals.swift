internal import Glibc
internal import VCNet

/// The signals that a call reads in its event loop.
enum CallSignals {
    /// To be called before the first thread starts.
    static func open() throws(SystemError) -> TerminationSignals {
        var others = [SIGWINCH, SIGTSTP, SIGCONT, SIGCHLD]
        // The terminal is gone: a call ends with it, unless it was started to outlive it (nohup).
        if !isIgnored(SIGHUP) { others.append(SIGHUP) }
        return try TerminationSignals(and: others)
    }

    static func isIgnored(_ number: CInt) -> Bool {
        var action = sigaction()
        guard unsafe sigaction(number, nil, &action) == 0 else { return false }
        let handler = unsafe action.__sigaction_handler.sa_handler
        let ignored = unsafe unsafeBitCast(SIG_IGN, to: Int.self)
        return unsafe unsafeBitCast(handler, to: Int.self) == ignored
    }
}
