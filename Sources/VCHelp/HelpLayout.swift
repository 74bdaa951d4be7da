/// Text in columns, as `--help` prints it.
public enum HelpLayout {
    /// What a terminal shows without breaking a line.
    public static let columns = 80

    /// `left` in a column of `width` characters, `right` beside it, broken into lines as needed.
    public static func row(_ left: String, _ right: String, width: Int) -> String {
        let gap = String(repeating: " ", count: max(1, width - left.count))
        let margin = String(repeating: " ", count: width + 2)
        // What does not fit into its column has a line of its own.
        let isWide = left.count >= width && left.count + 3 + right.count > columns
        let lines = wrapped(right, width: columns - width - 2)
        let start = isWide ? "  \(left)\n\(margin)" : "  \(left)\(gap)"
        return start + lines.joined(separator: "\n\(margin)")
    }

    /// `text` in lines of at most `width` characters, where its words allow that.
    public static func wrapped(_ text: String, width: Int = columns) -> [String] {
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
}
