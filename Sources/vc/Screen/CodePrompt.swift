internal import CVCLinux
internal import Glibc
internal import VCCore
internal import VCNet

/// `vc join` asks for the code: a line in which Tab completes the words.
enum CodePrompt {
    private static let question = "Room code: "
    /// How often it is looked whether somebody wants to end the program: nobody waits for that.
    private static let lookMilliseconds: CInt = 250

    /// Asks where a person can answer key by key; nil elsewhere.
    ///
    /// - Returns: how many bytes were written to `bytes`.
    static func read(into bytes: inout [UInt8]) -> Int? {
        guard TerminalScreen.isPossible, unsafe vc_terminal_guard(STDIN_FILENO, "", 0) == 0 else {
            return nil
        }
        defer { vc_terminal_restore() }
        vc_terminal_take_keys(STDIN_FILENO)
        let entry = CodeEntry()
        var parser = KeyParser()
        show(entry)
        while true {
            guard let byte = nextByte() else { break }
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

    /// The question and what was typed, in place of what stood there.
    private static func show(_ entry: CodeEntry) {
        StandardStream.diagnostics.write("\r\u{1B}[K" + question)
        let bytes = entry.bytes
        let count = entry.count
        unsafe bytes.withUnsafeBytes { buffer in
            _ = unsafe StandardStream.diagnostics.write(
                UnsafeRawBufferPointer(rebasing: buffer[..<count]).bytes)
        }
    }

    /// Nil at the end of the input. Signals are held back for the call that has not begun: one that
    /// ends the program does so here.
    private static func nextByte() -> UInt8? {
        while vc_poll_readable(STDIN_FILENO, lookMilliseconds) != 1 {
            var pending = sigset_t()
            unsafe sigpending(&pending)
            for signal in [SIGINT, SIGTERM, SIGHUP] where unsafe sigismember(&pending, signal) == 1
            {
                vc_terminal_restore()
                StandardStream.diagnostics.write("\n")
                exit(ExitStatus.interrupted.rawValue)
            }
        }
        var byte: UInt8 = 0
        return unsafe Glibc.read(STDIN_FILENO, &byte, 1) == 1 ? byte : nil
    }
}
