internal import Glibc
internal import VCHelp
internal import VCNet

/// The configuration file: `name = value` lines with the names of the options. What stands behind
/// `[host]` or another command holds for that command only, and above what stands at the top.
struct ConfigurationFile {
    /// Far more than there are options to set.
    static let longest = 64 * 1_024
    /// So many mistakes are told.
    private static let mostProblems = 20

    struct Entry {
        /// The command of the section; nil at the top.
        let command: Command?
        let setting: Setting
    }

    let path: String
    private(set) var entries: [Entry] = []
    private(set) var secrets: [(command: Command?, place: SecretPlace)] = []
    /// What is wrong, each with its line.
    private(set) var problems: [UsageError] = []
    /// What the person should know.
    private(set) var warnings: [String] = []

    /// Nil when there is no such file and it is not required.
    init?(path: String, isRequired: Bool) throws(UsageError) {
        self.path = path
        let contents: ConfigurationBytes
        do throws(SystemError) {
            contents = try ConfigurationBytes(of: path)
        } catch {
            if !isRequired, error.code == ENOENT || error.code == ENOTDIR { return nil }
            throw UsageError("\(path) cannot be read: \(error)", .unreadableFile)
        }
        guard contents.count <= Self.longest else {
            throw UsageError(
                "\(path) is no configuration of vc: it has more than \(Self.longest) bytes",
                .configuration)
        }
        let owner = contents.owner
        guard owner == getuid() || owner == 0, contents.mode & 0o002 == 0 else {
            throw UsageError(
                "\(path) may be changed by others on this machine, so it is not used: it should "
                    + "belong to you, and `chmod go-w` takes that right from the others",
                .configuration)
        }
        let reader = ConfigurationLines(contents)
        let lines = reader.read()
        var unread = reader.problems[...]
        for line in lines {
            while let first = unread.first, first.line < line.number {
                complain(first.line, first.sentence)
                unread.removeFirst()
            }
            take(line)
        }
        for (line, sentence) in unread { complain(line, sentence) }
        if let first = secrets.first, contents.mode & 0o077 != 0 {
            warnings.append(
                "others on this machine can read \(path), in which `\(first.place.secret.rawValue)`"
                    + " stands; `chmod 600` prevents that")
        }
    }

    // MARK: Reading

    private mutating func take(_ line: ConfigurationLines.Line) {
        var command: Command?
        if !line.section.isEmpty {
            command = Command(rawValue: line.section)
            guard let command, !Self.names(in: command).isEmpty else {
                let sections = Command.allCases.filter { !Self.names(in: $0).isEmpty }
                let hint = Self.hint(line.section, sections.map(\.rawValue)) { "[\($0)]" }
                return complain(line.number, "there is no section [\(line.section)]\(hint)")
            }
        }
        if let secret = SecretSetting(rawValue: line.name) {
            guard command.map(secret.commands.contains) ?? true else {
                return complain(line.number, Self.notOf(line.name, command))
            }
            secrets.append((command, SecretPlace(path: path, line: line.number, secret: secret)))
            return
        }
        guard let option = Option.named(line.name), option.isSetting else {
            let hint = Self.hint(line.name, Self.names(in: command)) { "`\($0)`" }
            return complain(line.number, "there is no setting `\(line.name)`\(hint)")
        }
        guard command.map(option.commands.contains) ?? true else {
            return complain(line.number, Self.notOf(line.name, command))
        }
        let setting = Setting(
            option: option, text: line.value, source: .file(line: line.number))
        var trial = Settings()
        do throws(UsageError) {
            try trial.apply(setting, path: path)
            entries.append(Entry(command: command, setting: setting))
        } catch {
            note(error)
        }
    }

    private mutating func complain(_ line: Int, _ sentence: String) {
        note(UsageError("\(path):\(line): \(sentence)", .configuration))
    }

    private mutating func note(_ problem: UsageError) {
        if problems.count < Self.mostProblems { problems.append(problem) }
    }

    private static func notOf(_ name: String, _ command: Command?) -> String {
        "`\(name)` is no setting of `vc \(command?.rawValue ?? "")`"
    }

    private static func hint(
        _ typed: String, _ known: [String], _ spell: (String) -> String
    ) -> String {
        guard let meant = nearest(to: typed, among: known) else {
            return "; `vc config` lists them"
        }
        return "; did you mean \(spell(meant))?"
    }

    /// What may be set for a command, or at the top.
    private static func names(in command: Command?) -> [String] {
        let options = Option.all.filter { option in
            option.isSetting && (command.map(option.commands.contains) ?? true)
        }
        let secrets = SecretSetting.allCases.filter { secret in
            command.map(secret.commands.contains) ?? true
        }
        return options.map(\.name) + secrets.map(\.rawValue)
    }

    // MARK: What holds

    /// The settings for a command, the stronger ones last.
    func settings(for command: Command) -> [Setting] {
        let ofCommand = entries.filter { $0.setting.option.isTaken(by: command) }
        return (ofCommand.filter { $0.command == nil } + ofCommand.filter { $0.command == command })
            .map(\.setting)
    }

    /// Where a secret stands for a command.
    func place(of secret: SecretSetting, for command: Command) -> SecretPlace? {
        let found = secrets.filter { $0.place.secret == secret }
        return (found.last { $0.command == command } ?? found.last { $0.command == nil })?.place
    }
}

extension Option {
    /// Whether it may stand in the configuration file and in the environment.
    var isSetting: Bool { !["config", "man"].contains(name) }
}
