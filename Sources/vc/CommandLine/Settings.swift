/// Where something was said, the weakest first.
enum SettingSource: Equatable, Sendable {
    case standard
    case file(line: Int)
    case environment
    case flag
}

/// What was said of one option, in one place.
struct Setting: Sendable {
    let option: Option
    /// As it stands there.
    let text: String
    let source: SettingSource
}

/// What holds: settings of the file, of the environment and of the command line, the later ones on
/// top.
struct Settings {
    private(set) var options = CommandOptions()
    /// The setting that holds, by the name of the option.
    private(set) var held: [String: Setting] = [:]

    /// Puts a setting on top.
    ///
    /// - Parameter path: the configuration file, for the sentence.
    mutating func apply(_ setting: Setting, path: String = "") throws(UsageError) {
        let option = setting.option
        guard option.read(setting.text, &options) else {
            let sentence = "must be \(option.expected), not `\(setting.text)`"
            switch setting.source {
            case .flag, .standard: throw UsageError("\(option.spelling) \(sentence)")
            case .environment: throw UsageError("$\(option.variable) \(sentence)")
            case .file(let line):
                throw UsageError("\(path):\(line): `\(option.name)` \(sentence)", .configuration)
            }
        }
        held[option.name] = setting
        // One of the two puts an end to the other.
        if let other = ["plain": "json", "json": "plain"][option.name],
            options.call.isPlain || options.call.isJSON
        {
            held[other] = nil
        }
    }

    /// What excludes what, once everything is said.
    mutating func finish() throws(UsageError) { try options.finish() }
}
