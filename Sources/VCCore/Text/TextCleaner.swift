/// Takes text scalar by scalar and keeps what may stand on a line of a terminal.
struct TextCleaner {
    private(set) var text = ""
    private let keepsJoiners: Bool
    private let collapsesSpaces: Bool
    /// Combining marks since the last character that can carry one.
    private var marks = 0
    /// Whether the last scalar kept can carry a mark or a joiner.
    private var hasBase = false
    private var endsInSpace = true

    /// More marks than any script puts on one letter (Hebrew with cantillation: 4) climb over the
    /// lines above and below.
    static let marksPerCharacter = 6

    init(keepsJoiners: Bool, collapsesSpaces: Bool) {
        self.keepsJoiners = keepsJoiners
        self.collapsesSpaces = collapsesSpaces
    }

    mutating func append(_ string: String) {
        for scalar in string.unicodeScalars { append(scalar) }
    }

    private mutating func append(_ scalar: Unicode.Scalar) {
        switch Self.kind(of: scalar) {
        case .visible:
            keep(scalar)
            marks = 0
            hasBase = true
            endsInSpace = false
        case .mark:
            // A mark without a letter would sit on what the program itself printed.
            guard hasBase, marks < Self.marksPerCharacter else { return }
            marks += 1
            keep(scalar)
        case .joiner:
            guard keepsJoiners, hasBase, marks < Self.marksPerCharacter else { return }
            marks += 1
            keep(scalar)
        case .space:
            guard !(collapsesSpaces ? endsInSpace : text.isEmpty) else { return }
            keep(" ")
            hasBase = false
            endsInSpace = true
        case .replaced:
            keep("\u{FFFD}")
            marks = 0
            hasBase = false
            endsInSpace = false
        case .dropped:
            return
        }
    }

    private mutating func keep(_ scalar: Unicode.Scalar) {
        text.unicodeScalars.append(scalar)
    }

    private enum Kind {
        case visible
        case mark
        /// Zero-width joiner and non-joiner and the choice of emoji or text: several scripts and
        /// emoji cannot be written without them. Names do without: there they only fake another.
        case joiner
        case space
        case replaced
        case dropped
    }

    private static func kind(of scalar: Unicode.Scalar) -> Kind {
        switch scalar.value {
        case 0x20...0x7E: return scalar == " " ? .space : .visible
        // Every way to end a line or to jump in it is one space.
        case 0x09...0x0D, 0x85, 0x2028, 0x2029: return .space
        case 0x200C, 0x200D, 0xFE0E, 0xFE0F: return .joiner
        // The empty Braille cell looks like a space and is none.
        case 0x2800: return .space
        // Interlinear annotation: format characters that Unicode does not list as ignorable.
        case 0xFFF9...0xFFFB: return .dropped
        default: break
        }
        let properties = scalar.properties
        // Fillers, tags, variation selectors and what Unicode reserves for more of their kind.
        if properties.isDefaultIgnorableCodePoint { return .dropped }
        if properties.isNoncharacterCodePoint { return .replaced }
        switch properties.generalCategory {
        case .control, .format, .surrogate: return .dropped
        case .spaceSeparator, .lineSeparator, .paragraphSeparator: return .space
        case .nonspacingMark, .enclosingMark: return .mark
        case .privateUse: return .replaced
        default: return .visible
        }
    }
}
