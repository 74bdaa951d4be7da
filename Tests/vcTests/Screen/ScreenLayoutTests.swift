import Glibc
import Testing
import VCCore

@testable import vc

@Suite("The full-screen interface looks as it did")
struct ScreenLayoutTests {
    init() { utf8 }

    @Test("in every size that it is made for", arguments: [(12, 60), (24, 80), (40, 120)])
    func sizes(rows: Int, columns: Int) throws {
        var state = call()
        try check(&state, "talk-\(columns)x\(rows)", rows: rows, columns: columns)
    }

    @Test("with sixteen members", arguments: [(12, 60), (24, 80), (40, 120)])
    func sixteen(rows: Int, columns: Int) throws {
        var state = call(others: 15)
        try check(&state, "sixteen-\(columns)x\(rows)", rows: rows, columns: columns)
    }

    @Test("with long names and wide characters")
    func wide() throws {
        var state = call()
        state.apply(.renamed(member: 2, name: DisplayText(name: "日本語のとても長い名前です、本当に")))
        state.apply(
            .renamed(member: 3, name: DisplayText(name: "Wolfeschlegelsteinhausenberger")))
        say(&state, 2, "これは長い文です。端末の幅を超えるので、折り返されなければなりません。")
        say(&state, 3, "👩‍👩‍👧 and e\u{301}\u{302}\u{303} and \u{202E}right to left")
        state.editor.insert("日本語を書いています、長い長い長い長い長い長い行です")
        try check(&state, "wide-60x12", rows: 12, columns: 60)
    }

    @Test("with each panel")
    func panels() throws {
        var state = call()
        state.panel = .help(firstLine: 0)
        try check(&state, "help-80x24", rows: 24, columns: 80)
        state.panel = .help(firstLine: 1_000)
        try check(&state, "help-end-60x12", rows: 12, columns: 60)
        state.panel = .invite
        try check(&state, "invite-60x12", rows: 12, columns: 60)
        state.oneTimeCode = ShownCode(kind: .oneTime, nameplate: 8, length: 70, version: 2)
        try check(&state, "invite-once-60x12", rows: 12, columns: 60)
        state.panel = .settings(chosen: 1)
        state.settings = [
            ScreenSetting(title: "talk", value: "opened by voice", more: .talk(.ptt)),
            ScreenSetting(title: "microphone muted", value: "no", less: .mute, more: .mute),
            ScreenSetting(
                title: "encoder", value: "10 ms, 48000 bit/s, complexity 5, low delay",
                how: "At start: --frame, --bitrate, --complexity"),
        ]
        try check(&state, "settings-60x12", rows: 12, columns: 60)
        state.panel = .settings(chosen: 2)
        try check(&state, "settings-fixed-60x12", rows: 12, columns: 60)
    }

    @Test("the volume of a member with the longest name is seen, on the narrowest screen, too")
    func longName() {
        var state = call()
        let name = String(repeating: "w", count: 32)
        state.settings = [
            ScreenSetting(title: "volume of " + name, value: "-12 dB"),
            ScreenSetting(title: "microphone", value: "alsa:a-device-with-a-name-of-38-col"),
        ]
        let rows = ScreenPanels.settings(state, chosen: 0, rows: 5, columns: 60)
        #expect(rows[0] == ScreenRow("  volume of \(name)  -12 dB        ", .chosen))
        let device = "  microphone          alsa:a-device-with-a-name-of-38-col   "
        #expect(rows[1] == ScreenRow(device, .faint))
    }

    @Test("with the one thing that is wrong")
    func problem() throws {
        var state = call()
        state.apply(.warning(kind: "microphone-silent", message: "your microphone is silent"))
        state.candidates = ["ana", "anton"]
        state.microphone.setMuted(true)
        state.whisperTo = "ben"
        try check(&state, "problem-60x12", rows: 12, columns: 60)
    }

    @Test("fills no more than the terminal has, in any size")
    func sizesOfAnyKind() {
        for others in [0, 1, 5, 15] {
            for panel in [nil, .help(firstLine: 3), .invite, .settings(chosen: 0)]
                as [ScreenState.Panel?]
            {
                var state = call(others: others)
                state.panel = panel
                state.editor.insert(String(repeating: "long 日本 ", count: 30))
                for rows in [0, 1, 3, 5, 7, 12, 50] {
                    for columns in [0, 1, 5, 19, 20, 33, 60, 61, 200] {
                        let frame = ScreenLayout.frame(&state, rows: rows, columns: columns)
                        #expect(frame.rows.count <= rows)
                        #expect(frame.rows.allSatisfy { $0.width <= columns })
                        #expect(rows < 5 || frame.rows.count == rows || columns <= 4)
                        #expect(columns < 5 || frame.cursorColumn < columns)
                    }
                }
            }
        }
    }

