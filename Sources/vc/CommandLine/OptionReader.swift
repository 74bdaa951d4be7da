internal import VCAudio
internal import VCCore

/// Reads the options and operands that follow a command.
struct OptionReader {
    let command: Command
    let arguments: Arguments
    private(set) var options = CallOptions()
    /// `--out`.
    private(set) var directory: String?
    /// `--open`.
    private(set) var acceptsWeakPhrase = false
    /// The places of what is no option.
    private(set) var operands: [Int] = []
    private var sawPlain = false
    private var sawJSON = false

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
        if sawPlain, sawJSON {
            throw UsageError("--plain and --json exclude each other; give one of them")
        }
        if !options.rungs.allowsDirect, !options.rungs.allowsRelay {
            throw UsageError("without direct paths and without relays there is no way to anybody")
        }
    }

    private func checkOperands() throws(UsageError) {
        switch command {
        case .join, .tune, .send, .ptt: return
        case .help:
            guard operands.count > 1 else { return }
            throw UsageError("`vc help` takes one command")
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
        guard let option = Option.allCases.first(where: { $0.spelling == spelling }) else {
            throw unknownOption(spelling)
        }
        guard option.commands.contains(command) else {
            let takers = option.commands.map { "`vc \($0.rawValue)`" }
            throw UsageError(
                "\(spelling) is not an option of `vc \(command.rawValue)`, but of "
                    + takers.joined(separator: ", "))
        }
        guard let placeholder = option.value else {
            guard parts.count == 1 else { throw UsageError("\(spelling) takes no value") }
            apply(flag: option)
            return
        }
        if parts.count == 2 {
            try apply(option, value: String(parts[1]))
            return
        }
        place += 1
        guard place < arguments.count else {
            throw UsageError("\(spelling) needs a value: \(spelling) \(placeholder)")
        }
        try apply(option, value: arguments.text(place))
    }

    private func unknownOption(_ spelling: String) -> UsageError {
        if Option.later.contains(where: { "--" + $0 == spelling }) {
            return UsageError("\(spelling) is not available in this version")
        }
        let known = Option.allCases.filter { $0.commands.contains(command) }.map(\.spelling)
        if let meant = nearest(to: spelling, among: known + ["--help"]) {
            return UsageError("there is no option \(spelling); did you mean \(meant)?")
        }
        return UsageError(
            "there is no option \(spelling); `vc help \(command.rawValue)` lists them")
    }

    private mutating func apply(flag option: Option) {
        switch option {
        case .muted: options.isMuted = true
        case .raw: options.isRaw = true
        case .headset: options.isHeadset = true
        case .noNoiseSuppression: options.suppressesNoise = false
        case .noGainControl: options.controlsGain = false
        case .steady: options.isSteady = true
        case .relayOnly, .noDirect: options.rungs.allowsDirect = false
        case .noRelay: options.rungs.allowsRelay = false
        case .noHostForward: options.rungs.allowsHost = false
        case .noBirthday: options.rungs.allowsBirthday = false
        case .open: acceptsWeakPhrase = true
        case .noLeveling: options.isLeveling = false
        case .noTones: options.hasTones = false
        case .plain:
            options.form = .plain
            sawPlain = true
        case .json:
            options.form = .json
            sawJSON = true
        case .signal, .advertise, .listen, .name, .capture, .playback, .talk, .bitrate, .frame,
            .duration, .out, .signalTokenFile, .record, .equalizer, .insert:
            preconditionFailure("\(option) has a value")
        }
    }

    private mutating func apply(_ option: Option, value: String) throws(UsageError) {
        switch option {
        case .signal:
            options.signal = try read(value, option, "a host name or address", ServerName.init)
        case .advertise:
            options.advertise = try read(value, option, "a host name or address", ServerName.init)
        case .listen:
            options.listen = try read(
                value, option, "a port from 1 to 65535, perhaps with an address in front",
                ListenAddress.init)
        case .name: options.name = try read(value, option, "a name that can be seen", readName)
        case .capture: options.capture = try readDevice(value, option)
        case .playback: options.playback = try readDevice(value, option)
        case .talk:
            options.talk = try read(value, option, "open, voice or ptt", TalkMode.init)
        case .bitrate:
            options.bitrate = try read(value, option, "a number from 6000 to 128000") {
                decimalInteger($0, in: Self.bitrates)
            }
        case .frame:
            options.frame = try read(value, option, "2.5, 5, 10 or 20", FrameLength.init)
        case .duration:
            options.duration = try read(value, option, "a number of seconds", readDuration)
        case .signalTokenFile:
            options.signalToken = .file(
                try read(value, option, "a file") { $0.isEmpty ? nil : $0 })
        case .record:
            options.record = try read(value, option, "a file") { $0.isEmpty ? nil : $0 }
        case .equalizer:
            options.equalizer = try read(
                value, option, "three numbers from -12 to 12, as in 3,0,-2", EqualizerChoice.init)
        case .out: directory = try read(value, option, "a directory") { $0.isEmpty ? nil : $0 }
        case .insert:
            options.insert = try read(
                value, option, "ladspa:FILE:LABEL, perhaps with ,CONTROL=VALUE behind it",
                PluginChoice.init)
        case .muted, .raw, .steady, .plain, .json, .relayOnly, .noDirect, .noRelay, .noHostForward,
            .noBirthday, .open, .noLeveling, .noTones, .headset, .noNoiseSuppression,
            .noGainControl:
            preconditionFailure("\(option) has no value")
        }
    }

    /// What Opus can do with one voice; above 128 kbit/s nothing is gained (RFC 6716, 2.1.1).
    static let bitrates = 6_000...128_000
    /// No call is planned for longer than a year.
    private static let longestDuration = 366.0 * 86_400

    private func readDevice(_ value: String, _ option: Option) throws(UsageError) -> DeviceChoice {
        let device = try read(
            value, option, "alsa:NAME, file:PATH, tone[:HZ] or silence", DeviceChoice.init)
        if option == .playback, case .tone = device {
            throw UsageError("--playback cannot be a tone: alsa:NAME, file:PATH or silence")
        }
        return device
    }

    private func readName(_ value: String) -> DisplayText? {
        let name = DisplayText(name: value)
        return name.isEmpty || name.wasCut ? nil : name
    }

    private func readDuration(_ value: String) -> Duration? {
        guard let seconds = decimalNumber(value), seconds > 0, seconds <= Self.longestDuration
        else { return nil }
        return .milliseconds(Int64((seconds * 1_000).rounded(.up)))
    }

    private func read<Value>(
        _ value: String, _ option: Option, _ expected: String, _ body: (String) -> Value?
    ) throws(UsageError) -> Value {
        guard let result = body(value) else {
            throw UsageError("\(option.spelling) must be \(expected), not `\(value)`")
        }
        return result
    }
}

extension OptionReader {
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
