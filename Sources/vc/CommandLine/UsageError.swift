internal import VCCore

/// What was asked for was not understood: one sentence that says what was wrong and what to do, and
/// the exit status.
struct UsageError: Error, Equatable {
    /// The sentence, safe to print.
    let message: String
    /// 64 where the command line is wrong, 78 for the configuration, 66 where it cannot be read.
    let status: ExitStatus

    init(_ message: String, _ status: ExitStatus = .usage) {
        self.message = DisplayText(message: message).text
        self.status = status
    }
}