    @Test("tells in words or numbers whatever it tells in colours")
    func withoutColors() {
        var state = call()
        let frame = ScreenLayout.frame(&state, rows: 24, columns: 80)
        let text = frame.rows.map(plainText).joined(separator: "\n")
        for part in ["0.0%", "3.0%", "12%", "muted", "►", "verified", "host", "whispers"] {
            #expect(text.contains(part), "\(part)")
        }
        let styles = Set(frame.rows.flatMap { $0.runs.map { "\($0.style)" } })
        for style in ["good", "fair", "bad", "talking"] { #expect(styles.contains(style)) }
    }

    // MARK: A call

    private let names = [
        "ben", "Anna-Lena", "chris", "dora", "emil", "franziska", "gustav", "hanna", "ida",
        "jakob", "klara", "lukas", "mia", "noah", "olga",
    ]

    /// A host with others, some of whom talk, are muted, lose packets.
    private func call(others: Int = 3) -> ScreenState {
        var state = room()
        state.opened(ShownCode(kind: .room, nameplate: 7, length: 34, version: 1))
        var statistics = CallStatistics()
        for number in 2..<(2 + others) {
            state.apply(
                .member(
                    MemberChange(
                        number: number, name: DisplayText(name: names[number - 2]), state: .joined,
                        isHost: false, isVerified: number == 3)))
            var counted = MemberStatistics(number: number)
            counted.rung = [.direct, .relay, .host][number % 3]
            counted.roundTripMilliseconds = Double(8 * number)
            counted.mouthToEarMilliseconds = number == 2 ? nil : Double(20 * number)
            statistics.members.append(counted)
        }
        state.apply(.statistics(statistics))
        for place in statistics.members.indices {
            statistics.members[place].received = 100 - [0, 3, 12][place % 3]
            statistics.members[place].lost = [0, 3, 12][place % 3]
        }
        state.apply(.statistics(statistics))
        state.log = ScreenLog()
        if others > 2 {
            state.apply(.muted(member: 3, isOn: true))
            state.apply(.talking(member: 4, isOn: true))
            state.members[3].isWhispering = true
            state.apply(.path(member: 4, rung: .relay, roundTripMilliseconds: 44, why: "no way"))
            say(&state, 2, "good evening, everybody: this is a line that has to be broken in two")
            state.apply(.sent(id: 1, text: DisplayText(message: "hello ben")))
        }
        _ = state.setLevels { $0.number == 4 ? 30 : 127 }
        return state
    }

    private func say(_ state: inout ScreenState, _ from: Int, _ text: String) {
        let name = state.members.first { $0.number == from }?.name ?? DisplayText(name: "x")
        state.apply(
            .chat(ChatMessage(from: from, name: name, text: DisplayText(message: text), id: 1)))
    }

    // MARK: Snapshots

    /// Text above, styles below: one letter for each cell.
    private func check(
        _ state: inout ScreenState, _ name: String, rows: Int, columns: Int,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let frame = ScreenLayout.frame(&state, rows: rows, columns: columns)
        let styles = frame.rows.map { row in
            row.runs.map { run in
                String(repeating: letter(run.style), count: run.width)
            }.joined()
        }
        let cursor = "cursor: row \(frame.cursorRow), column \(frame.cursorColumn)"
        let lines = frame.rows.map { plainText($0) + "|" } + [cursor, ""] + styles.map { $0 + "|" }
        let text = lines.joined(separator: "\n") + "\n"
        let folder = "\(#filePath)".split(separator: "/").dropLast(2)
        let path = "/" + folder.joined(separator: "/") + "/Snapshots/screen-\(name).txt"
        if getenv("VC_UPDATE_SNAPSHOTS") != nil {
            let file = try #require(fopen(path, "w"))
            fputs(text, file)
            fclose(file)
        }
        let file = try #require(fopen(path, "r"))
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = fread(&bytes, 1, bytes.count, file)
        #expect(
            String(decoding: bytes[..<count], as: UTF8.self) == text,
            sourceLocation: sourceLocation)
    }

    private func letter(_ style: ScreenStyle) -> Character {
        switch style {
        case .plain: "."
        case .strong: "S"
        case .faint: "f"
        case .name: "n"
        case .ownName: "o"
        case .talking: "T"
        case .good: "g"
        case .fair: "y"
        case .bad: "r"
        case .problem: "p"
        case .bar: "_"
        case .barStrong: "B"
        case .barProblem: "R"
        case .chosen: "C"
        }
    }
}
