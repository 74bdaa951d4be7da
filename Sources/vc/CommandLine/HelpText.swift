/// The text of `vc help` and `vc help COMMAND`, made from the tables that the parser uses.
enum HelpText {
    static var overview: String {
        var lines = [
            "vc: private voice and text for a few friends", "",
            "  vc host          prints a room code; give it to your friends",
            "  vc join CODE     and you talk", "",
            "  vc tune PHRASE   or all of you say the same phrase", "", "Commands:",
        ]
        for command in Command.allCases {
            lines.append(row(usage(command), command.summary, width: 17))
        }
        lines += [
            "",
            "`vc help COMMAND` lists the options of a command. In the call, a line that you",
            "type is chat; /help lists the commands that begin with a slash.",
        ]
        return lines.joined(separator: "\n") + "\n"
    }

    static func text(for command: Command) -> String {
        let options = Option.allCases.filter { $0.commands.contains(command) }
        var usage = "Usage: vc \(usage(command))"
        if !options.isEmpty { usage += " [options]" }
        var lines = [usage, ""] + wrapped(details(of: command), width: columns)
        if !options.isEmpty { lines += ["", "Options:"] }
        for option in options {
            let left = [option.spelling, option.value].compactMap { $0 }.joined(separator: " ")
            lines.append(row(left, option.summary, width: 25))
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func usage(_ command: Command) -> String {
        [command.rawValue, command.operand].compactMap { $0 }.joined(separator: " ")
    }

    /// What a terminal shows without breaking a line.
    private static let columns = 80

    /// `left` in a column of `width`, `right` beside it.
    private static func row(_ left: String, _ right: String, width: Int) -> String {
        let gap = String(repeating: " ", count: max(1, width - left.count))
        let margin = String(repeating: " ", count: width + 2)
        let lines = wrapped(right, width: columns - width - 2)
        return "  \(left)\(gap)" + lines.joined(separator: "\n\(margin)")
    }

    private static func wrapped(_ text: String, width: Int) -> [String] {
        var lines: [String] = []
        for word in text.split(separator: " ") {
            if let last = lines.last, last.count + 1 + word.count <= width {
                lines[lines.count - 1] += " " + word
            } else {
                lines.append(String(word))
            }
        }
        return lines
    }

    private static func details(of command: Command) -> String {
        switch command {
        case .host:
            "Makes a room and prints its code, which you give to your friends. Without --signal a "
                + "signaling server runs inside, and the code names this machine's address."
        case .join:
            "Enters the room that CODE names. Any case, spaces or dashes between the words, and "
                + "four letters of each word suffice. Without CODE, $VC_CODE is read; without "
                + "that, you are asked, and the code stands neither in the process list nor in "
                + "the shell's history."
        case .tune:
            "Meets whoever says the same phrase at the same signaling server; nobody needs to be "
                + "first, and there is no code. Whoever can guess the phrase can come in, so one "
                + "that counts for less than 40 bits needs --open: take four or more words that "
                + "have nothing to do with each other. Without PHRASE, $VC_PHRASE is read; without "
                + "that, a phrase is made and printed. `vc tune -` asks for it, so that it stands "
                + "neither in the process list nor in the shell's history. Capitals, accents typed "
                + "one way or the other, spaces and dashes make no difference. Nobody can be "
                + "removed from such a room; /gain silences somebody for you."
        case .demo:
            "Starts both servers and three members as processes of their own, lets them speak to "
                + "each other over UDP on this machine, one of them through the relay, and ends "
                + "with a table of what was measured and where the recordings are. The voices "
                + "are synthesised with espeak-ng. The recordings go to --out, or else to a new "
                + "directory in $TMPDIR."
        case .doctor:
            "Tries out what a call needs: the devices with a short echo test (you hear a chirp), "
                + "the ways out by IPv4, IPv6, UDP and TCP, what the router's NAT does and "
                + "whether it maps ports, the signaling server by opening a room and closing it "
                + "again, and the relays that it names. One line each: ok, warning or problem, "
                + "and what to do. Ends with status 0 if a call is possible, else with 69. "
                + "Without --signal no server is tried."
        case .devices: "Lists what --capture and --playback take on this machine."
        case .version: "Prints the version of vc and of its protocol."
        case .help: "Explains vc, or one command."
        }
    }
}
