internal import CNcurses
internal import CVCLinux
internal import Glibc
internal import VCNet

/// The terminal as a screen, through ncursesw: draws what changed, and leaves the terminal as it
/// was. Keys are read elsewhere, by `KeyParser`: ncurses knows neither when a key goes up nor what
/// is pasted.
struct TerminalScreen: ~Copyable {
    /// What a capability of terminfo has at most; real ones have some ten bytes.
    private static let longestCapability: CInt = 64

    private var shown = ScreenFrame()
    private let usesColor: Bool
    private var tellsRelease = false
    private(set) var rows = 0
    private(set) var columns = 0

    /// Whether standard input and output are a terminal that can be drawn on.
    static var isPossible: Bool {
        guard isatty(STDIN_FILENO) == 1, isatty(STDOUT_FILENO) == 1,
            let term = unsafe getenv("TERM")
        else { return false }
        return unsafe strcmp(term, "") != 0 && strcmp(term, "dumb") != 0
    }

    /// Nil where the terminal cannot be drawn on.
    init?() {
        guard Self.isPossible, unsafe vc_terminal_guard(STDIN_FILENO, "", 0) == 0 else {
            return nil
        }
        guard unsafe vc_curses_begin() != nil else {
            vc_terminal_restore()
            return nil
        }
        let noColor = unsafe getenv("NO_COLOR").map { unsafe strlen($0) > 0 } ?? false
        usesColor = !noColor && vc_curses_begin_colors() >= 8
        if usesColor {
            for (pair, color) in Pair.colors { vc_curses_define_pair(pair, color) }
        }
        vc_curses_prepare()
        begin()
        measure()
    }

    /// What a person wants anew after Ctrl-Z and `fg`.
    private mutating func begin() {
        vc_terminal_take_keys(STDIN_FILENO)
        // What is pasted comes in brackets; then: do you tell when keys go up? The second question
        // is one that every terminal answers.
        StandardStream.output.write("\u{1B}[?2004h\u{1B}[?u\u{1B}[c")
        setRestore()
    }

    /// The terminal tells when keys go up, and will from now on, and when it loses the keyboard.
    mutating func askForReleases() {
        guard !tellsRelease else { return }
        tellsRelease = true
        setRestore()
        StandardStream.output.write("\u{1B}[>3u\u{1B}[?1004h")
    }

    /// What undoes all of it, also from a signal handler.
    private var restoreSequence: [UInt8] {
        let own = (tellsRelease ? "\u{1B}[<u\u{1B}[?1004l" : "") + "\u{1B}[?2004l"
        var bytes = Array(own.utf8)
        for name in ["sgr0", "cnorm", "rmcup"] {
            var text = [CChar](repeating: 0, count: Int(Self.longestCapability))
            let count = unsafe vc_curses_capability(name, &text, Self.longestCapability)
            bytes += text.prefix(Int(count)).map { UInt8(bitPattern: $0) }
        }
        return bytes
    }

    private func setRestore() {
        let bytes = restoreSequence
        unsafe bytes.withUnsafeBytes { buffer in
            unsafe vc_terminal_set_restore(buffer.baseAddress, buffer.count)
        }
    }

    // MARK: Size

    /// The terminal has another size now.
    mutating func resize() {
        measure()
        vc_curses_resize(CInt(rows), CInt(columns))
        forget()
    }

    private mutating func measure() {
        var size = (rows: CInt(0), columns: CInt(0))
        if unsafe vc_terminal_size(STDOUT_FILENO, &size.rows, &size.columns) != 0 || size.rows == 0
        {
            size = (24, 80)
        }
        (rows, columns) = (Int(size.rows), Int(size.columns))
    }

    /// What stands there is not what we drew: draws all of it anew.
    mutating func forget() {
        vc_curses_erase()
        vc_curses_forget()
        shown = ScreenFrame()
    }

    // MARK: Drawing

