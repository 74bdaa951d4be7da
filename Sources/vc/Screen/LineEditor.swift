internal import VCCore

/// The line that the person writes: what stands left and right of the cursor, and the lines before.
struct LineEditor: Equatable {
    /// As many earlier lines are kept.
    static let rememberedLines = 200

    private(set) var left = ""
    private(set) var right = ""
    private var history: [String] = []
    /// The place in `history` that is shown; its end is what is being written.
    private var place = 0
    private var unfinished = ""

    var text: String { left + right }
    var isEmpty: Bool { left.isEmpty && right.isEmpty }

    // MARK: Writing

    /// Inserts what can be written on one line: line ends and tabs become spaces. False when
    /// something was left out because the line is as long as a message may be.
    @discardableResult
    mutating func insert(_ added: String) -> Bool {
        var room = Limits.chatMessage - left.utf8.count - right.utf8.count
        for character in added {
            guard let written = Self.writable(character) else { continue }
            guard written.utf8.count <= room else { return false }
            room -= written.utf8.count
            left += written
        }
        return true
    }

    private static func writable(_ character: Character) -> String? {
        if character.isNewline || character == "\t" { return " " }
        let kept = character.unicodeScalars.filter {
            $0.properties.generalCategory != .control && $0.properties.generalCategory != .surrogate
        }
        return kept.isEmpty ? nil : String(String.UnicodeScalarView(kept))
    }

    /// Puts another text in place of what stands left of the cursor.
    mutating func replaceLeft(_ text: String) {
        left = ""
        insert(text)
    }

    mutating func clear() {
        left = ""
        right = ""
        place = history.count
    }

    /// The line is done: returns it and begins another one.
    mutating func submit() -> String {
        let line = text
        if !line.isEmpty, history.last != line { history.append(line) }
        if history.count > Self.rememberedLines { history.removeFirst() }
        clear()
        return line
    }

    // MARK: Deleting

    mutating func deleteBackward() { _ = left.popLast() }
    mutating func deleteForward() { if !right.isEmpty { right.removeFirst() } }
    mutating func deleteToStart() { left = "" }
    mutating func deleteToEnd() { right = "" }

    mutating func deleteWord() {
        while left.last == " " { left.removeLast() }
        while let last = left.last, last != " " { left.removeLast() }
    }

    // MARK: Moving

    mutating func moveLeft() {
        guard let last = left.popLast() else { return }
        right = String(last) + right
    }

    mutating func moveRight() {
        guard !right.isEmpty else { return }
        left.append(right.removeFirst())
    }

    mutating func moveToStart() { (left, right) = ("", text) }
    mutating func moveToEnd() { (left, right) = (text, "") }

    mutating func moveWordLeft() {
        while left.last == " " { moveLeft() }
        while let last = left.last, last != " " { moveLeft() }
    }

    mutating func moveWordRight() {
        while right.first == " " { moveRight() }
        while let first = right.first, first != " " { moveRight() }
    }

    // MARK: Earlier lines

    mutating func showEarlier() {
        guard place > 0 else { return }
        if place == history.count { unfinished = text }
        place -= 1
        (left, right) = (history[place], "")
    }

    mutating func showLater() {
        guard place < history.count else { return }
        place += 1
        (left, right) = (place == history.count ? unfinished : history[place], "")
    }

    // MARK: On the screen

    /// What of the line stands in `columns` columns, and the column of the cursor there.
    func view(columns: Int) -> (text: String, cursor: Int) {
        let whole = ScreenText.clean(text)
        let before = ScreenText.width(ScreenText.clean(left))
        // The cursor takes a column behind the end too.
        guard columns > 1 else { return ("", 0) }
        guard ScreenText.width(whole) >= columns else { return (whole, before) }
        // Moves by a third of the room, so that what is written does not run along with each key.
        let step = max(1, columns / 3)
        let start = before < columns - 1 ? 0 : ((before - columns + 1) / step + 1) * step
        return (ScreenText.slice(whole, from: start, columns: columns), before - start)
    }
}
