/// How the process ends, for scripts (the numbers of BSD's sysexits, and the shell's for SIGINT).
enum ExitStatus: Int32, Equatable {
    /// Left normally.
    case success = 0
    /// The command line was not understood.
    case usage = 64
    /// A file cannot be read.
    case unreadableFile = 66
    /// A server or device is unavailable.
    case unavailable = 69
    /// The other side broke the protocol.
    case protocolViolation = 76
    /// The code was refused.
    case refused = 77
    /// The configuration is wrong.
    case configuration = 78
    /// Interrupted, after leaving properly.
    case interrupted = 130
}
