internal import VCCore
internal import VCHelp

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

/// The command line, understood.
struct CommandLineReading {
    let invocation: Invocation
    /// What the person should know before it is done.
    private(set) var warnings: [String] = []

    /// Reads the command line as everybody expects (clig.dev): options before, between and behind
    /// operands, `--option=value` and `--option value`, the last of several wins, `--` ends the
    /// options, `-h` and `--help` anywhere. Below the options stand the environment and the
    /// configuration file.
    init(_ arguments: Arguments, environment: Environment) throws(UsageError) {
        guard arguments.count > 0 else {
            throw UsageError(
                "which command? `vc host` makes a room, `vc join CODE` enters one, "
                    + "`vc help` explains the rest")
        }
        let first = arguments.text(0)
        switch first {
        case "-h", "--help":
            invocation = .help(.overview)
            return
        case "-V", "--version":
            invocation = .version
            return
        default: break
        }
        guard let command = Command(rawValue: first) else { throw unknownCommand(first) }
        if asksForHelp(arguments) {
            invocation = .help(command == .help ? .overview : .command(command))
            return
        }
        var reader = OptionReader(command: command, arguments: arguments)
        try reader.readAll()
        var said = Said(reader, environment)
        invocation = try said.invocation()
        warnings = said.warnings
    }
}

/// All that was said, in three places, for one command.
private struct Said {
    private let reader: OptionReader
    private let environment: Environment
    private var file: ConfigurationFile?
    private var path: String?
    private(set) var warnings: [String] = []

    init(_ reader: OptionReader, _ environment: Environment) {
        self.reader = reader
        self.environment = environment
    }

    mutating func invocation() throws(UsageError) -> Invocation {
        switch reader.command {
        case .host, .join, .tune, .doctor, .devices, .demo, .config: break
        case .send, .who, .ptt, .mute, .unmute: return .control(try reader.controlRequest())
        case .version: return .version
        case .completion: return .completion(try shell())
        case .help: return .help(try topic())
        }
        try readFile()
        warnings += (file?.warnings ?? []) + environment.misspelled
        guard reader.command != .config else { return .config(try report()) }
        if let problem = file?.problems.first {
            let more = (file?.problems.count ?? 0) > 1 ? " (`vc config` tells what else)" : ""
            throw UsageError(problem.message + more, problem.status)
        }
        return try call(try settings(for: reader.command))
    }

    private mutating func readFile() throws(UsageError) {
        let flag = reader.flags.last { $0.option.name == "config" }
        let given = try flag.map { flag throws(UsageError) in
            guard !flag.text.isEmpty else { throw UsageError("--config must be a file") }
            return flag.text
        }
        path = given ?? environment.chosenConfiguration ?? environment.configurationPath
        let isRequired = given != nil || environment.chosenConfiguration != nil
        file = try path.flatMap { path throws(UsageError) in
            try ConfigurationFile(path: path, isRequired: isRequired)
        }
    }

    /// What holds for a command.
    private func settings(for command: Command) throws(UsageError) -> Settings {
        var settings = Settings()
        for setting in file?.settings(for: command) ?? [] {
            try settings.apply(setting, path: path ?? "")
        }
        for option in Option.all where option.isSetting && option.isTaken(by: command) {
            guard let text = environment.value(of: option) else { continue }
            try settings.apply(Setting(option: option, text: text, source: .environment))
        }
        for flag in reader.flags { try settings.apply(flag) }
        try settings.finish()
        return settings
    }

    private func report() throws(UsageError) -> ConfigurationReport {
        let command = try reader.word(0).map { word throws(UsageError) in
            guard let command = Command(rawValue: word) else { throw unknownCommand(word) }
            return command
        }
        return ConfigurationReport(
            try settings(for: command ?? .config), environment, file: file, path: path,
            command: command)
    }

    // MARK: Commands

    private func call(_ settings: Settings) throws(UsageError) -> Invocation {
        var options = settings.options.call
        let command = reader.command
        if let source = secret(.signalToken), isAbove(source, settings.held["signal-token-file"]) {
            switch source {
            case .environment: options.signalToken = .environment
            case .configuration(let place): options.signalToken = .configuration(place)
            }
        }
        switch command {
        case .join: return .join(options, code: code)
        case .tune:
            guard options.signal != nil else {
                throw UsageError(
                    "`vc tune` meets at a signaling server: give --signal HOST[:PORT], or set "
                        + "$VC_SIGNAL; `vc host` needs none")
            }
            return .tune(
                options, phrase: phrase, acceptsWeak: settings.options.acceptsWeakPhrase)
        case .demo:
            return .demo(json: options.form == .json, directory: settings.options.directory)
        case .doctor: return .doctor(options)
        case .devices: return .devices(json: options.form == .json)
        default: return .host(options)
        }
    }

    /// Where a secret that is no operand stands.
    private enum SecretSource {
        case environment
        case configuration(SecretPlace)
    }

    private func secret(_ secret: SecretSetting) -> SecretSource? {
        guard secret.commands.contains(reader.command) else { return nil }
        if environment.has(secret) { return .environment }
        return file?.place(of: secret, for: reader.command).map { .configuration($0) }
    }

    /// Whether a token counts for more than the file that was named for one.
    private func isAbove(_ source: SecretSource, _ named: Setting?) -> Bool {
        switch (source, named?.source) {
        case (_, nil): true
        case (.environment, .file): true
        default: false
        }
    }

    private var code: CodeSource {
        if !reader.operands.isEmpty { return .arguments(reader.operands) }
        switch secret(.code) {
        case .environment: return .environment
        case .configuration(let place): return .configuration(place)
        case nil: return .terminal
        }
    }

    /// Where the phrase stands. A lone dash asks for it, so that it stands in no history.
    private var phrase: PhraseSource {
        let places = reader.operands
        if places.count == 1, reader.arguments.isDash(places[0]) { return .terminal }
        if !places.isEmpty { return .arguments(places) }
        switch secret(.phrase) {
        case .environment: return .environment
        case .configuration(let place): return .configuration(place)
        case nil: return .made
        }
    }

    private func shell() throws(UsageError) -> Shell {
        guard let word = reader.word(0), let shell = Shell(rawValue: word) else {
            throw UsageError("`vc completion` takes one word: bash, zsh or fish")
        }
        return shell
    }

    private func topic() throws(UsageError) -> HelpTopic {
        if reader.flags.contains(where: { $0.option.name == "man" }) { return .manualPage }
        guard let word = reader.word(0) else { return .overview }
        if word == "events" { return .events }
        guard let command = Command(rawValue: word) else { throw unknownCommand(word) }
        return .command(command)
    }
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
    // Somebody left out `join`: what stands there is a secret and is not repeated.
    if typed.utf8.first.map({ (48...57).contains($0) }) == true {
        return UsageError("a room code goes with `vc join CODE`")
    }
    if let meant = nearest(to: typed, among: Command.allCases.map(\.rawValue)) {
        return UsageError("there is no command `\(typed)`; did you mean `vc \(meant)`?")
    }
    return UsageError("there is no command `\(typed)`; `vc help` lists them")
}
