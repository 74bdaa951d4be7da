internal import VCCore
internal import VCHelp

extension ManualPage {
    /// vc(1), made from the tables of the command line, of the running call and of the events.
    static var ofProgram: ManualPage {
        ManualPage(
            name: "vc", section: 1, version: softwareVersion,
            summary: "private voice and text for a few friends",
            synopsis: Command.allCases.map { command in
                let hasOptions = !Option.options(of: command).isEmpty
                return "vc \(command.usage)" + (hasOptions ? " [OPTION...]" : "")
            },
            parts: [
                Part(
                    "Description",
                    [
                        .text(
                            "Voice and text for 2 to 16 people, encrypted from end to end: `vc "
                                + "host` prints a room code, `vc join CODE` enters, and you talk. "
                                + "There is no account, and no server that can listen."),
                        .text(
                            "On a terminal a call takes the whole screen; F1 explains its keys. "
                                + "What you type is chat, or a command if it begins with a slash."),
                    ]),
                Part(
                    "Commands",
                    [.list(Command.allCases.map { Entry($0.usage, $0.details) })]),
                Part("Options", options),
                Part(
                    "In the call",
                    [
                        .list(SlashHelp.entries.map { Entry($0.usage, $0.fullSummary) })
                    ]),
                Part("Configuration", configuration),
                Part("Environment", environment),
                Part("Events", events),
                Part(
                    "Exit status",
                    [.list(ExitStatus.allCases.map { Entry("\($0.rawValue)", $0.meaning) })]),
                Part("See also", [.text("`vc-signal`(8), `vc-relay`(8)")]),
            ])
    }

    private static var options: [Block] {
        var blocks: [Block] = [
            .text("`--option=value` and `--option value` are the same; `--` ends the options.")
        ]
        for group in Option.Group.allCases {
            blocks.append(.heading(group.rawValue))
            blocks.append(
                .list(
                    Option.all.filter { $0.group == group }.map { option in
                        let takers = option.commands.map { "`\($0.rawValue)`" }
                        let isOfCalls = option.commands.starts(with: Option.calls)
                        let note = isOfCalls ? "" : " (" + takers.joined(separator: ", ") + ")"
                        return Entry(option.usage, option.summary + note)
                    }))
        }
        return blocks
    }

    private static var configuration: [Block] {
        [
            .text(
                "Every option of a call can stand in `$XDG_CONFIG_HOME/vc/config` (without that "
                    + "variable: `~/.config/vc/config`), without its dashes, one a line. What "
                    + "needs no value on the command line is `yes` or `no`. What stands under "
                    + "`[host]`, `[join]`, `[tune]` or `[doctor]` holds for that command only. A "
                    + "line that begins with # or ; is a comment, as is what follows a ; behind a "
                    + "blank. A line has at most 198 bytes."),
            .lines(["signal = vps.example.org", "talk = ptt", "", "[host]", "listen = 4460"]),
            .text(
                "These are secrets, and the file should have mode 0600 if one stands there:"),
            .list(SecretSetting.allCases.map { Entry("\($0.rawValue)", $0.summary) }),
            .text(
                "A flag counts for more than the environment, the environment for more than the "
                    + "file. `vc config` shows what holds."),
        ]
    }

    private static var environment: [Block] {
        [
            .text(
                "Every option of a call can stand in the environment: `--relay-only` is "
                    + "`VC_RELAY_ONLY=yes`, `--talk ptt` is `VC_TALK=ptt`. Beside them:"),
            .list(
                SecretSetting.allCases.map { Entry($0.variable, $0.summary) } + [
                    Entry("VC_CONFIG", "the configuration file"),
                    Entry("NO_COLOR", "no colours, if it is not empty"),
                    Entry("XDG_CONFIG_HOME", "where `vc/config` is"),
                    Entry("XDG_RUNTIME_DIR", "where a running call is reached by `vc ptt`"),
                ]),
        ]
    }

    private static var events: [Block] {
        func entries(_ fields: [EventKind.Field]) -> String {
            fields.map { "`\($0.title)` (\($0.type)): \($0.summary)" }.joined(separator: "; ")
        }
        func list(_ kinds: [EventKind]) -> Block {
            .list(
                kinds.map { kind in
                    let fields = kind.fields.isEmpty ? "" : ". " + entries(kind.fields)
                    return Entry(kind.name, kind.summary + fields)
                })
        }
        return [
            .text(
                "With `--json` a call prints one JSON object per line. Every event has `event` and "
                    + "`t`, the seconds since the process started. Events and fields that you do "
                    + "not know are to be ignored. What is optional stands in brackets."),
            list(EventKind.calls),
            .text("Each member of `stats` has " + entries(EventKind.memberStatistics) + "."),
            .text("Other commands print:"), list(EventKind.others),
        ]
    }
}
