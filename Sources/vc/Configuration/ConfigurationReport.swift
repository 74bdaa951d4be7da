/// What holds and where it was said: what `vc config` prints.
struct ConfigurationReport: Equatable {
    struct Row: Equatable {
        let name: String
        /// As it is typed; nil where `vc` chooses, and for a secret.
        let value: String?
        let isSecret: Bool
        let source: SettingSource
        /// `--name` or `$VC_NAME`.
        let spelling: String
    }

    /// The file, and whether it is there.
    var path: String?
    var isThere = false
    var rows: [Row] = []
    /// Settings of sections that do not hold here: their lines.
    var others: [String] = []
    /// What is wrong in the file.
    var problems: [String] = []
    var isJSON = false

    /// The name and the value, made as wide as most of them are.
    private static let width = 34

    /// The lines for people. They are a configuration file themselves.
    var lines: [String] {
        var lines = ["; " + (path.map { $0 + (isThere ? "" : " (not there)") } ?? "no file")]
        for row in rows {
            let isStandard = row.source == .standard
            let value = row.isSecret ? "(hidden)" : row.value ?? ""
            let left = (isStandard || row.isSecret ? "; " : "") + "\(row.name) = \(value)"
            let gap = String(repeating: " ", count: max(1, Self.width - left.count))
            lines.append("\(left)\(gap); \(origin(of: row))")
        }
        lines += others.map { "; \($0)" }
        return lines
    }

    private func origin(of row: Row) -> String {
        switch row.source {
        // What is not set is chosen by vc, or is not.
        case .standard: row.value == nil ? "not set" : "default"
        case .file(let line): "file, line \(line)"
        case .environment, .flag: row.spelling
        }
    }

    /// The same, for programs.
    var jsonLines: [String] {
        rows.map { row in
            var object = JSONObject()
            object.add("event", "setting")
            object.add("name", row.name)
            if row.isSecret {
                object.add("secret", true)
            } else {
                object.add("value", row.value)
            }
            switch row.source {
            case .standard: object.add("from", "default")
            case .environment: object.add("from", "environment")
            case .flag: object.add("from", "flag")
            case .file(let line):
                object.add("from", "file")
                object.add("line", line)
            }
            return object.closed
        }
    }
}

extension ConfigurationReport {
    /// - Parameter command: whose settings are shown; nil: those of all commands.
    init(
        _ settings: Settings, _ environment: Environment, file: ConfigurationFile?, path: String?,
        command: Command?
    ) {
        self.path = path
        isThere = file != nil
        isJSON = settings.options.call.isJSON
        problems = file?.problems.map(\.message) ?? []
        for option in Option.all
        where option.isSetting && option.isTaken(by: command ?? .config) {
            let held = settings.held[option.name]
            let word = held.flatMap { Option.toggleWords[$0.text.lowercased()] }
            let toggled = word.map { $0 ? "yes" : "no" }
            let value = option.value == .toggle ? toggled : held?.text
            let source = held?.source ?? .standard
            rows.append(
                Row(
                    name: option.name, value: value ?? option.standard, isSecret: false,
                    source: source,
                    spelling: source == .flag ? option.spelling : "$" + option.variable))
        }
        for secret in SecretSetting.allCases
        where command.map(secret.commands.contains) ?? true {
            let place = file?.place(of: secret, for: command ?? .config)
            guard environment.has(secret) || place != nil else { continue }
            rows.append(
                Row(
                    name: secret.rawValue, value: nil, isSecret: true,
                    source: environment.has(secret) ? .environment : .file(line: place?.line ?? 0),
                    spelling: "$" + secret.variable))
        }
        guard command == nil, let file else { return }
        for entry in file.entries {
            guard case .file(let line) = entry.setting.source else { continue }
            note(entry.setting.option.name, of: entry.command, line)
        }
        for (command, place) in file.secrets {
            note(place.secret.rawValue, of: command, place.line)
        }
    }

    private mutating func note(_ name: String, of command: Command?, _ line: Int) {
        guard let command = command?.rawValue else { return }
        others.append(
            "[\(command)] sets \(name) (line \(line)): `vc config \(command)` "
                + "shows what holds there")
    }
}
