import Testing

@testable import vc

@Suite("Keys of a terminal")
struct KeyParserTests {
    @Test(
        "are told apart in the sequences of xterm, the Linux console and the kitty protocol",
        arguments: [
            ("a", KeyPress(key: .character("a"))), ("é", KeyPress(key: .character("é"))),
            ("日", KeyPress(key: .character("日"))), ("\r", KeyPress(key: .enter)),
            ("\t", KeyPress(key: .tab)), ("\u{7F}", KeyPress(key: .backspace)),
            ("\u{12}", KeyPress(key: .character("r"), modifiers: .control)),
            ("\u{11}", KeyPress(key: .character("q"), modifiers: .control)),
            ("\u{1B}[A", KeyPress(key: .up)), ("\u{1B}OA", KeyPress(key: .up)),
            ("\u{1B}[1;5D", KeyPress(key: .left, modifiers: .control)),
            ("\u{1B}[H", KeyPress(key: .home)), ("\u{1B}[4~", KeyPress(key: .end)),
            ("\u{1B}[3~", KeyPress(key: .delete)), ("\u{1B}[5~", KeyPress(key: .pageUp)),
            ("\u{1B}OP", KeyPress(key: .function(1))),
            ("\u{1B}[11~", KeyPress(key: .function(1))),
            ("\u{1B}[[A", KeyPress(key: .function(1))),
            ("\u{1B}OS", KeyPress(key: .function(4))),
            ("\u{1B}[14~", KeyPress(key: .function(4))),
            ("\u{1B}[15~", KeyPress(key: .function(5))),
            ("\u{1B}[24~", KeyPress(key: .function(12))),
            ("\u{1B}b", KeyPress(key: .character("b"), modifiers: .alt)),
            ("\u{1B}[Z", KeyPress(key: .tab, modifiers: .shift)),
            ("\u{1B}[27u", KeyPress(key: .escape)),
            ("\u{1B}[114;5u", KeyPress(key: .character("r"), modifiers: .control)),
            // Num Lock says nothing about a key.
            ("\u{1B}[113;133u", KeyPress(key: .character("q"), modifiers: .control)),
            ("\u{1B}[1;1:1S", KeyPress(key: .function(4))),
            ("\u{1B}[1;1:2S", KeyPress(key: .function(4), phase: .again)),
            ("\u{1B}[1;1:3S", KeyPress(key: .function(4), phase: .release)),
            ("\u{1B}[14;1:3~", KeyPress(key: .function(4), phase: .release)),
            ("\u{1B}[97;1:3u", KeyPress(key: .character("a"), phase: .release)),
            ("\u{1B}[57400;129u", KeyPress(key: .character("1"))),
        ])
    func keys(bytes: String, press: KeyPress) {
        var parser = KeyParser()
        #expect(parser.read(bytes.utf8) == [.key(press)])
        #expect(!parser.isWaiting)
        // And in single bytes, as a slow line brings them.
        var slow = KeyParser()
        #expect(bytes.utf8.flatMap { slow.read([$0]) } == [.key(press)])
    }

    @Test("Escape is a key once nothing follows it")
    func escape() {
        var parser = KeyParser()
        #expect(parser.read([0x1B]) == [])
        #expect(parser.isWaiting)
        #expect(parser.flush() == [.key(KeyPress(key: .escape))])
        #expect(parser.flush() == [])
        #expect(parser.read("\u{1B}[".utf8) == [])
        #expect(parser.flush() == [.key(KeyPress(key: .character("["), modifiers: .alt))])
    }

    @Test("what is pasted is one piece, whatever it contains")
    func paste() {
        var parser = KeyParser()
        let inputs = parser.read("\u{1B}[200~/quit\nx\u{1B}[A\u{1B}[201~y".utf8)
        #expect(
            inputs == [.paste("/quit\nx\u{1B}[A"), .key(KeyPress(key: .character("y")))])
        let long = String(repeating: "z", count: 200_000)
        let cut = parser.read("\u{1B}[200~\(long)\u{1B}[201~".utf8)
        #expect(cut == [.paste(String(repeating: "z", count: KeyParser.longestPaste))])
    }

    @Test("a terminal that speaks the kitty protocol says so, and every one answers the other")
    func answers() {
        var parser = KeyParser()
        #expect(
            parser.read("\u{1B}[?0u\u{1B}[?62;22c".utf8) == [.keyboardFlags(0), .attributes])
        #expect(parser.read("\u{1B}[I\u{1B}[O".utf8) == [.focus(true), .focus(false)])
    }

    @Test("garbage makes no keys that nobody pressed, and never ends reading")
    func garbage() {
        var parser = KeyParser()
        #expect(parser.read("\u{1B}[\(String(repeating: "9;", count: 200))".utf8).count < 400)
        #expect(parser.read("\u{1B}[999999999999999999999u\u{1B}[38;5;1m".utf8) == [])
        var random = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            let bytes = (0..<64).map { _ in UInt8.random(in: 0...255, using: &random) }
            _ = parser.read(bytes)
        }
        _ = parser.read("\u{1B}[201~".utf8)
        _ = parser.flush()
        #expect(parser.read("\u{1B}[Aé".utf8).last == .key(KeyPress(key: .character("é"))))
        #expect(
            parser.read([0xE6, 0x97, 0x61]) == [
                .key(KeyPress(key: .character("\u{FFFD}"))), .key(KeyPress(key: .character("a"))),
            ])
    }
}
