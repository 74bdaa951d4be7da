internal import VCCore

/// What all options together say: those of a call, and what only one command takes.
struct CommandOptions: Equatable, Sendable {
    var call = CallOptions()
    /// `--out`.
    var directory: String?
    /// `--open`.
    var acceptsWeakPhrase = false
    /// `--config`.
    var configuration: String?
    /// Two that mean the same to a call.
    var isRelayOnly = false
    var isNotDirect = false
    /// `help --man`.
    var isManualPage = false

    /// What is told by more than one option, and what excludes what.
    mutating func finish() throws(UsageError) {
        call.rungs.allowsDirect = !isRelayOnly && !isNotDirect
        if !call.rungs.allowsDirect, !call.rungs.allowsRelay {
            throw UsageError("without direct paths and without relays there is no way to anybody")
        }
        if let shortest = call.shortestBuffer, let longest = call.longestBuffer, shortest > longest
        {
            throw UsageError("`buffer-min` may not be more than `buffer-max`")
        }
    }
}

extension CallOptions {
    /// One of the two forms that exclude each other, chosen or not.
    var isPlain: Bool {
        get { form == .plain }
        set { if newValue { form = .plain } else if form == .plain { form = .screen } }
    }

    var isJSON: Bool {
        get { form == .json }
        set { if newValue { form = .json } else if form == .json { form = .screen } }
    }
}
