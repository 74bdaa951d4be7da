import Testing

@testable import vc

@Suite("A code that is typed")
struct CodeEntryTests {
    @Test("is completed by Tab, word by word, with a dash behind each but the last")
    func completes() {
        let entry = type("7-wor")
        // The list knows which words begin so.
        let several = entry.complete()
        if several.isEmpty { #expect(text(entry).hasSuffix("-")) }
        let clear = type("7-tabl")
        #expect(clear.complete().isEmpty)
        #expect(text(clear) == "7-tablet-")
        for letter in "WHIS".utf8 { clear.append(letter) }
        #expect(clear.complete().isEmpty)
        #expect(text(clear) == "7-tablet-WHIStle-")
        for letter in "tabl".utf8 { clear.append(letter) }
        #expect(clear.complete().isEmpty)
        #expect(text(clear) == "7-tablet-WHIStle-tablet")
    }

    @Test("shows its end where the line is too short for it, whole characters only")
    func tail() {
        let entry = type("7-tablet-whistle-tablet@signal.example.org")
        #expect(CodePrompt.shownRange(of: entry, columns: 80) == 0..<42)
        #expect(CodePrompt.shownRange(of: entry, columns: 42) == 1..<42)
        #expect(CodePrompt.shownRange(of: entry, columns: 10) == 33..<42)
        #expect(CodePrompt.shownRange(of: entry, columns: -3).isEmpty)
        #expect(CodePrompt.shownRange(of: type("7–w"), columns: 4) == 4..<5)
    }

    @Test("shows the words that may be meant, when they are few")
    func several() {
        let entry = type("7-t")
        let words = entry.complete()
        #expect(words.count <= CodeEntry.mostListed)
        #expect(text(entry).hasPrefix("7-t"))
        for begin in ["ta", "sta", "pre", "co"] {
            let entry = type("12 \(begin)")
            _ = entry.complete()
            #expect(text(entry).hasPrefix("12 \(begin)"))
        }
    }

    @Test("is left alone in its number, in the server's name, and where no word begins so")
    func nothing() {
        for typed in ["", "7", "7-", "7-zzzz", "7-tablet-whistle-tablet@tabl"] {
            let entry = type(typed)
            #expect(entry.complete().isEmpty)
            #expect(text(entry) == typed)
        }
    }

    @Test("is never longer than its memory")
    func bounds() {
        let entry = type(String(repeating: "x", count: 5_000))
        #expect(entry.count == entry.bytes.count)
        entry.clear()
        #expect(entry.isEmpty)
        #expect(entry.bytes.allSatisfy { $0 == 0 })
        entry.deleteBackward()
    }

    private func type(_ text: String) -> CodeEntry {
        let entry = CodeEntry()
        for byte in text.utf8 { entry.append(byte) }
        return entry
    }

    private func text(_ entry: CodeEntry) -> String {
        String(decoding: entry.bytes[..<entry.count], as: UTF8.self)
    }
}

@Suite("Bare vc")
struct StartMenuTests {
    @Test("takes a command or how it begins, and asks again otherwise")
    func answers() {
        #expect(StartMenu.meant(by: "h") == .host)
        #expect(StartMenu.meant(by: " Join ") == .join)
        #expect(StartMenu.meant(by: "doc") == .doctor)
        for answer in ["", " ", "x", "hosts", "help"] {
            #expect(StartMenu.meant(by: answer) == nil)
        }
    }
}