    /// Draws what is not there yet.
    ///
    /// - Parameter withCode: hands over the bytes of a code, which are wiped afterwards.
    mutating func draw(
        _ frame: ScreenFrame, withCode: (ShownCode, (RawSpan) -> Void) -> Void
    ) {
        for (place, row) in frame.rows.enumerated().prefix(rows) {
            if place < shown.rows.count, shown.rows[place] == row { continue }
            vc_curses_move(CInt(place), 0)
            vc_curses_clear_to_end()
            for run in row.runs { draw(run, withCode) }
            vc_curses_style(vc_curses_normal, 0)
        }
        vc_curses_move(CInt(frame.cursorRow), CInt(min(frame.cursorColumn, columns - 1)))
        vc_curses_refresh()
        shown = frame
    }

    private func draw(
        _ run: ScreenRun, _ withCode: (ShownCode, (RawSpan) -> Void) -> Void
    ) {
        let look = run.style.look
        vc_curses_style(look.attributes, usesColor ? look.pair : 0)
        switch run.content {
        case .text(var text):
            text.withUTF8 { bytes in
                unsafe bytes.withMemoryRebound(to: CChar.self) {
                    unsafe vc_curses_add($0.baseAddress, CInt($0.count))
                }
            }
        case .code(let code, let range):
            withCode(code) { bytes in
                guard range.upperBound <= bytes.byteCount else { return }
                unsafe bytes.extracting(range).withUnsafeBytes { part in
                    unsafe vc_curses_add(
                        part.baseAddress?.assumingMemoryBound(to: CChar.self), CInt(part.count))
                }
            }
        }
    }

    // MARK: End

    /// Leaves the terminal as it was found, for Ctrl-Z or for good. What was drawn is overwritten
    /// first: codes do not stay in the memory of ncurses.
    mutating func leave() {
        vc_curses_erase()
        vc_curses_refresh()
        let own = (tellsRelease ? "\u{1B}[<u\u{1B}[?1004l" : "") + "\u{1B}[?2004l"
        StandardStream.output.write(own)
        tellsRelease = false
        endwin()
        // All but how keys come is as it was: doing it twice would undo what was there before us.
        unsafe vc_terminal_set_restore("", 0)
        vc_terminal_restore()
    }

    /// After `leave`: goes on.
    mutating func comeBack() {
        guard unsafe vc_terminal_guard(STDIN_FILENO, "", 0) == 0 else { return }
        resize()
        vc_curses_refresh()
        begin()
    }
}

/// The colours: pairs of ncurses, each on the terminal's own background.
private enum Pair {
    static let green: Int16 = 1
    static let yellow: Int16 = 2
    static let red: Int16 = 3
    static let cyan: Int16 = 4
    static let blue: Int16 = 5

    static let colors: [(Int16, Int16)] = [(green, 2), (yellow, 3), (red, 1), (cyan, 6), (blue, 4)]
}

extension ScreenStyle {
    /// Attributes and colour. Without colours the attributes are all there is.
    fileprivate var look: (attributes: attr_t, pair: Int16) {
        switch self {
        case .plain: (vc_curses_normal, 0)
        case .strong: (vc_curses_bold, 0)
        case .faint: (vc_curses_dim, 0)
        case .name: (vc_curses_bold, Pair.cyan)
        case .ownName: (vc_curses_bold, 0)
        case .talking: (vc_curses_bold, Pair.green)
        case .good: (vc_curses_normal, Pair.green)
        case .fair: (vc_curses_normal, Pair.yellow)
        case .bad: (vc_curses_bold, Pair.red)
        case .problem: (vc_curses_bold, Pair.red)
        case .bar: (vc_curses_reverse, 0)
        case .barStrong: (vc_curses_reverse | vc_curses_bold, 0)
        case .barProblem: (vc_curses_reverse | vc_curses_bold, Pair.red)
        case .chosen: (vc_curses_reverse, 0)
        }
    }
}
