internal import Glibc
internal import VCNet

/// Bare `vc` on a terminal asks what to do.
enum StartMenu {
    private static let choices: [Command] = [.host, .join, .doctor]

    /// Nil where nobody can be asked, or nothing was chosen.
    static func choose() -> Command? {
        guard isatty(STDIN_FILENO) == 1, isatty(STDOUT_FILENO) == 1 else { return nil }
        var lines = ["vc: private voice and text for a few friends", ""]
        for choice in choices {
            let name = choice.rawValue
            let gap = String(repeating: " ", count: 9 - name.utf8.count)
            lines.append("  \(name.prefix(1))  \(name)\(gap)\(choice.summary)")
        }
        lines += ["", "`vc help` tells the rest.", ""]
        StandardStream.output.write(lines.joined(separator: "\n") + "\n")
        while true {
            StandardStream.output.write("host, join or doctor? ")
            guard let line = readLine() else { return nil }
            if let choice = meant(by: line) { return choice }
        }
    }

    /// What an answer means: a command or how it begins.
    static func meant(by answer: String) -> Command? {
        let typed = answer.lowercased().filter { $0 != " " }
        guard !typed.isEmpty else { return nil }
        return choices.first { $0.rawValue.hasPrefix(typed) }
    }
}
