import Testing
import VCAudio
import VCCore

@testable import vc

@Suite("Sound is set")
struct SoundOptionTests {
    private func parse(_ words: [String]) throws(UsageError) -> Invocation {
        try CommandLineReading(
            Arguments(
                count: words.count, text: { words[$0] }, isOption: { words[$0].hasPrefix("--") }),
            environment: Environment()
        ).invocation
    }

    private func read(_ line: String) -> InputLine { InputLine(text: line) }

    @Test("by options: where to record, three bands, leveling and tones")
    func options() throws {
        var options = CallOptions()
        options.record = "a b.opus"
        options.equalizer = EqualizerChoice(low: 3, middle: -2.5, high: 12)
        options.isLeveling = false
        options.hasTones = false
        #expect(
            try parse([
                "host", "--record", "a b.opus", "--equalizer=3,-2.5,+12", "--no-leveling",
                "--no-tones",
            ]) == .host(options))
        for words in [
            ["host", "--record"], ["host", "--record", ""], ["host", "--equalizer", "1,2"],
            ["host", "--equalizer", "1,2,13"], ["host", "--equalizer", "1,2,x"],
            ["host", "--no-tones=2"], ["doctor", "--record", "x.wav"],
        ] {
            #expect(throws: UsageError.self, "\(words)") { try parse(words) }
        }
    }

    @Test("by options for the curious, which reach the engine, within limits")
    func curious() throws {
        func options(_ line: String) throws -> CallOptions {
            let words = ["host"] + line.split(separator: " ").map(String.init)
            guard case .host(let options) = try parse(words) else { return try #require(nil) }
            return options
        }
        let usual = CallOptions()
        #expect(usual.jitter == JitterSettings() && usual.encoding.profile.complexity == 5)
        #expect(usual.processing.highPass && usual.voiceGate.threshold >= 50)
        let chosen = try options(
            "--buffer-min 20 --buffer-max 60 --no-comfort-noise --complexity 8 --no-high-pass "
                + "--voice-threshold -40 --voice-hold 1000")
        #expect(
            chosen.jitter == JitterSettings(delay: 960...2_880, makesComfortNoise: false))
        #expect(chosen.encoding.profile.complexity == 8)
        #expect(!chosen.processing.highPass && chosen.processing.echoCancellation)
        var gate = chosen.voiceGate
        #expect(gate.threshold == 40)
        let start = Instant(nanoseconds: 1_000_000_000)
        #expect(gate.judge(level: 30, at: start).sends)
        #expect(gate.judge(level: 100, at: start + .milliseconds(990)).sends)
        #expect(gate.judge(level: 100, at: start + .milliseconds(1_010)).flags == .endOfTalkSpurt)
        #expect(try options("--buffer-max 10").jitter.delay == 120...480)
        #expect(try options("--buffer-min 200").jitter.delay == 9_600...9_600)
        let levels = try options("--noise-suppression very-high")
        #expect(levels.processing.suppression == .veryHigh)
        #expect(usual.processing == .all)
        for line in [
            "--noise-suppression much", "--buffer-min 2", "--buffer-max 201", "--buffer-max 5",
            "--complexity 11",
            "--complexity -1", "--voice-threshold 40", "--voice-threshold -91",
            "--voice-threshold -19", "--voice-hold 49", "--voice-hold 5001",
            "--buffer-min 60 --buffer-max 20",
        ] {
            #expect(throws: UsageError.self, "\(line)") { try options(line) }
        }
    }

    @Test("by commands of the running call")
    func commands() {
        let expected: [(String, SoundCommand)] = [
            ("/record /tmp/My call.flac", .record("/tmp/My call.flac")),
            ("/record off", .record(nil)),
            ("/capture alsa:hw:1,0", .capture(.alsa("hw:1,0"))),
            ("/capture tone", .capture(.tone(440))),
            ("/playback file:/tmp/a b.wav", .playback(.file("/tmp/a b.wav"))),
            ("/playback silence", .playback(.silence)),
            ("/equalizer 3 0 -2", .equalizer(EqualizerChoice(low: 3, middle: 0, high: -2))),
            ("/eq 1,2,3", .equalizer(EqualizerChoice(low: 1, middle: 2, high: 3))),
            ("/eq off", .equalizer(.flat)), ("/leveling OFF", .leveling(false)),
            ("/tones on", .tones(true)),
        ]
        for (line, command) in expected {
            #expect(read(line) == .command(.sound(command)), "\(line)")
        }
        for line in [
            "/record", "/capture", "/capture pulse", "/playback tone:400", "/equalizer 3 0",
            "/equalizer loud", "/leveling", "/tones maybe",
        ] {
            guard case .refused(let why) = read(line) else {
                Issue.record("\(line) was taken")
                continue
            }
            #expect(why.contains(line.split(separator: " ")[0]), "\(why)")
        }
    }

    @Test("and that somebody records is said to programs and to people, and stays on the screen")
    func recording() {
        let on = CallEvent.recording(member: 2, isOn: true)
        let off = CallEvent.recording(member: 2, isOn: false)
        #expect(
            JSONLines().lines(for: on, at: 1.5)
                == [OutputLine(#"{"event":"recording","t":1.500,"member":2,"on":true}"#)])
        var plain = PlainText(usesColor: false)
        let names = [
            MemberName(number: 1, name: DisplayText(name: "ana")),
            MemberName(number: 2, name: DisplayText(name: "ben")),
        ]
        _ = plain.lines(for: .joined(number: 1, members: names), at: 0)
        #expect(plain.lines(for: on, at: 0)[0].text.hasPrefix("* ben records the call"))
        #expect(plain.lines(for: off, at: 0)[0].text == "* ben does not record any more")
        let own = plain.lines(for: .recording(member: 1, isOn: true), at: 0)[0].text
        #expect(own == "* you record the call; everybody in the room is told")
        // A host is told no number.
        var host = PlainText(usesColor: false)
        #expect(
            host.lines(for: .recording(member: 1, isOn: true), at: 0)[0].text.contains("you record")
        )
        #expect(!host.lines(for: on, at: 0)[0].text.contains("you"))
        var state = ScreenState(
            microphone: MicrophoneControl(mode: .voice, isMuted: false),
            ownName: DisplayText(name: "ana"))
        state.apply(.joined(number: 1, members: names))
        func screen() -> String {
            ScreenLayout.frame(&state, rows: 14, columns: 80).rows.map { row in
                row.runs.map { run in
                    if case .text(let text) = run.content { text } else { "" }
                }.joined()
            }.joined(separator: "\n")
        }
        #expect(!screen().contains("REC"))
        state.apply(on)
        #expect(screen().contains("REC by ben"))
        state.apply(.recording(member: 1, isOn: true))
        #expect(screen().contains("mic open, REC "))
        state.apply(off)
        state.apply(.recording(member: 1, isOn: false))
        #expect(!screen().contains("REC"))
    }
}
