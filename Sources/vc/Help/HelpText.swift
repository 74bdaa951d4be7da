internal import VCHelp

/// The text of `vc help` and `vc help COMMAND`, made from the tables that the parser uses.
enum HelpText {
    static func text(about topic: HelpTopic) -> String {
        switch topic {
        case .overview: overview
        case .command(let command): text(for: command)
        case .events: events
        case .manualPage: ManualPage.ofProgram.roff
        }
    }

    static var overview: String {
        var lines = [
            "vc: private voice and text for a few friends", "",
            "  vc host          prints a room code; give it to your friends",
            "  vc join CODE     and you talk", "",
            "  vc tune PHRASE   or all of you say the same phrase", "", "Commands:",
        ]
        for command in Command.allCases {
            lines.append(HelpLayout.row(command.usage, command.summary, width: 26))
        }
        lines += [
            "",
            "`vc help COMMAND` lists the options of a command, `vc help events` what --json",
            "prints. In the call, a line that you type is chat; /help lists the commands that",
            "begin with a slash.",
        ]
        return lines.joined(separator: "\n") + "\n"
    }

    static func text(for command: Command) -> String {
        let options = Option.options(of: command)
        var usage = "Usage: vc \(command.usage)"
        if !options.isEmpty { usage += " [options]" }
        var lines = [usage, ""] + HelpLayout.wrapped(command.details)
        for group in Option.Group.allCases {
            let shown = options.filter { $0.group == group }
            if shown.isEmpty { continue }
            // A title for each group only where there are many.
            lines += ["", command.isCall ? "\(group.rawValue):" : "Options:"]
            for option in command.isCall ? shown : options {
                lines.append(HelpLayout.row(option.usage, option.summary, width: 25))
            }
            if !command.isCall { break }
        }
        if command.isCall {
            let note =
                "Each option can stand in the configuration file without its dashes (`muted = "
                + "yes`) and in the environment ($VC_MUTED); --OPTION=no takes one back. `vc "
                + "config` shows what holds."
            lines += [""] + HelpLayout.wrapped(note)
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// What `--json` prints.
    static var events: String {
        let about =
            "With --json, vc prints one JSON object per line. Every event has `event` and `t`, the "
            + "seconds since the process started. Events and fields that you do not know are to "
            + "be ignored: later versions may have more. What is optional stands in brackets."
        var lines = HelpLayout.wrapped(about)
        for kind in EventKind.calls { lines += [""] + text(for: kind) }
        lines += ["", "Each member of `stats` has (counts are voice frames since the start):"]
        lines += rows(EventKind.memberStatistics)
        lines += ["", "Other commands:"]
        for kind in EventKind.others { lines += [""] + text(for: kind) }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func text(for kind: EventKind) -> [String] {
        ["\(kind.name): \(kind.summary)"] + rows(kind.fields)
    }

    private static func rows(_ fields: [EventKind.Field]) -> [String] {
        fields.map { HelpLayout.row($0.title, "\($0.type): \($0.summary)", width: 18) }
    }
}

extension EventKind.Field {
    /// As the help shows it.
    var title: String { isOptional ? "[\(name)]" : name }
}

extension Command {
    var usage: String { [rawValue, operand].compactMap { $0 }.joined(separator: " ") }
}
