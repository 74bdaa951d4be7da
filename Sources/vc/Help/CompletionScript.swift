/// What makes a shell complete command lines of vc: scripts, made from the tables of the command
/// line.
enum CompletionScript {
    static func text(for shell: Shell) -> String {
        switch shell {
        case .bash: bash
        case .zsh: zsh
        case .fish: fish
        }
    }

    /// What a word may begin with that names a device.
    static let deviceBeginnings = ["alsa:", "file:", "silence"]

    /// The words behind a command that are none of its options.
    static func words(of command: Command) -> [String] {
        switch command {
        case .ptt: TalkAction.allCases.map(\.rawValue)
        case .completion: Shell.allCases.map(\.rawValue)
        case .help: Command.allCases.map(\.rawValue) + ["events"]
        case .config: ["host", "join", "tune", "doctor"]
        // A code and a phrase are secrets: no shell is to know one.
        case .host, .join, .tune, .demo, .doctor, .devices, .send, .who, .mute, .unmute, .version:
            []
        }
    }

    /// The options that a command takes; `config` shows those of the others.
    static func options(of command: Command) -> [Option] {
        Option.all.filter { $0.isTaken(by: command) }
    }

    /// Devices as `vc devices` lists them, one a line.
    static let listDevices = "vc devices 2>/dev/null | sed -n 's/^\\(alsa:[^ ]*\\)  .*/\\1/p'"

    // MARK: bash

    static var bash: String {
        let names = Command.allCases.map(\.rawValue).joined(separator: " ")
        var lines = [
            "# Completion of vc for bash, printed by `vc completion bash`.", "_vc() {",
            "    local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}",
            "    local options='' words=''",
            "    COMPREPLY=()",
            // bash splits words at `=` and `:`.
            "    if [[ $previous == = ]]; then",
            "        previous=${COMP_WORDS[COMP_CWORD-2]}",
            "    elif [[ $word == = ]]; then",
            "        word=''",
            "    fi",
            "    local line=${COMP_LINE:0:COMP_POINT}",
            "    local typed=${line##*[ =]}",
            "    if ((COMP_CWORD == 1)); then",
            "        mapfile -t COMPREPLY < <(compgen -W '\(names) --help --version' -- \"$word\")",
            "        return",
            "    fi",
            "    if [[ $line =~ (--[a-z-]+)[\\ =]+[^\\ ]*$ ]]; then",
            "        previous=${BASH_REMATCH[1]}",
            "    fi",
            "    case $previous in",
        ]
        for option in Option.all {
            guard let command = bashValue(option.value) else { continue }
            lines.append("        \(option.spelling)) \(command); return ;;")
        }
        lines += ["    esac", "    case ${COMP_WORDS[1]} in"]
        for command in Command.allCases {
            let options = options(of: command).map(\.spelling) + ["--help"]
            let words = words(of: command)
            lines.append(
                "        \(command.rawValue)) options='\(options.joined(separator: " "))' "
                    + "words='\(words.joined(separator: " "))' ;;")
        }
        lines += [
            "    esac",
            "    if [[ $word == -* ]]; then words=$options; fi",
            "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")",
            "}",
            "_vc_file() {",
            "    compopt -o filenames 2>/dev/null",
            "    mapfile -t COMPREPLY < <(compgen \"$1\" -- \"$typed\")",
            "}",
            "_vc_words() {",
            "    mapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$typed\")",
            "}",
            "_vc_device() {",
            "    if [[ $typed == file:* ]]; then",
            "        mapfile -t COMPREPLY < <(compgen -f -- \"${typed#file:}\")",
            "        return",
            "    fi",
            "    _vc_words \"$(\(listDevices)) \(deviceBeginnings.joined(separator: " "))\"",
            // What stands before the last colon is a word of its own to bash.
            "    if [[ $typed == *:* && $COMP_WORDBREAKS == *:* ]]; then",
            "        local head=${typed%:*}:",
            "        COMPREPLY=(\"${COMPREPLY[@]#\"$head\"}\")",
            "    fi",
            "    if [[ ${COMPREPLY[0]-} == *: ]]; then compopt -o nospace 2>/dev/null; fi",
            "}",
            "complete -F _vc vc",
        ]
        return lines.joined(separator: "\n") + "\n"
    }

    /// Nil for an option that needs no value.
    private static func bashValue(_ value: Option.Value) -> String? {
        switch value {
        case .toggle: nil
        case .words(let words): "_vc_words '\(words.joined(separator: " "))'"
        case .text: "COMPREPLY=()"
        case .file: "_vc_file -f"
        case .folder: "_vc_file -d"
        case .device: "_vc_device"
        }
    }
}
