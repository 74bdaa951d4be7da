import Testing

@testable import vc

@Suite("The line that is being written")
struct LineEditorTests {
    init() { utf8 }

    @Test("is edited where the cursor is, by what a person sees as characters")
    func editing() {
        var line = LineEditor()
        line.insert("ab👨‍👩‍👧e\u{301}")
        line.deleteBackward()
        #expect(line.text == "ab👨‍👩‍👧")
        line.moveLeft()
        line.insert("x")
        #expect(line.left == "abx")
        line.deleteForward()
        #expect(line.text == "abx")
        line.moveToStart()
        line.moveLeft()
        line.deleteBackward()
        line.insert("日")
        #expect(line.text == "日abx")
        line.moveToEnd()
        line.insert(" two words")
        line.deleteWord()
        #expect(line.text == "日abx two ")
        line.moveWordLeft()
        #expect(line.left == "日abx ")
        line.deleteToEnd()
        line.deleteToStart()
        #expect(line.isEmpty)
    }

    @Test("takes what was pasted on one line, and steers nothing")
    func paste() {
        var line = LineEditor()
        line.insert("one\ntwo\tthree\r\nfour\u{1B}[2J\u{7}")
        #expect(line.text == "one two three four[2J")
    }

    @Test("is no longer than a message may be")
    func length() {
        var line = LineEditor()
        let isWhole = line.insert(String(repeating: "é", count: 2_000))
        #expect(isWhole)
        let isTooLong = !line.insert("é")
        #expect(isTooLong)
        #expect(line.text.utf8.count == 4_000)
    }

    @Test("keeps what was written before, and what was not finished")
    func history() {
        var line = LineEditor()
        for text in ["one", "two", "two"] {
            line.insert(text)
            #expect(line.submit() == text)
        }
        line.insert("thr")
        line.showEarlier()
        #expect(line.text == "two")
        line.showEarlier()
        line.showEarlier()
        #expect(line.text == "one")
        line.showLater()
        line.showLater()
        line.showLater()
        #expect(line.text == "thr")
    }

    @Test("shows the part around the cursor when it is too long")
    func view() {
        var line = LineEditor()
        line.insert("0123456789")
        #expect(line.view(columns: 20).text == "0123456789")
        #expect(line.view(columns: 20).cursor == 10)
        line.insert(String(repeating: "日", count: 20))
        for _ in 0..<30 {
            let view = line.view(columns: 16)
            #expect((0..<16).contains(view.cursor))
            #expect(ScreenText.width(view.text) <= 16)
            line.moveLeft()
        }
        line.moveToStart()
        #expect(line.view(columns: 16).cursor == 0)
        #expect(line.view(columns: 16).text.hasPrefix("0123456789"))
    }
}
