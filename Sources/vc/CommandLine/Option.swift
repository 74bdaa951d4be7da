internal import VCHelp

/// One thing that can be set: by a flag of the command line, by a variable of the environment and
/// in the configuration file, all of which mean the same. The tables of them (`Option.all`) make
/// the parser, the help, the man page and the completions, so that none knows one that the others
/// do not.
struct Option: Sendable {
    /// What stands behind it.
    enum Value: Equatable, Sendable {
        /// On or off; as a flag it needs no value.
        case toggle
        /// One of these words.
        case words([String])
        /// Anything else; the placeholder is what the help shows.
        case text(String)
        case file(String)
        case folder(String)
        case device(String)
    }

    /// What it belongs to.
    enum Group: String, CaseIterable, Sendable {
        case room = "Room"
        case network = "Network"
        case microphone = "Microphone"
        case listening = "Listening"
        case packets = "Voice on the wire"
        case output = "Form and end"
    }

    /// Without its dashes.
    let name: String
    let value: Value
    let group: Group
    /// The commands that take it.
    let commands: [Command]
    /// What it does.
    let summary: String
    /// What holds when nothing is said; nil where `vc` chooses, as the summary tells.
    let standard: String?
    /// What a value must be, for a sentence that ends so.
    let expected: String
    /// Takes a value; false when it is none.
    let read: @Sendable (String, inout CommandOptions) -> Bool

    /// As it is typed.
    var spelling: String { "--" + name }

    /// The variable of the environment that stands for it.
    var variable: String { "VC_" + name.uppercased().replacingEach("-", with: "_") }

    /// What the value stands for; nil for an option that needs none.
    var placeholder: String? {
        switch value {
        case .toggle: nil
        case .words(let words): words.joined(separator: "|")
        case .text(let text), .file(let text), .folder(let text), .device(let text): text
        }
    }

    /// `--name VALUE`.
    var usage: String { [spelling, placeholder].compactMap { $0 }.joined(separator: " ") }

    /// Whether a command takes it. `vc config` shows all of them.
    func isTaken(by command: Command) -> Bool {
        commands.contains(command) || (command == .config && commands.contains { $0.isCall })
    }

    /// All of them, in the order of the help.
    static let all =
        roomTable + networkTable + microphoneTable + listeningTable + packetTable
        + outputTable

    static func named(_ name: some StringProtocol) -> Option? { all.first { $0.name == name } }

    static func options(of command: Command) -> [Option] {
        all.filter { $0.commands.contains(command) }
    }
}

// MARK: - Making them

extension Option {
    /// What is said for yes and for no.
    static let toggleWords = [
        "yes": true, "on": true, "true": true, "1": true,
        "no": false, "off": false, "false": false, "0": false,
    ]

    /// - Parameter sets: what `path` becomes when the option is on.
    static func toggle(
        _ name: String, _ group: Group, _ commands: [Command],
        _ path: any WritableKeyPath<CommandOptions, Bool> & Sendable, sets: Bool = true,
        _ summary: String
    ) -> Option {
        Option(
            name: name, value: .toggle, group: group, commands: commands, summary: summary,
            standard: "no", expected: "yes or no"
        ) { text, options in
            guard let on = toggleWords[text.lowercased()] else { return false }
            options[keyPath: path] = on ? sets : !sets
            return true
        }
    }

    /// An option that `vc` chooses while nothing is said. What `read` makes of what was typed is
    /// its value; nil is refused.
    static func value<Read>(
        _ name: String, _ value: Value, _ group: Group, _ commands: [Command],
        _ path: any WritableKeyPath<CommandOptions, Read?> & Sendable, standard: String? = nil,
        expected: String, _ summary: String, read: @escaping @Sendable (String) -> Read?
    ) -> Option {
        Option(
            name: name, value: value, group: group, commands: commands, summary: summary,
            standard: standard, expected: expected
        ) { text, options in
            guard let result = read(text) else { return false }
            options[keyPath: path] = .some(result)
            return true
        }
    }

    /// The same with a value of its own while nothing is said: `standard`, as it is typed.
    static func setting<Read>(
        _ name: String, _ value: Value, _ group: Group, _ commands: [Command],
        _ path: any WritableKeyPath<CommandOptions, Read> & Sendable, standard: String,
        expected: String, _ summary: String, read: @escaping @Sendable (String) -> Read?
    ) -> Option {
        Option(
            name: name, value: value, group: group, commands: commands, summary: summary,
            standard: standard, expected: expected
        ) { text, options in
            guard let result = read(text) else { return false }
            options[keyPath: path] = result
            return true
        }
    }
}

/// `text`, unless nothing stands there.
@Sendable func anyText(_ text: String) -> String? { text.isEmpty ? nil : text }
