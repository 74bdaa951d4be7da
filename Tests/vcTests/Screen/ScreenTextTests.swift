import CVCLinux
import Testing

@testable import vc

/// Widths of characters are those of a UTF-8 locale.
let utf8: Void = vc_use_utf8()

@Suite("Text in cells")
struct ScreenTextTests {
    init() { utf8 }

    @Test("takes as many columns as the terminal gives it")
    func width() {
        #expect(ScreenText.width("abc") == 3)
        #expect(ScreenText.width("日本") == 4)
        #expect(ScreenText.width("e\u{301}") == 1)
        #expect(ScreenText.width("🙂") == 2)
    }

    @Test("has nothing in it on whose width terminals disagree, or that steers them")
    func clean() {
        #expect(ScreenText.clean("👩\u{200D}🚀") == "👩🚀")
        #expect(ScreenText.clean("❤\u{FE0F}") == "❤")
        #expect(ScreenText.clean("a\u{202E}b\u{1B}[2Jc") == "ab[2Jc")
        #expect(ScreenText.clean("\u{301}a") == "a")
        let marks = String(repeating: "\u{301}", count: 30)
        #expect(ScreenText.clean("a" + marks).unicodeScalars.count == 5)
        let cleaned = ScreenText.clean("x\u{E000}👍🏽 \u{0000}ü")
        #expect(ScreenText.clean(cleaned) == cleaned)
    }

    @Test("is cut and filled to the column, wide characters too")
    func fit() {
        #expect(ScreenText.fit("ana", 5) == "ana  ")
        #expect(ScreenText.fit("anastasia", 5) == "anas…")
        #expect(ScreenText.fit("日本語", 6) == "日本語")
        #expect(ScreenText.fit("日本語", 5) == "日本…")
        #expect(ScreenText.fit("日本語", 4) == "日… ")
        #expect(ScreenText.fit("x", 0) == "")
        #expect(ScreenText.slice("a日b", from: 0, columns: 2) == "a ")
        #expect(ScreenText.slice("a日b", from: 2, columns: 2) == " b")
    }

    @Test("breaks into lines between words, and inside those that are too long")
    func wrap() {
        #expect(
            ScreenText.wrap("one two three", first: 8, rest: 6) == ["one two", "three"])
        #expect(ScreenText.wrap("abcdefgh", first: 3, rest: 3) == ["abc", "def", "gh"])
        #expect(ScreenText.wrap("日本語", first: 5, rest: 5) == ["日本", "語"])
        #expect(ScreenText.wrap("", first: 5, rest: 5) == [""])
        let text = "aaa bb 日本語 cccccccccccccccccc d"
        for room in 2...20 {
            let lines = ScreenText.wrap(text, first: room, rest: room)
            #expect(lines.allSatisfy { ScreenText.width($0) <= room })
            #expect(
                lines.joined().filter { $0 != " " } == text.filter { $0 != " " })
        }
    }
}
