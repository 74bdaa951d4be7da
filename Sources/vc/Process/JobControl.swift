internal import Glibc
internal import VCNet

/// What a shell does with its jobs: stopped by Ctrl-Z, continued in front or behind.
enum JobControl {
    /// How often it is looked whether the terminal is ours again, where nothing can stop us.
    private static let lookMicroseconds: useconds_t = 100_000

    /// Whether standard input, where it is a terminal, is ours to read and to draw on.
    static var isInFront: Bool {
        let group = tcgetpgrp(STDIN_FILENO)
        return group < 0 || group == getpgrp()
    }

    /// Stops until somebody says to go on. Not where nobody could: no shell has a job of what a
    /// terminal was opened for (POSIX: SIGTSTP is for process groups that are not orphaned).
    static func stop() {
        var signals = sigset_t()
        var before = sigset_t()
        unsafe sigemptyset(&signals)
        unsafe sigaddset(&signals, SIGTSTP)
        signal(SIGTSTP, SIG_DFL)
        raise(SIGTSTP)
        unsafe pthread_sigmask(SIG_UNBLOCK, &signals, &before)
        unsafe pthread_sigmask(SIG_SETMASK, &before, nil)
    }

    /// The same, until the terminal is ours again; false when the program is to end instead.
    static func stopUntilInFront() -> Bool {
        while true {
            stop()
            if TerminationSignals.isAnyPending { return false }
            if isInFront { return true }
            usleep(lookMicroseconds)
        }
    }
}
