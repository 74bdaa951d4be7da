import Testing
import VCCore

@testable import vc

@Suite("The full-screen interface")
struct ScreenStateTests {
    init() { utf8 }

    @Test("does what its keys say")
    func keys() {
        var state = room()
        #expect(press(&state, .function(4)) == .talk(.press))
        #expect(press(&state, .character("r"), .control) == .mute)
        #expect(press(&state, .character("q"), .control) == .leave)
        #expect(press(&state, .character("c"), .control) == .interrupt)
        #expect(press(&state, .character("z"), .control) == .suspend)
        #expect(press(&state, .function(1)) == nil)
        #expect(state.panel == .help(firstLine: 0))
        #expect(press(&state, .function(2)) == .invite)
        #expect(state.panel == .invite)
        #expect(press(&state, .escape) == nil)
        #expect(state.panel == nil)
        // A panel is no reason not to write.
        _ = press(&state, .function(1))
        for letter in "hi" { _ = press(&state, .character(letter.unicodeScalars.first!)) }
        #expect(press(&state, .enter) == .line("hi"))
        #expect(press(&state, .enter) == nil)
    }

    @Test("hears a key go up only where it is the one to talk")
    func releases() {
        var state = room()
        let release = KeyPress(key: .character("a"), phase: .release)
        #expect(state.handle(.key(release)) == nil)
        #expect(state.editor.isEmpty)
        let talk = KeyPress(key: .function(4), phase: .release)
        #expect(state.handle(.key(talk)) == .talk(.release))
        #expect(state.handle(.focus(false)) == .talk(.release))
    }

    @Test("knows from the terminal's answer whether keys are told going up, and says if not")
    func talkKey() {
        var state = room(talk: .ptt)
        _ = state.handle(.keyboardFlags(0))
        _ = state.handle(.attributes)
        state.explainTalkKey()
        #expect(state.tellsRelease == true)
        #expect(state.log.entries.isEmpty)
        var other = room(talk: .ptt)
        _ = other.handle(.attributes)
        other.explainTalkKey()
        other.explainTalkKey()
        #expect(other.tellsRelease == false)
        #expect(other.log.entries.count == 1)
    }

    @Test("changes settings from its list")
    func settings() {
        var state = room()
        let change = SlashCommand.sound(.leveling(false))
        state.settings = [
            ScreenSetting(title: "talk", value: "", less: .talk(.open), more: .talk(.ptt)),
            ScreenSetting(title: "equal", value: "yes", less: change, more: change),
            ScreenSetting(title: "server", value: "", how: "At start: --signal"),
        ]
        #expect(press(&state, .function(3)) == .settings)
        #expect(press(&state, .right) == .change(.talk(.ptt)))
        #expect(press(&state, .left) == .change(.talk(.open)))
        _ = press(&state, .down)
        #expect(press(&state, .enter) == .change(change))
        for _ in 0..<5 { _ = press(&state, .down) }
        #expect(state.panel == .settings(chosen: 2))
        #expect(press(&state, .right) == nil)
        _ = press(&state, .pageUp)
        #expect(state.panel == .settings(chosen: 0))
        // Somebody came: what was chosen is chosen still.
        _ = press(&state, .down)
        var more = state.settings
        more.insert(ScreenSetting(title: "volume of ben", value: "0 dB"), at: 1)
        state.setSettings(more)
        #expect(state.panel == .settings(chosen: 2))
        state.setSettings([more[0]])
        #expect(state.panel == .settings(chosen: 0))
        #expect(press(&state, .function(3)) == nil && state.panel == nil)
    }

    @Test("shows the loss of the last seconds")
    func loss() {
        var window = LossWindow()
        #expect(window.percent == nil)
        for second in 0...20 {
            let lost: UInt64 = second < 10 ? 0 : UInt64(second - 9) * 5
            window.note(lost: lost, all: UInt64(second) * 100)
        }
        #expect(window.percent == 5)
        // Somebody else has the number now.
        window.note(lost: 0, all: 10)
        #expect(window.percent == nil)
    }

    @Test("shows the worst of what lasts until it is over, and nothing that is past")
    func problems() {
        var problems = ProblemList()
        problems.note("input", "no such command")
        #expect(problems.worst == nil)
        problems.note("signal-unreachable", "no server")
        problems.note("device-lost", "no microphone", device: "microphone")
        problems.note("device-lost", "no loudspeaker", device: "loudspeaker")
        #expect(problems.worst == "no microphone")
        problems.note("device-back", "works again", device: "microphone")
        #expect(problems.worst == "no loudspeaker")
        problems.note("device-changed", "is silence now", device: "microphone")
        #expect(problems.worst == "no loudspeaker")
        // Because another one was chosen.
        problems.note("device-changed", "is silence now", device: "loudspeaker")
        #expect(problems.worst == "no server")
        problems.note("roster-disputed", "two rosters")
        #expect(problems.worst == "two rosters")
        problems.note("roster-agreed", "one roster")
        #expect(problems.worst == "no server")
        problems.note("signal-back", "answers")
        #expect(problems.worst == nil)
        // Of another microphone nobody knows yet that it is silent.
        problems.note("microphone-silent", "nothing but silence", device: "microphone")
        problems.note("device-changed", "is another one now", device: "microphone")
        #expect(problems.worst == nil)
    }

