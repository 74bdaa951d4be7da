/// How the process ends, for scripts (the numbers of BSD's sysexits, and the shell's for SIGINT).
enum ExitStatus: Int32, CaseIterable, Equatable {
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

    /// For people.
    var meaning: String {
        switch self {
        case .success: "left normally"
        case .usage: "the command line was not understood"
        case .unreadableFile: "a file cannot be read"
        case .unavailable: "a server, device or port is not available"
        case .protocolViolation: "the other side broke the protocol, or speaks another version"
        case .refused: "the code was refused, or there is no such room"
        case .configuration: "the configuration file is wrong"
        case .interrupted: "interrupted, after leaving properly"
        }
    }
}
