import Testing

@testable import VCCore

@Suite("Text from outside")
struct DisplayTextTests {
    @Test("keeps what people write")
    func ordinary() {
        for text in [
            "hello", "Grüße, Ærøskøbing", "привет", "مرحبا بالعالم", "你好，世界", "नमस्ते", "สวัสดี", "😀 👍🏽",
            "👩‍👩‍👧‍👦", "❤️", "e\u{301}", "می‌خواهم", "a  b", "~!@#$%^&*()_+{}|\\", "U+FFFD \u{FFFD}",
        ] {
            #expect(DisplayText(message: text).text == text)
        }
        for name in ["ana", "Zoë", "李雷", "guest-castle", "a.b c"] {
            #expect(DisplayText(name: name).text == name)
        }
    }

    @Test("cannot steer the terminal")
    func controls() {
        for (raw, clean) in [
            ("\u{1B}[2Jx", "[2Jx"), ("a\u{1B}]0;title\u{7}b", "a]0;titleb"), ("\u{9B}31mx", "31mx"),
            ("a\u{0}b\u{8}c\u{7F}d", "abcd"), ("a\u{90}b\u{9D}c", "abc"),
        ] {
            #expect(DisplayText(message: raw).text == clean)
            #expect(DisplayText(name: raw).text == clean)
        }
    }

    @Test("stays on its line")
    func lines() {
        for ending in [
            "\n", "\r", "\r\n", "\t", "\u{B}", "\u{C}", "\u{85}", "\u{2028}", "\u{2029}",
        ] {
            let text = DisplayText(name: "a\(ending)* bob left").text
            #expect(text == "a * bob left", "\(ending.unicodeScalars.map(\.value))")
            let message = DisplayText(message: "a\(ending)* bob left").text
            let breaks = message.contains { $0.isNewline }
            #expect(!breaks)
        }
    }

    @Test("cannot turn round or hide what stands beside it")
    func invisible() {
        let ranges: [ClosedRange<UInt32>] = [
            0x202A...0x202E, 0x2066...0x2069, 0x200E...0x200F, 0x061C...0x061C, 0x200B...0x200B,
            0x2060...0x2064, 0xFEFF...0xFEFF, 0x00AD...0x00AD, 0x034F...0x034F, 0x115F...0x1160,
            0x3164...0x3164, 0xFFA0...0xFFA0, 0xE0000...0xE007F, 0xFE00...0xFE0D, 0xFFF9...0xFFFB,
            0x1D173...0x1D17A, 0x206A...0x206F, 0x180B...0x180E,
        ]
        for value in ranges.joined() {
            let scalar = Unicode.Scalar(value).map(String.init) ?? ""
            #expect(DisplayText(name: "a\(scalar)b").text == "ab", "\(String(value, radix: 16))")
            #expect(DisplayText(message: "a\(scalar)b").text == "ab")
        }
        #expect(DisplayText(name: "an\u{200D}a\u{FE0F}\u{200C}").text == "ana")
        #expect(DisplayText(message: "\u{200D}\u{FE0F}a").text == "a")
    }

    @Test("shows what nobody can name as one sign")
    func replaced() {
        #expect(DisplayText(message: "a\u{E000}\u{FFFF}b").text == "a\u{FFFD}\u{FFFD}b")
    }

    @Test("does not climb over other lines, and no mark sits on what the program wrote")
    func marks() {
        let tower = "a" + String(repeating: "\u{301}", count: 50) + "b"
        #expect(DisplayText(message: tower).text.unicodeScalars.count == 8)
        #expect(DisplayText(message: "\u{301}\u{20DD}a").text == "a")
        #expect(DisplayText(message: "a \u{301}b").text == "a b")
        let joiners = "a" + String(repeating: "\u{200D}", count: 50) + "b"
        #expect(DisplayText(message: joiners).text.unicodeScalars.count == 8)
    }

    @Test("of a name has 32 characters and 128 bytes at most, and no spaces to fake another's")
    func nameLimits() {
        let long = DisplayText(name: String(repeating: "x", count: 33))
        #expect(long.text.count == 32)
        #expect(long.wasCut)
        #expect(!DisplayText(name: String(repeating: "x", count: 32)).wasCut)
        let wide = DisplayText(name: String(repeating: "😀", count: 33)).text
        #expect(wide.count == 32)
        #expect(wide.utf8.count == 128)
        let marked = DisplayText(name: String(repeating: "a\u{301}\u{302}\u{303}", count: 32))
        #expect(marked.text.utf8.count == 126)
        #expect(marked.text.unicodeScalars.count == 18 * 4)
        #expect(marked.wasCut)
        #expect(DisplayText(name: " \u{3000} a \u{A0}\u{2800} b\t").text == "a b")
        #expect(DisplayText(name: String(repeating: "x", count: 31) + " y").text.count == 31)
        #expect(DisplayText(name: " \u{202E}\u{1B} ").isEmpty)
    }

    @Test("of a message is cut between characters at 4,000 bytes")
    func messageLimits() {
        let exact = DisplayText(message: String(repeating: "x", count: 4_000))
        #expect(exact.text.utf8.count == 4_000)
        #expect(!exact.wasCut)
        let family = "👩‍👩‍👧‍👦"
        let cut = DisplayText(message: String(repeating: family, count: 500))
        #expect(cut.wasCut)
        #expect(cut.text == String(repeating: family, count: 4_000 / family.utf8.count))
    }

    @Test("is made of any bytes; cleaning it again changes nothing", arguments: 0..<60)
    func anything(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for _ in 0..<30 {
            let bytes = randomBytes(&random)
            for text in [
                DisplayText(message: bytes.span.bytes), DisplayText(name: bytes.span.bytes),
            ] {
                for scalar in text.text.unicodeScalars {
                    #expect(scalar.value >= 0x20 && !(0x7F...0x9F).contains(scalar.value))
                    #expect(!(0x202A...0x202E).contains(scalar.value))
                    #expect(!(0x2066...0x2069).contains(scalar.value))
                }
            }
            let message = DisplayText(message: bytes.span.bytes)
            #expect(message.text.utf8.count <= 4_000)
            #expect(DisplayText(message: message.text).text == message.text)
            let name = DisplayText(name: bytes.span.bytes)
            #expect(name.text.count <= 32 && name.text.utf8.count <= 128)
            #expect(DisplayText(name: name.text).text == name.text)
        }
    }

    private func randomBytes(_ random: inout SplitMix64) -> [UInt8] {
        let count = Int(random.next(below: random.next(below: 10) == 0 ? 5_000 : 100))
        if random.next(below: 2) == 0 {
            return (0..<count).map { _ in random.next(UInt8.self) }
        }
        var string = ""
        for _ in 0..<count {
            let bound: UInt32 = random.next(below: 2) == 0 ? 0x3100 : 0x11_0000
            guard let scalar = Unicode.Scalar(random.next(below: bound)) else { continue }
            string.unicodeScalars.append(scalar)
        }
        return Array(string.utf8)
    }
}
