internal import CVCLinux

/// Text as the cells of a terminal: cleaned so that it takes as many columns as we count, measured,
/// cut and broken into lines.
enum ScreenText {
    /// As many marks on one letter as ncurses keeps in a cell, the letter not counted.
    static let marksPerCell = 4
    /// Stands where something was cut off.
    static let ellipsis = "…"

    private enum Kind {
        case cell(Int)
        case mark
        case dropped
        case unknown
    }

    /// `text` without what joins, hides, reorders or has no width that terminals agree on: joined
    /// emoji stand beside each other. Cleaned twice is cleaned once.
    static func clean(_ text: String) -> String {
        if isSimple(text) { return text }
        var result = ""
        var marks = marksPerCell
        for scalar in text.unicodeScalars {
            switch kind(of: scalar) {
            case .cell:
                result.unicodeScalars.append(scalar)
                marks = 0
            case .mark where marks < marksPerCell:
                result.unicodeScalars.append(scalar)
                marks += 1
            case .mark, .dropped: continue
            case .unknown:
                result.unicodeScalars.append("\u{FFFD}")
                marks = marksPerCell
            }
        }
        return result
    }

    /// The columns that a cleaned text takes.
    static func width(_ text: String) -> Int {
        if isSimple(text) { return text.utf8.count }
        return text.unicodeScalars.reduce(0) { $0 + columns(of: $1) }
    }

    /// The cleaned text in exactly `columns` columns: cut with an ellipsis, or filled with spaces.
    static func fit(_ text: String, _ columns: Int) -> String {
        guard columns > 0 else { return "" }
        let cut = cut(text, columns)
        return cut + String(repeating: " ", count: columns - width(cut))
    }

    /// The cleaned text in at most `columns` columns.
    static func cut(_ text: String, _ columns: Int) -> String {
        guard columns > 0 else { return "" }
        guard width(text) > columns else { return text }
        return prefix(text, columns - 1) + ellipsis
    }

    /// What of a cleaned text stands in the `columns` columns from column `start` on. Half of a
    /// wide character is a space.
    static func slice(_ text: String, from start: Int, columns: Int) -> String {
        var result = ""
        var column = 0
        for scalar in text.unicodeScalars {
            let size = self.columns(of: scalar)
            defer { column += size }
            let isInside = column >= start && column + size <= start + columns
            if isInside, size > 0 || column > start {
                result.unicodeScalars.append(scalar)
            } else if !isInside, column + size > start, column < start + columns {
                result += " "
            }
        }
        return result
    }

    /// The cleaned text in lines: the first has room for `first` columns, the others for `rest`.
    /// Broken between words where there are any, else anywhere.
    static func wrap(_ text: String, first: Int, rest: Int) -> [String] {
        var lines: [String] = []
        var left = Substring(text)
        while true {
            let room = max(2, lines.isEmpty ? first : rest)
            let fitting = prefix(String(left), room)
            guard fitting.unicodeScalars.count < left.unicodeScalars.count else {
                lines.append(String(left))
                return lines
            }
            let end = left.unicodeScalars.index(
                left.startIndex, offsetBy: max(1, fitting.unicodeScalars.count))
            if let space = left[..<end].lastIndex(of: " "), left[end] != " ",
                left[..<space].contains(where: { $0 != " " })
            {
                lines.append(String(left[..<space]))
                left = left[left.index(after: space)...]
            } else {
                lines.append(String(left[..<end]))
                left = left[end...]
                if left.first == " " { left.removeFirst() }
            }
        }
    }

    /// As much from the front as `columns` columns hold.
    private static func prefix(_ text: String, _ columns: Int) -> String {
        var result = ""
        var used = 0
        for scalar in text.unicodeScalars {
            let size = self.columns(of: scalar)
            guard used + size <= columns else { break }
            used += size
            result.unicodeScalars.append(scalar)
        }
        return result
    }

    private static func columns(of scalar: Unicode.Scalar) -> Int {
        if scalar.value < 0x7F { return 1 }
        return max(0, Int(vc_cell_width(scalar.value)))
    }

    /// Printable ASCII only.
    private static func isSimple(_ text: String) -> Bool {
        text.utf8.allSatisfy { (0x20..<0x7F).contains($0) }
    }

    private static func kind(of scalar: Unicode.Scalar) -> Kind {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: return .dropped
        case .unassigned, .privateUse: return .unknown
        default: break
        }
        // The choice of emoji or text, and of a skin: terminals disagree on what they take.
        if (0xFE00...0xFE0F).contains(scalar.value) || (0x1F3FB...0x1F3FF).contains(scalar.value) {
            return .dropped
        }
        switch vc_cell_width(scalar.value) {
        case 0: return .mark
        case let columns where columns > 0: return .cell(Int(columns))
        default: return .unknown
        }
    }
}
