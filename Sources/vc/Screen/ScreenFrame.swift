/// What stands on the screen: rows from the top, and where the cursor is.
struct ScreenFrame: Equatable {
    var rows: [ScreenRow] = []
    var cursorRow = 0
    var cursorColumn = 0
}

struct ScreenRow: Equatable {
    var runs: [ScreenRun]

    init(_ runs: [ScreenRun] = []) {
        self.runs = runs
    }

    init(_ text: String, _ style: ScreenStyle) {
        runs = [ScreenRun(text, style)]
    }

    /// The columns that it takes.
    var width: Int { runs.reduce(0) { $0 + $1.width } }
}

/// Cells beside each other that look the same.
struct ScreenRun: Equatable {
    enum Content: Equatable {
        case text(String)
        /// A part of a room code. The code itself stays in memory that is wiped; here is only which
        /// one it is, what of it, and how often it has changed.
        case code(ShownCode, Range<Int>)
    }

    let content: Content
    let style: ScreenStyle

    init(_ text: String, _ style: ScreenStyle) {
        content = .text(text)
        self.style = style
    }

    init(_ code: ShownCode, _ range: Range<Int>, _ style: ScreenStyle) {
        content = .code(code, range)
        self.style = style
    }

    var width: Int {
        switch content {
        case .text(let text): ScreenText.width(text)
        case .code(_, let range): range.count
        }
    }
}

/// A code that can be shown, without the code. Codes are ASCII: a byte is a column.
struct ShownCode: Equatable {
    enum Kind: Equatable {
        /// Of the room.
        case room
        /// For one guest.
        case oneTime
        /// The phrase of `vc tune`.
        case phrase
    }

    let kind: Kind
    /// Public, and what the room is called by those who do not know the code.
    let nameplate: UInt32
    let length: Int
    /// Changes with the code.
    let version: Int
}

/// How something looks, by what it means. Where there are no colours, all of it can still be read:
/// what a colour says stands there in words or numbers too.
enum ScreenStyle: Equatable, CaseIterable {
    case plain, strong, faint, name, ownName
    /// Talks now.
    case talking
    case good, fair, bad
    case problem
    case bar, barStrong, barProblem
    case chosen
}
