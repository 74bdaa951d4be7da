internal import CVCLinux
internal import Glibc
internal import VCCore
internal import VCNet

/// `vc join` asks for the code: a line in which Tab completes the words.
enum CodePrompt {
    static let question = "Room code: "

    /// Asks where a person can answer key by key; nil elsewhere.
    ///
    /// - Returns: how many bytes were written to `bytes`.
    static func read(into bytes: inout [UInt8]) -> Int? {
        // The question goes to standard error.
        guard TerminalScreen.isPossible, isatty(STDERR_FILENO) == 1, takeKeys() else { return nil }
        defer { vc_terminal_restore() }
        let entry = CodeEntry()
        var parser = KeyParser()
        show(entry)
        while let byte = nextByte(entry) {
            let inputs = parser.read([byte])
            guard case .key(let press)? = inputs.first, press.phase != .release else { continue }
            if press.key == .enter, !entry.isEmpty { break }
            handle(press, entry)
        }
        StandardStream.diagnostics.write("\n")
        let count = min(entry.count, bytes.count)
        for place in 0..<count { bytes[place] = entry.bytes[place] }
        return count
    }

    private static func takeKeys() -> Bool {
        guard unsafe vc_terminal_guard(STDIN_FILENO, "", 0) == 0 else { return false }
        vc_terminal_take_keys(STDIN_FILENO)
        return true
    }

    private static func nextByte(_ entry: CodeEntry) -> UInt8? {
        EarlySignals.nextByte {
            vc_terminal_restore()
        } resume: {
            _ = takeKeys()
            show(entry)
        }
    }

    private static func handle(_ press: KeyPress, _ entry: CodeEntry) {
        switch press.key {
        case .character(let scalar) where press.modifiers.isEmpty:
            // What is no ASCII is a dash that somebody's program made of one.
            for byte in String(scalar).utf8 { entry.append(byte) }
        case .character("u") where press.modifiers == .control: entry.clear()
        case .backspace: entry.deleteBackward()
        case .tab:
            let words = entry.complete()
            if !words.isEmpty {
                let list = words.map(WordList.publicText).joined(separator: "  ")
                StandardStream.diagnostics.write("\n\(list)\n")
            }
        default: return
        }
        show(entry)
    }

    /// The question and what was typed, in place of what stood there: of what is longer than the
    /// line, its end.
    private static func show(_ entry: CodeEntry) {
        StandardStream.diagnostics.write("\r\u{1B}[K" + question)
        let bytes = entry.bytes
        let shown = shownRange(of: entry, columns: columns - question.utf8.count)
        unsafe bytes.withUnsafeBytes { buffer in
            _ = unsafe StandardStream.diagnostics.write(
                UnsafeRawBufferPointer(rebasing: buffer[shown]).bytes)
        }
    }

    /// What of a code stands in so many columns, of which the cursor takes one.
    static func shownRange(of entry: CodeEntry, columns: Int) -> Range<Int> {
        var start = max(0, entry.count - max(0, columns - 1))
        // Not from the middle of a character.
        while start < entry.count, entry.bytes[start] & 0xC0 == 0x80 { start += 1 }
        return start..<entry.count
    }

    private static var columns: Int {
        var (rows, columns): (CInt, CInt) = (0, 0)
        guard unsafe vc_terminal_size(STDERR_FILENO, &rows, &columns) == 0, columns > 0 else {
            return 80
        }
        return Int(columns)
    }
}
