extension CompletionScript {
    // MARK: zsh

    static var zsh: String {
        var lines = [
            "#compdef vc", "# Completion of vc for zsh, printed by `vc completion zsh`.", "_vc() {",
            "    local -a commands",
            "    commands=(",
        ]
        for command in Command.allCases {
            lines.append("        \(quoted("\(command.rawValue):\(command.summary)"))")
        }
        lines += [
            "    )",
            "    if ((CURRENT == 2)); then",
            "        _describe -t commands 'command' commands",
            "        return",
            "    fi",
            "    local command=$words[2]",
            "    shift words",
            "    ((CURRENT--))",
            "    case $command in",
        ]
        for command in Command.allCases {
            var specifications = options(of: command).map { zshSpecification($0) }
            specifications.append(quoted("--help[explain]"))
            let words = words(of: command)
            if !words.isEmpty {
                specifications.append(quoted("*:word:(\(words.joined(separator: " ")))"))
            }
            lines.append("        \(command.rawValue))")
            lines.append("            _arguments -S \\")
            lines += specifications.dropLast().map { "                \($0) \\" }
            lines.append("                \(specifications.last ?? "")")
            lines.append("            ;;")
        }
        lines += [
            "    esac", "}", "_vc_devices() {",
            "    local -a devices",
            "    devices=(${(f)\"$(\(listDevices))\"} silence)",
            "    compadd -- $devices",
            "    compset -P 'file:' && { _files; return }",
            "    compadd -S '' -- alsa: file:",
            "}",
            "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _vc \"$@\"",
            "else compdef _vc vc; fi",
        ]
        return lines.joined(separator: "\n") + "\n"
    }

    private static func zshSpecification(_ option: Option) -> String {
        let summary = plain(option.summary).replacingEach("[", with: "(").replacingEach(
            "]", with: ")"
        )
        .replacingEach(":", with: "\\:")
        let head = option.spelling + (option.value == .toggle ? "" : "=") + "[\(summary)]"
        let tail: String
        switch option.value {
        case .toggle: tail = ""
        case .words(let words): tail = ":\(option.name):(\(words.joined(separator: " ")))"
        case .text: tail = ":\(option.name): "
        case .file: tail = ":file:_files"
        case .folder: tail = ":directory:_files -/"
        case .device: tail = ":device:_vc_devices"
        }
        return quoted(head + tail)
    }

    // MARK: fish

    static var fish: String {
        var lines = [
            "# Completion of vc for fish, printed by `vc completion fish`.",
            "complete -c vc -f",
            "function __vc_devices",
            "    \(listDevices)",
            "    printf '%s\\n' \(deviceBeginnings.joined(separator: " "))",
            "end",
        ]
        for command in Command.allCases {
            lines.append(
                "complete -c vc -n __fish_use_subcommand -a \(command.rawValue) "
                    + "-d \(quoted(plain(command.summary)))")
            let words = words(of: command)
            guard !words.isEmpty else { continue }
            lines.append(
                "complete -c vc -n '__fish_seen_subcommand_from \(command.rawValue)' "
                    + "-a \(quoted(words.joined(separator: " ")))")
        }
        for option in Option.all {
            let takers = Command.allCases.filter { option.isTaken(by: $0) }.map(\.rawValue)
            let isOption = "'__fish_seen_subcommand_from \(takers.joined(separator: " "))'"
            lines.append(
                "complete -c vc -n \(isOption) -l \(option.name)\(fishValue(option.value)) "
                    + "-d \(quoted(plain(option.summary)))")
        }
        lines.append("complete -c vc -l help -d 'explain'")
        return lines.joined(separator: "\n") + "\n"
    }

    private static func fishValue(_ value: Option.Value) -> String {
        switch value {
        case .toggle: ""
        case .words(let words): " -x -a \(quoted(words.joined(separator: " ")))"
        case .text: " -x"
        case .file: " -r -F"
        case .folder: " -x -a '(__fish_complete_directories)'"
        case .device: " -x -a '(__vc_devices)'"
        }
    }

    // MARK: Text

    /// Without the marks of what is typed.
    private static func plain(_ text: String) -> String { text.replacingEach("`", with: "") }

    /// In single quotes. No text of the tables has one of its own, which the shells read
    /// differently; it would become a typographic one.
    private static func quoted(_ text: String) -> String {
        "'" + text.replacingEach("'", with: "\u{2019}") + "'"
    }
}
