/// What was said and what happened, the oldest first, in lines of the terminal's width.
struct ScreenLog {
    enum Kind: Equatable {
        /// Somebody wrote; the name stands in front.
        case chat(name: String, isOwn: Bool)
        /// Something happened.
        case notice
        /// Something is wrong.
        case problem
        /// An answer to what was typed.
        case answer
    }

    struct Entry: Equatable {
        /// Minutes since midnight.
        let minutes: Int
        let kind: Kind
        let text: String
    }

    /// As many entries are kept.
    static let longest = 2_000
    /// `12:34 `.
    private static let timeColumns = 6

    private(set) var entries: [Entry] = []
    /// How many lines further back than the end is shown.
    private(set) var scrolledBack = 0
    private var wrapped: [ScreenRow] = []
    private var wrappedEntries = 0
    private var wrappedColumns = 0

    mutating func add(_ entry: Entry) {
        entries.append(entry)
        guard entries.count > Self.longest else { return }
        // A quarter at once, so that not each new line moves all of them.
        let oldest = entries.prefix(Self.longest / 4)
        let wrappedOldest = oldest.prefix(wrappedEntries)
        let rows = wrappedOldest.reduce(0) { $0 + Self.rows(of: $1, wrappedColumns).count }
        wrapped.removeFirst(rows)
        wrappedEntries -= wrappedOldest.count
        entries.removeFirst(oldest.count)
    }

    mutating func scroll(by lines: Int) { scrolledBack = max(0, scrolledBack + lines) }
    mutating func scrollToEnd() { scrolledBack = 0 }

    /// The newest rows, or those that were scrolled to: at most `count`.
    mutating func rows(_ count: Int, columns: Int) -> [ScreenRow] {
        if columns != wrappedColumns { wrapAnew(columns) }
        let before = wrapped.count
        wrap()
        // What is being read stays where it is.
        if scrolledBack > 0 { scrolledBack += wrapped.count - before }
        scrolledBack = max(0, min(scrolledBack, wrapped.count - count))
        let end = wrapped.count - scrolledBack
        return Array(wrapped[max(0, end - count)..<end])
    }

    private mutating func wrap() {
        for entry in entries[wrappedEntries...] {
            wrapped += Self.rows(of: entry, wrappedColumns)
        }
        wrappedEntries = entries.count
    }

    /// Breaks all in another width. The entries behind the one that is being read stay behind it.
    private mutating func wrapAnew(_ columns: Int) {
        defer { wrappedColumns = columns }
        guard wrappedEntries > 0 else { return }
        var behind = 0
        var rows = 0
        for entry in entries[..<wrappedEntries].reversed() where rows < scrolledBack {
            rows += Self.rows(of: entry, wrappedColumns).count
            behind += 1
        }
        let last = entries[..<wrappedEntries].suffix(behind)
        scrolledBack = last.reduce(0) { $0 + Self.rows(of: $1, columns).count }
        wrapped = entries[..<wrappedEntries].flatMap { Self.rows(of: $0, columns) }
    }

    private static func rows(of entry: Entry, _ columns: Int) -> [ScreenRow] {
        let time = clock(entry.minutes) + " "
        var head: [ScreenRun] = [ScreenRun(time, .faint)]
        var used = timeColumns
        var style = ScreenStyle.plain
        switch entry.kind {
        case .chat(let name, let isOwn):
            let shown = ScreenText.cut(ScreenText.clean(name), max(4, columns / 3)) + ": "
            head.append(ScreenRun(shown, isOwn ? .ownName : .name))
            used += ScreenText.width(shown)
        case .notice: style = .faint
        case .problem: style = .problem
        case .answer: style = .plain
        }
        let lines = ScreenText.wrap(
            ScreenText.clean(entry.text), first: columns - used, rest: columns - timeColumns)
        return lines.enumerated().map { index, line in
            let run = ScreenRun(line, style)
            guard index > 0 else { return ScreenRow(head + [run]) }
            return ScreenRow([ScreenRun(String(repeating: " ", count: timeColumns), .plain), run])
        }
    }

    /// `09:05`.
    private static func clock(_ minutes: Int) -> String {
        func digits(_ value: Int) -> String { value < 10 ? "0\(value)" : String(value) }
        return digits(minutes / 60 % 24) + ":" + digits(minutes % 60)
    }
}