    @Test("stays where somebody reads while more is said")
    func scrolling() {
        var log = ScreenLog()
        func say(_ number: Int) {
            log.add(ScreenLog.Entry(minutes: 0, kind: .answer, text: "line \(number)"))
        }
        for number in 0..<50 { say(number) }
        #expect(text(log.rows(3, columns: 40)).last == "00:00 line 49")
        log.scroll(by: 10)
        let read = text(log.rows(3, columns: 40))
        #expect(read.last == "00:00 line 39")
        for number in 50..<60 { say(number) }
        #expect(text(log.rows(3, columns: 40)) == read)
        // Nor does it move when the terminal becomes so narrow that each line breaks.
        let narrow = text(log.rows(2, columns: 12))
        #expect(narrow == ["00:00 line", "      39"])
        #expect(text(log.rows(3, columns: 40)) == read)
        // Nor when the oldest are forgotten.
        for number in 60..<2_100 { say(number) }
        #expect(log.entries.count < 2_000)
        #expect(text(log.rows(3, columns: 40)) != read)
        log.scrollToEnd()
        #expect(text(log.rows(1, columns: 40)) == ["00:00 line 2099"])
        log.scroll(by: 100)
        let late = text(log.rows(3, columns: 40))
        for number in 2_100..<2_700 { say(number) }
        #expect(text(log.rows(3, columns: 40)) == late)
        log = ScreenLog()
        for number in 0..<60 { say(number) }
        log.scroll(by: 1_000)
        #expect(text(log.rows(3, columns: 40)).first == "00:00 line 0")
        log.scrollToEnd()
        #expect(text(log.rows(3, columns: 40)).last == "00:00 line 59")
        for number in 60..<5_000 { say(number) }
        #expect(log.entries.count <= ScreenLog.longest)
        #expect(text(log.rows(1, columns: 40)) == ["00:00 line 4999"])
    }

    @Test("another key may be the one that is held to talk, and is named everywhere")
    func otherTalkKey() throws {
        for text in ["F9", "f9"] { #expect(TalkKey(text)?.key == .function(9)) }
        for text in ["F1", "F3", "F13", "a", "Ctrl-T", "", "Escape"] {
            #expect(TalkKey(text) == nil, "\(text)")
        }
        var state = room(talk: .ptt)
        state.talkKey = try #require(TalkKey("insert"))
        let press = KeyPress(key: .insert)
        #expect(state.handle(.key(press)) == .talk(.press))
        #expect(state.handle(.key(KeyPress(key: .insert, phase: .release))) == .talk(.release))
        #expect(state.handle(.key(KeyPress(key: .function(4)))) == nil)
        state.tellsRelease = false
        state.explainTalkKey()
        #expect(
            state.log.rows(20, columns: 200).map(plainText).contains { text in
                text.contains("Insert begins to talk") && !text.contains("F4")
            })
        state.panel = .help(firstLine: 0)
        let help = ScreenLayout.frame(&state, rows: 24, columns: 100).rows.map(plainText)
        #expect(help.contains { $0.hasPrefix("Insert ") } && !help.contains { $0.contains("F4") })
        #expect(help.contains { $0.contains("Insert to talk") })
    }

    private func text(_ rows: [ScreenRow]) -> [String] { rows.map(plainText) }

    private func press(
        _ state: inout ScreenState, _ key: Key, _ modifiers: KeyModifiers = []
    ) -> ScreenAction? {
        state.handle(.key(KeyPress(key: key, modifiers: modifiers)))
    }
}

/// A room before anybody is in it.
func room(talk: TalkMode = .voice, name: String = "ana") -> ScreenState {
    var state = ScreenState(
        microphone: MicrophoneControl(mode: talk, isMuted: false), ownName: DisplayText(name: name))
    state.minutes = 20 * 60 + 15
    return state
}

/// What a row says, the code as dots.
func plainText(_ row: ScreenRow) -> String {
    row.runs.map { run in
        switch run.content {
        case .text(let text): text
        case .code(_, let range): String(repeating: "•", count: range.count)
        }
    }.joined()
}
