/// What a program does and how it is used, as `--help` prints it and as a page for man(1): made
/// from the same tables, so that the two never differ. What stands between `` ` `` is typed as it
/// stands.
public struct ManualPage: Sendable {
    public struct Part: Sendable {
        public let title: String
        public let blocks: [Block]

        public init(_ title: String, _ blocks: [Block]) {
            self.title = title
            self.blocks = blocks
        }
    }

    public enum Block: Sendable {
        case text(String)
        /// What is explained, and how.
        case list([Entry])
        /// A title within a part.
        case heading(String)
        /// Lines that stay as they are.
        case lines([String])
    }

    /// Something and what it is: an option, a command, an event.
    public struct Entry: Sendable, Equatable {
        public let term: String
        public let text: String

        public init(_ term: String, _ text: String) {
            self.term = term
            self.text = text
        }
    }

    public let name: String
    /// 1 for programs of everybody, 8 for servers.
    public let section: Int
    public let version: String
    /// What it does, in half a line.
    public let summary: String
    /// How it is called, one line each.
    public let synopsis: [String]
    public let parts: [Part]

    public init(
        name: String, section: Int, version: String, summary: String, synopsis: [String],
        parts: [Part]
    ) {
        self.name = name
        self.section = section
        self.version = version
        self.summary = summary
        self.synopsis = synopsis
        self.parts = parts
    }

    // MARK: man

    /// The page in the language of man(7).
    public var roff: String {
        let title = ManualPage.argument(name.uppercased())
        var lines = [
            ".TH \(title) \(section) \"\" \"\(name) \(version)\"", ".nh", ".ad l", ".SH NAME",
            "\(ManualPage.escaped(name)) \\- \(ManualPage.escaped(summary))", ".SH SYNOPSIS",
        ]
        for line in synopsis { lines += [ManualPage.term(line), ".br"] }
        for part in parts {
            lines.append(".SH \(ManualPage.argument(part.title.uppercased()))")
            for block in part.blocks { lines += ManualPage.roff(block) }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func roff(_ block: Block) -> [String] {
        switch block {
        case .text(let text): [".PP", escaped(text)]
        case .heading(let title): [".SS \(argument(title))"]
        case .lines(let lines):
            [".PP", ".RS 4", ".nf"] + lines.map(escaped) + [".fi", ".RE"]
        case .list(let entries):
            entries.flatMap { [".TP", term($0.term), escaped($0.text)] }
        }
    }

    /// The first words bold, the placeholders behind them in italics.
    private static func term(_ text: String) -> String {
        let words = text.split(separator: " ")
        let fixed = words.prefix { $0.unicodeScalars.allSatisfy { !isPlaceholder($0) } }
        let rest = words.dropFirst(fixed.count).map { escaped(String($0)) }
        let bold = "\\fB" + escaped(fixed.joined(separator: " ")) + "\\fR"
        guard !rest.isEmpty else { return bold }
        return (fixed.isEmpty ? "" : bold + " ") + "\\fI" + rest.joined(separator: " ") + "\\fR"
    }

    private static func isPlaceholder(_ scalar: Unicode.Scalar) -> Bool {
        scalar == "[" || scalar == "|" || ("A"..."Z").contains(scalar)
    }

    private static func argument(_ text: String) -> String { "\"\(escaped(text))\"" }

    /// `text` as man shows it: nothing in it is a command of roff.
    static func escaped(_ text: String) -> String {
        var result = ""
        var isCode = false
        for scalar in text.unicodeScalars {
            switch scalar {
            case "`":
                isCode.toggle()
                result += isCode ? "\\fB" : "\\fR"
            case "\\": result += "\\e"
            case "-": result += "\\-"
            case "\"": result += "\\(dq"
            case "'": result += "\\(aq"
            case "^": result += "\\(ha"
            case "~": result += "\\(ti"
            case "\n": result += " "
            default:
                if scalar.isASCII {
                    result.unicodeScalars.append(scalar)
                } else {
                    let digits = String(scalar.value, radix: 16, uppercase: true)
                    let zeros = String(repeating: "0", count: max(0, 4 - digits.count))
                    result += "\\[u\(zeros)\(digits)]"
                }
            }
        }
        // At the beginning of a line a point would begin a command.
        return result.hasPrefix(".") ? "\\&" + result : result
    }

    // MARK: Terminal

    /// The page as `--help` prints it: how the program is called, then the parts without titles.
    ///
    /// - Parameter width: of the column in which terms stand.
    public func text(width: Int) -> String {
        var blocks = synopsis.enumerated().map { number, line in
            (number == 0 ? "usage: " : "       ") + line
        }
        for part in parts {
            for block in part.blocks {
                blocks.append("")
                switch block {
                case .text(let text): blocks += HelpLayout.wrapped(text)
                case .heading(let title): blocks.append(title + ":")
                case .lines(let lines): blocks += lines.map { "    " + $0 }
                case .list(let entries):
                    blocks += entries.map { HelpLayout.row($0.term, $0.text, width: width) }
                }
            }
        }
        return blocks.joined(separator: "\n")
    }
}

extension ManualPage {
    /// A sentence about an argument that the program does not know, with the option that was
    /// probably meant.
    public func sentence(about argument: String) -> String {
        // Nothing in it steers a terminal.
        let shown = String(
            argument.unicodeScalars.prefix(64).map { scalar in
                (0x20..<0x7F).contains(scalar.value) ? Character(scalar) : "?"
            })
        let typed = String(shown.prefix { $0 != "=" })
        let known = parts.flatMap(\.blocks).flatMap { block -> [String] in
            guard case .list(let entries) = block else { return [] }
            return entries.map { String($0.term.prefix { $0 != " " }) }
        }
        let hint =
            nearest(to: typed, among: known).map { "did you mean \($0)?" } ?? "see \(name) --help"
        return "unknown argument '\(shown)'; \(hint)"
    }
}
