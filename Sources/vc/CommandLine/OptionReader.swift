internal import VCCore
internal import VCHelp

/// Reads the options and operands that follow a command.
struct OptionReader {
    let command: Command
    let arguments: Arguments
    /// What the options said, in their order.
    private(set) var flags: [Setting] = []
    /// The places of what is no option.
    private(set) var operands: [Int] = []

    init(command: Command, arguments: Arguments) {
        self.command = command
        self.arguments = arguments
    }

    mutating func readAll() throws(UsageError) {
        var place = 1
        var optionsEnded = false
        while place < arguments.count {
            if !optionsEnded, arguments.isOption(place) {
                let text = arguments.text(place)
                if text == "--" { optionsEnded = true } else { try readOption(text, &place) }
            } else {
                operands.append(place)
            }
            place += 1
        }
        try checkOperands()
        if isOn("plain"), isOn("json") {
            throw UsageError("--plain and --json exclude each other; give one of them")
        }
    }

    private func isOn(_ name: String) -> Bool {
        let last = flags.last { $0.option.name == name }
        return last.flatMap { Option.toggleWords[$0.text.lowercased()] } ?? false
    }

    private func checkOperands() throws(UsageError) {
        switch command {
        case .join, .tune, .send, .ptt: return
        case .help, .config, .completion:
            guard operands.count > 1 else { return }
            throw UsageError(
                "`vc \(command.rawValue)` takes one word: \(command.operand ?? "COMMAND")")
        case .host:
            guard !operands.isEmpty else { return }
            throw UsageError(
                "`vc host` takes options only; to enter a room by its code use `vc join CODE`")
        case .demo, .doctor, .devices, .version, .who, .mute, .unmute:
            guard let place = operands.first else { return }
            throw UsageError(
                "`vc \(command.rawValue)` takes options only, not `\(arguments.text(place))`")
        }
    }

    private mutating func readOption(_ text: String, _ place: inout Int) throws(UsageError) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let spelling = String(parts[0])
        guard let option = Option.all.first(where: { $0.spelling == spelling }) else {
            throw unknownOption(spelling)
        }
        guard option.isTaken(by: command) else {
            let takers = option.commands.map { "`vc \($0.rawValue)`" }
            throw UsageError(
                "\(spelling) is not an option of `vc \(command.rawValue)`, but of "
                    + takers.joined(separator: ", "))
        }
        let value: String
        if parts.count == 2 {
            value = String(parts[1])
        } else if option.value == .toggle {
            value = "yes"
        } else {
            place += 1
            guard place < arguments.count else {
                throw UsageError("\(spelling) needs a value: \(option.usage)")
            }
            value = arguments.text(place)
        }
        flags.append(Setting(option: option, text: value, source: .flag))
    }

    private func unknownOption(_ spelling: String) -> UsageError {
        let known = Option.all.filter { $0.isTaken(by: command) }.map(\.spelling)
        if let meant = nearest(to: spelling, among: known + ["--help"]) {
            return UsageError("there is no option \(spelling); did you mean \(meant)?")
        }
        return UsageError(
            "there is no option \(spelling); `vc help \(command.rawValue)` lists them")
    }
}

extension OptionReader {
    /// The operand at a place, which is no secret.
    func word(_ place: Int) -> String? {
        operands.indices.contains(place) ? arguments.text(operands[place]) : nil
    }

    /// What a running call is asked for.
    func controlRequest() throws(UsageError) -> ControlRequest {
        let words = operands.map { arguments.text($0) }
        switch command {
        case .ptt:
            guard words.count == 1, let action = TalkAction(rawValue: words[0]) else {
                throw UsageError("`vc ptt` takes one word: down, up or toggle")
            }
            return .talk(action)
        case .send:
            let text = DisplayText(message: words.joined(separator: " "))
            guard !text.isEmpty, !text.wasCut else {
                throw UsageError("`vc send` takes a message of 1 to 4,000 bytes")
            }
            return .send(text.text)
        case .mute: return .mute(true)
        case .unmute: return .mute(false)
        default: return .who
        }
    }
}
