import Testing
import VCTestKit

@testable import VCCore

@Suite("Room codes")
struct RoomCodeTests {
    @Test("are read back as they are written", arguments: 0..<200)
    func roundTrip(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let nameplate = random.next(below: 999_999) + 1
        let server = [
            nil, ServerName("example.org"), ServerName("192.0.2.7:4460"),
            ServerName("[2001:db8::1]:65535"), ServerName("2001:db8::1"),
        ][Int(seed) % 5]
        let code = RoomCode.random(
            nameplate: nameplate, server: server, using: &random, in: TestSecrets.arena)
        let text = text(of: code)
        let bytes = Array(text.utf8)
        let parsed = try RoomCode(parsing: bytes.span.bytes, in: TestSecrets.arena)
        #expect(parsed.nameplate == nameplate)
        #expect(parsed.server == server)
        let same = parsed.words.isSame(as: code.words)
        #expect(same)
        #expect(self.text(of: parsed) == text)
    }

    @Test(
        "are taken as people type, paste and dictate them",
        arguments: [
            "7-castle-volcano-dolphin", "7 castle volcano dolphin", "7-CASTLE-Volcano-dolphin",
            "  7  -  castle -- volcano\t-dolphin\r\n", "7-cast-volc-dolp", "7-castl-volcan-dolphi",
            "\"7-castle-volcano-dolphin\"", "'7-castle-volcano-dolphin'",
            "`7-castle-volcano-dolphin`", "“7-castle-volcano-dolphin”",
            "„7-castle-volcano-dolphin“",
            "«7-castle-volcano-dolphin»", "‘7-castle-volcano-dolphin’", "7–castle–volcano–dolphin",
            "7—castle—volcano—dolphin", "7‐castle‑volcano‒dolphin", "7−castle−volcano−dolphin",
            "7\u{AD}castle\u{2015}volcano\u{FF0D}dolphin", "7_castle_volcano_dolphin",
            "7\u{A0}castle\u{2009}volcano\u{3000}dolphin",
            "\u{FEFF}7-castle-volcano-dolphin\u{200B}",
            "vc join 7-castle-volcano-dolphin", "VC Join  '7-castle-volcano-dolphin'",
            "007-castle-volcano-dolphin",
        ])
    func forms(typed: String) throws {
        let bytes = Array(typed.utf8)
        let code = try RoomCode(parsing: bytes.span.bytes, in: TestSecrets.arena)
        #expect(text(of: code) == "7-castle-volcano-dolphin")
        #expect(code.server == nil)
        let withServer = Array((typed + "@EXAMPLE.org:4460").utf8)
        guard !typed.hasSuffix("'"), typed.last?.isPunctuation != true, typed.last != "`" else {
            return
        }
        #expect(
            text(of: try RoomCode(parsing: withServer.span.bytes, in: TestSecrets.arena))
                == "7-castle-volcano-dolphin@example.org:4460")
    }

    @Test("keep the server's name, also when a program made dashes of its hyphens")
    func servers() throws {
        for (typed, server) in [
            ("@my-host.example", "my-host.example"), ("@my–host.example", "my-host.example"),
            (" @ 192.0.2.1:4460\"", "192.0.2.1:4460"), ("@[2001:DB8::1]:1", "[2001:db8::1]:1"),
            ("@2001:db8::1", "[2001:db8::1]"), ("@[fe80::1%eth0]:4460", "[fe80::1%eth0]:4460"),
            ("@localhost", "localhost"), ("@host_one.", "host_one."),
        ] {
            let bytes = Array(("7-castle-volcano-dolphin" + typed).utf8)
            let code = try RoomCode(parsing: bytes.span.bytes, in: TestSecrets.arena)
            #expect(code.server?.description == server)
        }
    }

    @Test("that are not understood say where and why, before anything is sent")
    func refusals() throws {
        let spelled = Array("castle".utf8)
        let found = WordList.index(of: spelled.span.bytes)
        let castle = try #require(found)
        let cases: [(String, RoomCodeError)] = [
            ("", .empty), (" \"\" ", .empty), ("-", .nameplate),
            ("castle-volcano-dolphin", .nameplate), ("0-castle-volcano-dolphin", .nameplate),
            ("1234567-castle-volcano-dolphin", .nameplate), ("-7x-castle-volcano", .nameplate),
            ("7", .wordCount(found: 0)), ("7-castle-volcano", .wordCount(found: 2)),
            ("7-castle-volcano-dolphin-castle", .wordCount(found: 4)),
            ("7-cstle-volcano-dolphin", .unknownWord(position: 1, nearest: castle)),
            ("7-volcano-dolphin-castel", .unknownWord(position: 3, nearest: castle)),
            ("7-volcano-castlé-dolphin", .unknownWord(position: 2, nearest: castle)),
            ("7-castle-volcano-dolphin@", .server), ("7-castle-volcano-dolphin@:1", .server),
            ("7-castle-volcano-dolphin@a:0", .server),
            ("7-castle-volcano-dolphin@a:65536", .server),
            ("7-castle-volcano-dolphin@a b", .server), ("7-castle-volcano-dolphin@ä.de", .server),
            ("7-castle-volcano-dolphin@[1.2.3.4]", .server),
            ("7-castle-volcano-dolphin@-a", .server), ("7-castle-volcano-dolphin@a..b", .server),
            ("7-castle-volcano-dolphin@[::1]4460", .server),
            (String(repeating: "7", count: 1_025), .tooLong),
        ]
        for (typed, expected) in cases {
            #expect(error(Array(typed.utf8)) == expected, "\(typed)")
        }
    }

    @Test("with three-letter words need them whole")
    func shortWords() throws {
        let bytes = Array("7-aim-ask-age".utf8)
        #expect(
            text(of: try RoomCode(parsing: bytes.span.bytes, in: TestSecrets.arena))
                == "7-aim-ask-age")
        guard case .unknownWord(position: 1, _) = error(Array("7-ai-ask-age".utf8)) else {
            Issue.record("two letters were taken for a word")
            return
        }
    }

    @Test("explain every refusal in one sentence that fits its limit")
    func sentences() {
        for index in 0..<WordList.count {
            let sentence = sentence(for: .unknownWord(position: 2, nearest: index))
            let word = WordList.publicText(of: index)
            #expect(
                sentence == "word 2 of the code is not on the list; the nearest is \"\(word)\"")
        }
        for error in [
            RoomCodeError.empty, .tooLong, .nameplate, .wordCount(found: .max), .server,
        ] {
            #expect(sentence(for: error).count > 30)
        }
    }

    @Test("give CPace lv(\"vc1\") and lv of the words, joined by dashes")
    func prs() throws {
        let bytes = Array("7-Aim-CAST-age".utf8)
        let code = try RoomCode(parsing: bytes.span.bytes, in: TestSecrets.arena)
        var storage = [UInt8](repeating: 0, count: CodeWords.longestPRS)
        let count = write(into: &storage) { code.words.writePRS(into: &$0) }
        #expect(
            Array(storage[..<count]) == [0, 3] + Array("vc1".utf8) + [0, 14]
                + Array("aim-castle-age".utf8))
    }

    @Test("fit their limits, however long the words and the server are")
    func limits() throws {
        let host = String(
            (Array(repeating: String(repeating: "a", count: 62), count: 4).joined(separator: ".")
                + "b").prefix(253))
        let bytes = Array("999999-ability-academy-achieve@\(host):65535".utf8)
        #expect(bytes.count > 270)
        let code = try RoomCode(parsing: bytes.span.bytes, in: TestSecrets.arena)
        #expect(text(of: code).utf8.count == bytes.count)
        var prs = [UInt8](repeating: 0, count: CodeWords.longestPRS)
        #expect(write(into: &prs) { code.words.writePRS(into: &$0) } == CodeWords.longestPRS)
    }

    @Test("draw every word of the list, each about as often as any other")
    func random() {
        var random = SplitMix64(seed: 1)
        var counts = [Int](repeating: 0, count: Int(WordList.count))
        let draws = 43_200
        for _ in 0..<draws {
            let code = RoomCode.random(nameplate: 1, using: &random, in: TestSecrets.arena)
            let words = text(of: code).split(separator: "-").dropFirst()
            for word in words {
                let bytes = Array(word.utf8)
                counts[Int(WordList.index(of: bytes.span.bytes) ?? 0)] += 1
            }
        }
        // 100 expected of each; chi-squared with 1,295 degrees of freedom stays below 1,500 but
        // once in twenty thousand seeds.
        let expected = Double(draws * 3) / 1_296
        let statistic = counts.reduce(0) { $0 + (Double($1) - expected) * (Double($1) - expected) }
        #expect(statistic / expected < 1_500)
    }

    @Test("that differ in any one word are not the same")
    func comparison() throws {
        func words(_ text: String) throws -> RoomCode {
            let bytes = Array(text.utf8)
            return try RoomCode(parsing: bytes.span.bytes, in: TestSecrets.arena)
        }
        let code = try words("7-aim-ask-age")
        let copy = code.words.duplicate()
        let same = copy.isSame(as: code.words)
        #expect(same)
        for other in ["7-ask-ask-age", "7-aim-aim-age", "7-aim-ask-aim"] {
            let other = try words(other)
            let same = other.words.isSame(as: code.words)
            #expect(!same)
        }
    }

    @Test("never trap on what is typed", arguments: 0..<40)
    func anything(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let pieces = [
            "7", "castle", "-", "–", " ", "@", ":", "[", "]", "\"", "“", "vc join ", "%", ".", "é",
        ].map { Array($0.utf8) }
        for _ in 0..<250 {
            var bytes: [UInt8] = []
            for _ in 0..<random.next(below: 12) {
                if random.next(below: 4) == 0 {
                    bytes.append(random.next())
                } else {
                    bytes += pieces[Int(random.next(below: UInt32(pieces.count)))]
                }
            }
            _ = error(bytes)
        }
    }

    private func error(_ bytes: [UInt8]) -> RoomCodeError? {
        do throws(RoomCodeError) {
            _ = try RoomCode(parsing: bytes.span.bytes, in: TestSecrets.arena)
            return nil
        } catch {
            return error
        }
    }

    private func text(of code: borrowing RoomCode) -> String {
        var storage = [UInt8](repeating: 0, count: RoomCode.longestText)
        var count = 0
        do {
            var span = storage.mutableSpan
            var writer = ByteWriter(span.mutableBytes)
            code.write(into: &writer)
            let fits = !writer.overflowed
            #expect(fits)
            count = writer.count
        }
        return String(decoding: storage[..<count], as: UTF8.self)
    }

    private func sentence(for error: RoomCodeError) -> String {
        var storage = [UInt8](repeating: 0, count: RoomCodeError.longestText)
        let count = write(into: &storage) { error.write(into: &$0) }
        return String(decoding: storage[..<count], as: UTF8.self)
    }

    private func write(into storage: inout [UInt8], _ body: (inout ByteWriter) -> Void) -> Int {
        var span = storage.mutableSpan
        var writer = ByteWriter(span.mutableBytes)
        body(&writer)
        let fits = !writer.overflowed
        #expect(fits)
        return writer.count
    }
}
