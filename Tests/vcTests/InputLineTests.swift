import Testing
import VCCore

@testable import vc

@Suite("A typed line")
struct InputLineTests {
    @Test("is chat unless it begins with a slash")
    func chat() {
        #expect(read("hello /quit") == .chat(DisplayText(message: "hello /quit")))
        #expect(read("//shrug") == .chat(DisplayText(message: "/shrug")))
        #expect(read("") == .nothing)
        #expect(read(" \t\r") == .nothing)
    }

    @Test("is refused rather than cut when it is too long")
    func tooLong() {
        #expect(
            read(String(repeating: "x", count: 4_000))
                == .chat(
                    DisplayText(message: String(repeating: "x", count: 4_000))))
        guard case .refused(let why) = read(String(repeating: "x", count: 4_001)) else {
            Issue.record("4,001 bytes were taken")
            return
        }
        #expect(why.contains("nothing was sent"))
    }

    @Test("is a command of the table, in any case")
    func commands() {
        let expected: [(String, SlashCommand)] = [
            ("/help", .help(topic: nil)), ("/help gain", .help(topic: "gain")),
            ("/HELP /Gain", .help(topic: "gain")), ("/who", .who), ("/quit", .quit),
            ("/end ", .end),
            ("/name Ana  B", .name(DisplayText(name: "Ana B"))),
            ("/nick ana", .name(DisplayText(name: "ana"))), ("/announce on", .announce(true)),
            ("/announce OFF", .announce(false)), ("/mute", .mute),
            ("/invite", .invite(isOneTime: false)), ("/invite Once", .invite(isOneTime: true)),
            ("/kick Ana B", .kick(DisplayText(message: "Ana B"))), ("/verify", .verify),
            ("/lock", .lock(true)), ("/unlock", .lock(false)), ("/same", .same),
            ("/deafen", .deafen), ("/settings", .settings), ("/talk PTT", .talk(.ptt)),
            ("/talk voice", .talk(.voice)), ("/stats", .stats), ("/devices", .devices),
            ("/gain ana -6", .gain(name: DisplayText(name: "ana"), decibels: -6)),
            ("/gain Ana B +3.5", .gain(name: DisplayText(name: "Ana B"), decibels: 3.5)),
        ]
        for (line, command) in expected { #expect(read(line) == .command(command), "\(line)") }
    }

    @Test("that cannot be done says why")
    func refusals() {
        for (line, part) in [
            ("/", "/help"), ("/qiut", "did you mean /quit?"), ("/frobnicate", "/help lists them"),
            ("/announce", "/announce on|off"), ("/gain ana", "/gain NAME DB"),
            ("/talk", "/talk open|voice|ptt"), ("/talk loud", "/talk open|voice|ptt"),
            ("/gain ana 21", "/gain NAME DB"), ("/gain -6", "/gain NAME DB"),
            ("/gain ana nan", "/gain"), ("/name", "/name NAME"), ("/kick", "/kick NAME"),
            ("/invite twice", "/invite [once]"), ("/verify ana", "/verify"), ("/quit now", "/quit"),
            ("/name " + String(repeating: "x", count: 33), "/name NAME"),
        ] {
            guard case .refused(let why) = read(line) else {
                Issue.record("\(line) was taken")
                continue
            }
            #expect(why.contains(part), "\(why)")
        }
    }

    @Test("never traps", arguments: 0..<20)
    func anything(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for _ in 0..<300 {
            let count = Int(random.next(below: 30))
            var bytes = (0..<count).map { _ in random.next(UInt8.self) }
            bytes.insert(UInt8(ascii: "/"), at: 0)
            _ = InputLine(bytes.span.bytes)
        }
    }

    @Test("finds its help in the table that the parser uses")
    func help() {
        let lines = SlashHelp.lines(topic: nil) ?? []
        #expect(lines.count == SlashHelp.entries.count)
        #expect(SlashHelp.lines(topic: "nick")?.first?.contains("also /nick") == true)
        #expect(SlashHelp.lines(topic: "frobnicate") == nil)
        #expect(read("/debug") == .command(.debug))
    }

    @Test("names a member by the name, the number or its beginning, and never two")
    func members() {
        let members = [
            ("ana", 1), ("Anabel", 2), ("bob", 3), ("BOB", 4), ("3", 5), ("4 you", 6),
        ].map { MemberName(number: $0.1, name: DisplayText(name: $0.0)) }
        for (typed, number) in [
            ("ana", 1), ("ANA", 1), ("anab", 2), ("an", nil), ("bob", 3), ("Bob", nil), ("3", 5),
            ("4", 4), ("zoe", nil),
        ] as [(String, Int?)] {
            #expect(findMember(DisplayText(name: typed), among: members) == number, "\(typed)")
        }
    }

    @Test("without a name gives guest and a word of the list")
    func guest() {
        var random = SplitMix64(seed: 3)
        let names = (0..<50).map { _ in guestName(using: &random).text }
        #expect(names.allSatisfy { $0.hasPrefix("guest-") && $0.count <= 13 })
        #expect(Set(names).count > 40)
    }

    private func read(_ line: String) -> InputLine {
        let bytes = Array(line.utf8)
        return InputLine(bytes.span.bytes)
    }
}
