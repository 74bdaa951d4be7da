internal import VCCore

/// The words of the command line after the program's name. They are asked for one by one and only
/// when they cannot be a room code, so that a code never becomes a String.
struct Arguments {
    let count: Int
    /// The argument at a place.
    let text: (Int) -> String
    /// Whether the argument at a place begins with a dash and goes on.
    let isOption: (Int) -> Bool
    /// Whether the argument at a place is a dash and nothing else.
    let isDash: (Int) -> Bool

    init(
        count: Int, text: @escaping (Int) -> String, isOption: @escaping (Int) -> Bool,
        isDash: @escaping (Int) -> Bool = { _ in false }
    ) {
        self.count = count
        self.text = text
        self.isOption = isOption
        self.isDash = isDash
    }
}

/// What of the environment counts.
struct Environment: Equatable {
    /// $VC_SIGNAL.
    var signal: String?
    /// Whether $VC_SIGNAL_TOKEN is set and not empty.
    var hasSignalToken = false
    /// Whether $VC_CODE is set and not empty; its bytes are read where the code is needed.
    var hasCode = false
    /// The same of $VC_PHRASE.
    var hasPhrase = false
}

extension Invocation {
    /// Reads the command line as everybody expects (clig.dev): options before, between and behind
    /// operands, `--option=value` and `--option value`, the last of several wins, `--` ends the
    /// options, `-h` and `--help` anywhere.
    init(_ arguments: Arguments, environment: Environment) throws(UsageError) {
        guard arguments.count > 0 else {
            throw UsageError(
                "which command? `vc host` makes a room, `vc join CODE` enters one, "
                    + "`vc help` explains the rest")
        }
        let first = arguments.text(0)
        switch first {
        case "-h", "--help":
            self = .help(nil)
            return
        case "-V", "--version":
            self = .version
            return
        default: break
        }
        guard let command = Command(rawValue: first) else { throw unknownCommand(first) }
        if asksForHelp(arguments) {
            self = .help(command == .help ? nil : command)
            return
        }
        var reader = OptionReader(command: command, arguments: arguments)
        try reader.readAll()
        try self.init(command, reader: reader, environment: environment)
    }

    private init(
        _ command: Command, reader: OptionReader, environment: Environment
    ) throws(UsageError) {
        var options = reader.options
        if Option.signal.commands.contains(command), options.signal == nil,
            let signal = environment.signal, !signal.isEmpty
        {
            guard let server = ServerName(signal) else {
                throw UsageError("$VC_SIGNAL must be HOST or HOST:PORT, not `\(signal)`")
            }
            options.signal = server
        }
        if Option.signalTokenFile.commands.contains(command), environment.hasSignalToken {
            options.signalToken = options.signalToken ?? .environment
        }
        switch command {
        case .host: self = .host(options)
        case .join:
            let places = reader.operands
            let code: CodeSource =
                !places.isEmpty
                ? .arguments(places) : environment.hasCode ? .environment : .terminal
            self = .join(options, code: code)
        case .tune:
            guard options.signal != nil else {
                throw UsageError(
                    "`vc tune` meets at a signaling server: give --signal HOST[:PORT], or set "
                        + "$VC_SIGNAL; `vc host` needs none")
            }
            self = .tune(
                options, phrase: phrase(reader, environment),
                acceptsWeak: reader.acceptsWeakPhrase)
        case .demo: self = .demo(json: options.form == .json, directory: reader.directory)
        case .doctor: self = .doctor(options)
        case .devices: self = .devices(json: options.form == .json)
        case .version: self = .version
        case .help:
            guard let place = reader.operands.first else {
                self = .help(nil)
                return
            }
            let topic = reader.arguments.text(place)
            guard let command = Command(rawValue: topic) else { throw unknownCommand(topic) }
            self = .help(command)
        }
    }
}

/// Where the phrase stands. A lone dash asks for it, so that it stands in no history.
private func phrase(_ reader: OptionReader, _ environment: Environment) -> PhraseSource {
    let places = reader.operands
    if places.count == 1, reader.arguments.isDash(places[0]) { return .terminal }
    if !places.isEmpty { return .arguments(places) }
    return environment.hasPhrase ? .environment : .made
}

private func asksForHelp(_ arguments: Arguments) -> Bool {
    for place in 1..<max(1, arguments.count) where arguments.isOption(place) {
        switch arguments.text(place) {
        case "-h", "--help": return true
        case "--": return false
        default: continue
        }
    }
    return false
}

private func unknownCommand(_ typed: String) -> UsageError {
    if Command.later.contains(typed) {
        return UsageError("`vc \(typed)` is not available in this version")
    }
    // Somebody left out `join`: what stands there is a secret and is not repeated.
    if typed.utf8.first.map({ (48...57).contains($0) }) == true {
        return UsageError("a room code goes with `vc join CODE`")
    }
    if let meant = nearest(to: typed, among: Command.allCases.map(\.rawValue)) {
        return UsageError("there is no command `\(typed)`; did you mean `vc \(meant)`?")
    }
    return UsageError("there is no command `\(typed)`; `vc help` lists them")
}
