internal import VCCore
internal import VCHelp

/// One line of standard input.
enum InputLine: Equatable {
    /// Nothing was typed.
    case nothing
    case chat(DisplayText)
    case command(SlashCommand)
    /// What was typed cannot be done; the sentence says why. Nothing was sent.
    case refused(String)
}

/// The commands of a running call.
enum SlashCommand: Equatable {
    /// `/help [COMMAND]`; the topic without its slash.
    case help(topic: String?)
    case who
    case name(DisplayText)
    case announce(Bool)
    case end
    /// The room's code, or a new one for one guest.
    case invite(isOneTime: Bool)
    case kick(DisplayText)
    case lock(Bool)
    /// Shows the safety words.
    case verify
    /// They were the same.
    case same
    /// Closes or opens the microphone.
    case mute
    /// Closes or opens the loudspeakers.
    case deafen
    case gain(name: DisplayText, decibels: Double)
    /// Talks and writes to some only: their names, one after the other.
    case whisper(names: DisplayText)
    /// Talks to everybody again.
    case all
    /// How the microphone is opened.
    case talk(TalkMode)
    case settings
    case devices
    case stats
    case debug
    case sound(SoundCommand)
    case quit
}

/// Commands about how the call sounds and what becomes of it.
enum SoundCommand: Equatable {
    /// Writes what is said and heard to a file; nil: not any more.
    case record(String?)
    case capture(DeviceChoice)
    case playback(DeviceChoice)
    case equalizer(EqualizerChoice)
    /// Whether everybody is made equally loud.
    case leveling(Bool)
    /// Whether what is too loud is turned down, and not cut off.
    case limiter(Bool)
    /// Whether a tone tells who comes and goes.
    case tones(Bool)
}

extension InputLine {
    /// Reads a line without its line end. A line that begins with `/` is a command; `//` begins
    /// chat that begins with a slash.
    init(_ bytes: RawSpan) {
        self.init(DisplayText(message: bytes))
    }

    init(text: String) {
        self.init(DisplayText(message: text))
    }

    private init(_ line: DisplayText) {
        guard !line.wasCut else {
            self = .refused("a message has 4,000 bytes at most; nothing was sent")
            return
        }
        guard !line.isEmpty else {
            self = .nothing
            return
        }
        guard line.text.hasPrefix("/") else {
            self = .chat(line)
            return
        }
        if line.text.hasPrefix("//") {
            self = .chat(DisplayText(message: String(line.text.dropFirst())))
            return
        }
        self = Self.command(String(line.text.dropFirst()))
    }

    private static func command(_ text: String) -> InputLine {
        let parts = text.split(separator: " ", maxSplits: 1)
        let word = parts.first.map { $0.lowercased() } ?? ""
        let rest = parts.count > 1 ? String(parts[1]) : ""
        guard let entry = SlashHelp.entries.first(where: { $0.names.contains(word) }) else {
            let meant = nearest(to: word, among: SlashHelp.entries.flatMap(\.names))
            let hint = meant.map { "did you mean /\($0)?" } ?? "/help lists them"
            return .refused("there is no command /\(word); \(hint)")
        }
        guard let command = SlashCommand(entry.kind, rest) else {
            return .refused("this command is used so: \(entry.usage) (\(entry.summary))")
        }
        return .command(command)
    }
}

extension SlashCommand {
    /// Changes of loudness that are of use; beyond lies silence or a scream.
    static let gains = -60.0...20.0

    fileprivate init?(_ kind: SlashHelp.Kind, _ rest: String) {
        switch kind {
        case .help: self = .help(topic: rest.isEmpty ? nil : Self.topic(rest))
        case .name:
            let name = DisplayText(name: rest)
            guard !name.isEmpty, !name.wasCut else { return nil }
            self = .name(name)
        case .announce:
            guard let on = Self.switched(rest) else { return nil }
            self = .announce(on)
        case .record, .capture, .playback, .equalizer, .leveling, .limiter, .tones:
            guard let command = SoundCommand(kind, rest) else { return nil }
            self = .sound(command)
        case .gain:
            guard let space = rest.lastIndex(of: " "),
                let decibels = decimalNumber(String(rest[rest.index(after: space)...])),
                Self.gains.contains(decibels)
            else { return nil }
            let name = DisplayText(name: String(rest[..<space]))
            guard !name.isEmpty else { return nil }
            self = .gain(name: name, decibels: decibels)
        case .whisper:
            let names = DisplayText(message: rest)
            guard !names.isEmpty else { return nil }
            self = .whisper(names: names)
        case .invite:
            switch rest.lowercased() {
            case "": self = .invite(isOneTime: false)
            case "once": self = .invite(isOneTime: true)
            default: return nil
            }
        case .talk:
            guard let mode = TalkMode(rawValue: rest.lowercased()) else { return nil }
            self = .talk(mode)
        case .kick:
            let name = DisplayText(message: rest)
            guard !name.isEmpty else { return nil }
            self = .kick(name)
        case .who, .end, .lock, .unlock, .verify, .same, .mute, .deafen, .all, .settings, .devices,
            .stats, .debug, .quit:
            guard rest.isEmpty, let command = kind.plain else { return nil }
            self = command
        }
    }

    /// `on` or `off`.
    fileprivate static func switched(_ rest: String) -> Bool? {
        switch rest.lowercased() {
        case "on": true
        case "off": false
        default: nil
        }
    }

    private static func topic(_ rest: String) -> String {
        (rest.hasPrefix("/") ? String(rest.dropFirst()) : rest).lowercased()
    }
}

extension SoundCommand {
    fileprivate init?(_ kind: SlashHelp.Kind, _ rest: String) {
        switch kind {
        case .record:
            guard !rest.isEmpty else { return nil }
            self = .record(rest.lowercased() == "off" ? nil : rest)
        case .capture:
            guard let device = DeviceChoice(rest) else { return nil }
            self = .capture(device)
        case .playback:
            guard let device = DeviceChoice(rest) else { return nil }
            if case .tone = device { return nil }
            self = .playback(device)
        case .equalizer:
            let choice = rest.lowercased() == "off" ? .flat : EqualizerChoice(rest)
            guard let choice else { return nil }
            self = .equalizer(choice)
        case .leveling:
            guard let on = SlashCommand.switched(rest) else { return nil }
            self = .leveling(on)
        case .limiter:
            guard let on = SlashCommand.switched(rest) else { return nil }
            self = .limiter(on)
        case .tones:
            guard let on = SlashCommand.switched(rest) else { return nil }
            self = .tones(on)
        default: return nil
        }
    }
}

extension SlashHelp.Kind {
    /// The command of a kind that has no operand.
    fileprivate var plain: SlashCommand? {
        switch self {
        case .who: .who
        case .end: .end
        case .lock: .lock(true)
        case .unlock: .lock(false)
        case .verify: .verify
        case .same: .same
        case .mute: .mute
        case .deafen: .deafen
        case .all: .all
        case .settings: .settings
        case .devices: .devices
        case .stats: .stats
        case .debug: .debug
        case .quit: .quit
        case .help, .name, .announce, .gain, .invite, .kick, .whisper, .talk, .record, .capture,
            .playback, .equalizer, .leveling, .limiter, .tones:
            nil
        }
    }
}
