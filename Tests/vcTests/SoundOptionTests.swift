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
        for line in ["", "--frame 2.5", "--frame 20 --bitrate 30000 --complexity 3"] {
            let choice = try options(line)
            #expect(choice.engine.encoder == choice.encoding.profile, "what is told is done")
        }
        #expect(try options("--frame 2.5").engine.encoder.bitrate == 64_000)
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

    private func host(_ line: String) throws -> CallOptions {
        let words = ["host"] + line.split(separator: " ").map(String.init)
        guard case .host(let options) = try parse(words) else { return try #require(nil) }
        return options
    }

    @Test("by options that reach the encoder, the devices, the limiter and the processing")
    func engine() throws {
        let usual = CallOptions().engine
        #expect(
            usual.isLimiting && usual.encoder.expectedLoss == 0 && usual.buffers == DeviceBuffers())
        let chosen = try host(
            "--no-limiter --capture-buffer 100 --playback-buffer 60 --expected-loss 20 "
                + "--echo-suppression high --echo-delay 150 --gain-target -12 --gain-maximum 20"
        ).engine
        #expect(!chosen.isLimiting && chosen.encoder.expectedLoss == 20)
        #expect(chosen.buffers == DeviceBuffers(capture: 100, playback: 60))
        #expect(chosen.buffers != usual.buffers)
        var expected = ProcessingOptions.all
        expected.echoSuppression = .high
        expected.echoDelayMilliseconds = 150
        expected.gainTarget = 12
        expected.gainMaximum = 20
        #expect(chosen.processing == expected)
        // In rooms of every size.
        var encoding = try host("--expected-loss 7").encoding
        _ = encoding.note(members: 12, now: .zero)
        #expect(encoding.profile.expectedLoss == 7)
    }

    @Test("and what the library does not act on is said by the name of its option")
    func ignored() {
        let gain = EngineEvent.ignored(.gain).warning
        #expect(gain?.kind == "setting-ignored" && gain?.message.contains("--gain-target") == true)
        let echo = EngineEvent.ignored(.echoSuppression).warning
        #expect(echo?.message.contains("--echo-suppression changes nothing") == true)
    }

    @Test("by options that reach who makes the packets and the paths")
    func room() throws {
        #expect(CallOptions().copies == nil && CallOptions().keepaliveSettings.misses == 2)
        let words = [
            "auto": nil, "0": LossControl.Copies.none, "1": .previous, "2": .both,
        ]
        for (word, copies) in words {
            #expect(try host("--redundancy \(word)").copies == copies, "\(word)")
        }
        let setup = try CallSetup(
            host(
                "--capture silence --playback silence --listen 127.0.0.1:47311 --advertise x.org "
                    + "--redundancy 2 --keepalive 70 --keepalive-misses 5 --allow 10.0.0.0/8"),
            isHost: true, server: nil, arena: try #require(SecretArena()))
        let configuration = setup.configuration
        setup.engine.stop()
        #expect(configuration.copies == .both)
        #expect(configuration.keepalive == KeepaliveSettings(milliseconds: 70, misses: 5))
        #expect(configuration.rungs.allowed != nil)
    }

    @Test("networks are read as people write them")
    func networks() throws {
        func allowed(_ text: String) throws -> AddressNetworks? {
            try host("--allow \(text)").rungs.allowed
        }
        func network(_ address: Endpoint, _ prefix: Int) throws -> AddressNetwork {
            try #require(AddressNetwork(address, prefix: prefix))
        }
        let (home, one) = (
            try network(Endpoint(ipv4: 0xC0A8_0000, port: 0), 16),
            try network(Endpoint(ipv4: 0xCB00_7105, port: 0), 32)
        )
        let document = try network(Endpoint(high: 0x2001_0DB8_0000_0000, low: 0, port: 0), 32)
        #expect(try allowed("192.168.0.0/16") == AddressNetworks([home]))
        #expect(
            try allowed("192.168.3.4/16,203.0.113.5,2001:db8::/32")
                == AddressNetworks([home, one, document]))
        for text in [
            "192.168.0.0/33", "192.168.0/16", "192.168.0.0/", "192.168.0.0/16,", ",", "x.org",
            "2001:db8::/129", "2001:db8::%1/64", "192.168.0.0/1/2", "192.168.0.0/-1",
            "10.0.0.1:5000", Array(repeating: "10.0.0.1", count: 17).joined(separator: ","),
        ] {
            #expect(throws: UsageError.self, "\(text)") { try allowed(text) }
        }
    }

    @Test("and what lies beyond the limits is refused with a sentence that names them")
    func limits() throws {
        let limits: [(String, [String], String)] = [
            ("capture-buffer", ["19", "201", "x"], "20 to 200"),
            ("playback-buffer", ["9", "201"], "10 to 200"),
            ("expected-loss", ["-1", "101"], "0 to 100"),
            ("redundancy", ["3", "-1", "yes"], "auto, 0, 1 or 2"),
            ("keepalive", ["49", "201"], "50 to 200"),
            ("keepalive-misses", ["1", "11"], "2 to 10"),
            ("echo-suppression", ["much", "very-high"], "low, moderate or high"),
            ("echo-delay", ["-1", "301"], "0 to 300"),
            ("gain-target", ["3", "-32"], "-31 to 0"),
            ("gain-maximum", ["-1", "91"], "0 to 90"),
        ]
        for (name, texts, range) in limits {
            for text in texts {
                let error = #expect(throws: UsageError.self) { try host("--\(name)=\(text)") }
                #expect(error?.message.contains(range) == true, "\(name) \(text)")
            }
        }
        #expect(try host("--gain-target 0").gainTarget == 0)
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
            ("/tones on", .tones(true)), ("/limiter off", .limiter(false)),
        ]
        for (line, command) in expected {
            #expect(read(line) == .command(.sound(command)), "\(line)")
        }
        for line in [
            "/record", "/capture", "/capture pulse", "/playback tone:400", "/equalizer 3 0",
            "/equalizer loud", "/leveling", "/limiter 1", "/tones maybe",
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
