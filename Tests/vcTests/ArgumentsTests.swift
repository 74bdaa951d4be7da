import Testing
import VCAudio
import VCCore

@testable import vc

@Suite("The command line")
struct ArgumentsTests {
    @Test("names every command, with defaults that suit a first call")
    func defaults() throws {
        #expect(try parse("host") == .host(CallOptions()))
        #expect(try parse("join") == .join(CallOptions(), code: .terminal))
        #expect(try parse("demo") == .demo(json: false, directory: nil))
        #expect(try parse("demo --json --out x") == .demo(json: true, directory: "x"))
        #expect(try parse("devices --json") == .devices(json: true))
        #expect(try parse("version") == .version)
        #expect(try parse("--version") == .version)
        #expect(try parse("-V") == .version)
        let options = CallOptions()
        #expect(options.talk == .voice && options.form == .screen && !options.isMuted)
        #expect(options.capture == .alsa("default") && options.playback == .alsa("default"))
    }

    @Test("takes every option, with a space or an equals sign, anywhere")
    func options() throws {
        var expected = CallOptions()
        expected.signal = ServerName("example.org:4460")
        expected.advertise = ServerName("192.0.2.1")
        expected.listen = ListenAddress("[2001:db8::1]:5000")
        expected.name = DisplayText(name: "Ana B")
        expected.isMuted = true
        expected.isRaw = true
        expected.isSteady = true
        expected.isHeadset = true
        expected.suppressesNoise = false
        expected.controlsGain = false
        expected.insert = PluginChoice("ladspa:amp:amp_mono,gain=0.5")
        expected.capture = .file("a=b:c.wav")
        expected.playback = .silence
        expected.talk = .open
        expected.bitrate = 24_000
        expected.frame = .twoAndAHalf
        expected.form = .json
        expected.duration = .milliseconds(1_500)
        let words = [
            "--signal", "example.org:4460", "--advertise", "192.0.2.1", "--listen",
            "[2001:db8::1]:5000", "--name", "Ana B", "--muted", "--raw", "--steady", "--capture",
            "file:a=b:c.wav", "--playback", "silence", "--talk", "open", "--bitrate", "24000",
            "--frame", "2.5", "--json", "--duration", "1.5", "--headset",
            "--no-noise-suppression", "--no-gain-control", "--insert",
            "ladspa:amp:amp_mono,gain=0.5",
        ]
        #expect(try parse(["host"] + words) == .host(expected))
        var joined: [String] = []
        for word in words {
            if word.hasPrefix("--") {
                joined.append(word)
            } else {
                joined[joined.count - 1] += "=" + word
            }
        }
        #expect(try parse(["host"] + joined) == .host(expected))
        expected.advertise = nil
        let forJoin = joined.filter { !$0.hasPrefix("--advertise") }
        #expect(
            try parse(["join", "7-a-b-c"] + forJoin) == .join(expected, code: .arguments([1])))
        #expect(
            try parse(["join"] + forJoin + ["7-a-b-c"])
                == .join(expected, code: .arguments([forJoin.count + 1])))
    }

    @Test("reads the last of several, and no options behind --")
    func repetition() throws {
        var options = CallOptions()
        options.talk = .open
        #expect(try parse("host --talk voice --talk=open") == .host(options))
        #expect(try parse("join -- --muted") == .join(CallOptions(), code: .arguments([2])))
    }

    @Test("reads no code into a String, wherever it stands")
    func codeIsNotRead() throws {
        for line in [
            ["join", "7-castle-volcano-dolphin"], ["join", "7", "castle", "volcano", "dolphin"],
            ["join", "--muted", "7-castle-volcano-dolphin", "--name", "x"],
            ["join", "--help", "7-castle-volcano-dolphin"],
        ] {
            let arguments = Arguments(count: line.count) { place in
                #expect(!line[place].contains("castle") && line[place] != "7")
                return line[place]
            } isOption: {
                line[$0].hasPrefix("-")
            }
            _ = try CommandLineReading(arguments, environment: Environment())
        }
        #expect(
            try parse("join 7 castle volcano dolphin")
                == .join(CallOptions(), code: .arguments([1, 2, 3, 4])))
    }

    @Test("reads no phrase into a String, and takes it from four places")
    func phrase() throws {
        let server = ["--signal", "signal.example"]
        var options = CallOptions()
        options.signal = ServerName("signal.example")
        let words = ["tune", "blue", "whale"] + server + ["--open"]
        let arguments = Arguments(count: words.count) { place in
            #expect(words[place] != "blue" && words[place] != "whale")
            return words[place]
        } isOption: {
            words[$0].hasPrefix("--")
        }
        #expect(
            try CommandLineReading(arguments, environment: Environment()).invocation
                == .tune(options, phrase: .arguments([1, 2]), acceptsWeak: true))
        let environment = Environment(secrets: [.phrase])
        func source(_ line: [String], _ environment: Environment = Environment()) throws
            -> PhraseSource?
        {
            guard case .tune(_, let source, false) = try parse(line, environment) else {
                return nil
            }
            return source
        }
        #expect(try source(["tune"] + server) == .made)
        #expect(try source(["tune"] + server, environment) == .environment)
        #expect(try source(["tune", "a"] + server, environment) == .arguments([1]))
        #expect(try source(["tune", "-"] + server, environment) == .terminal)
        #expect(try source(["tune", "-", "a"] + server) == .arguments([1, 2]))
        #expect(error("tune blue")?.contains("--signal") == true)
        #expect(error("join --open 7-a-b-c")?.contains("vc tune") == true)
        options.signalToken = .environment
        #expect(
            try parse(["tune", "a"] + server, Environment(secrets: [.signalToken]))
                == .tune(options, phrase: .arguments([1]), acceptsWeak: false))
    }

    @Test("repeats no code that stands in the wrong place")
    func codeIsNotRepeated() {
        for line in [
            "7-castle-volcano-dolphin", "host 7-castle-volcano-dolphin", "7 castle volcano dolphin",
        ] {
            let message = error(line)
            #expect(message?.contains("castle") == false)
            #expect(message?.contains("vc join CODE") == true)
        }
    }

    @Test("reads VC_CODE and VC_SIGNAL, below what is typed")
    func environment() throws {
        let environment = Environment(["VC_SIGNAL": "signal.example"], secrets: [.code])
        var options = CallOptions()
        options.signal = ServerName("signal.example")
        #expect(try parse("join", environment) == .join(options, code: .environment))
        #expect(try parse("join 7-a-b-c", environment) == .join(options, code: .arguments([1])))
        #expect(try parse("host", environment) == .host(options))
        options.signal = ServerName("other")
        #expect(try parse("host --signal other", environment) == .host(options))
        #expect(try parse("host", Environment(["VC_SIGNAL": ""])) == .host(CallOptions()))
        #expect(error("host", Environment(["VC_SIGNAL": "a b"]))?.contains("$VC_SIGNAL") == true)
        #expect(try parse("version", Environment(["VC_SIGNAL": "a b"])) == .version)
    }

    @Test("a signaling server's token comes from a file, or else from VC_SIGNAL_TOKEN")
    func signalToken() throws {
        let environment = Environment(secrets: [.signalToken])
        var options = CallOptions()
        options.signalToken = .environment
        #expect(try parse("host", environment) == .host(options))
        options.signalToken = .file("token")
        #expect(try parse("host --signal-token-file token", environment) == .host(options))
        #expect(try parse("host --signal-token-file=token") == .host(options))
        #expect(try parse("doctor --signal-token-file token") == .doctor(options))
        #expect(error("host --signal-token-file=")?.contains("a file") == true)
        // Who joins opens no room.
        #expect(error("join --signal-token-file token")?.contains("`vc host`") == true)
        #expect(try parse("join", environment) == .join(CallOptions(), code: .terminal))
    }

    @Test("gives help wherever it is asked for")
    func help() throws {
        for line in ["help", "--help", "-h", "help --help"] {
            #expect(try parse(line) == .help(.overview))
        }
        for line in ["help join", "join -h", "join --help", "join --bogus --help", "join 7 -h"] {
            #expect(try parse(line) == .help(.command(.join)))
        }
        #expect(try parse("join -- --help") == .join(CallOptions(), code: .arguments([2])))
    }

    @Test(
        "says in one sentence what was wrong",
        arguments: [
            ("", "vc host"), ("hots", "did you mean `vc host`?"), ("jion 7", "`vc join`?"),
            ("frobnicate", "`vc help` lists them"), ("help hots", "did you mean `vc host`?"),
            ("help host join", "one word"), ("host --singal x", "did you mean --signal?"),
            ("host --frobnicate", "`vc help host`"), ("host -x", "no option -x"),
            ("host --signal", "--signal HOST[:PORT]"), ("host --signal=", "host name"),
            ("host --muted=maybe", "--muted must be yes or no"), ("devices x", "options only"),
            ("join --advertise a", "not an option of `vc join`"), ("host --out x", "`vc demo`"),
            ("host --plain --json", "exclude each other"), ("host --json --plain", "exclude"),
            ("host --listen 0", "port"), ("host --listen 65536", "port"),
            ("host --listen a", "port"),
            ("host --name=", "name"), ("host --capture hw", "alsa:NAME"),
            ("host --capture tone:x", "tone[:HZ]"), ("host --playback tone", "cannot be a tone"),
            ("host --talk loud", "open, voice or ptt"), ("host --bitrate 5999", "6000"),
            ("host --bitrate 128001", "128000"), ("host --bitrate 0x9000", "6000"),
            ("host --frame 7", "2.5, 5, 10 or 20"), ("host --duration -1", "seconds"),
            ("host --duration inf", "seconds"), ("host --duration 1e3", "seconds"),
            ("host --duration 0", "seconds"), ("host --signal a:b:x", "host name"),
        ])
    func refusals(line: String, part: String) {
        let message = error(line)
        #expect(message?.contains(part) == true, "\(message ?? "was taken")")
    }

    @Test("asks a running call for what its commands say")
    func control() throws {
        let requests: [(String, ControlRequest)] = [
            ("ptt down", .talk(.down)), ("ptt toggle", .talk(.toggle)), ("mute", .mute(true)),
            ("unmute", .mute(false)), ("who", .who), ("send good  evening", .send("good evening")),
        ]
        for (line, request) in requests {
            #expect(try parse(line) == .control(request), "\(line)")
        }
        for line in ["ptt", "ptt left", "ptt up down", "mute now", "who is", "send"] {
            #expect(error(line) != nil, "\(line)")
        }
    }

    @Test("uses the local network unless --no-lan is said, to the commands that would")
    func localNetwork() throws {
        var options = CallOptions()
        #expect(options.usesLocalNetwork)
        options.usesLocalNetwork = false
        #expect(try parse("host --no-lan") == .host(options))
        #expect(try parse("join 7-a-b-c --no-lan") == .join(options, code: .arguments([1])))
        #expect(try parse("doctor --no-lan") == .doctor(options))
        #expect(error("tune --no-lan")?.contains("not an option of `vc tune`") == true)
    }

    @Test("prints nothing that steers the terminal when it repeats what was typed")
    func hostileArguments() throws {
        let message = try #require(error(["host", "--\u{1B}[2Jx"]))
        #expect(!message.contains("\u{1B}"))
    }

    @Test("reads devices as they are written")
    func devices() {
        #expect(DeviceChoice("alsa:plughw:1,0") == .alsa("plughw:1,0"))
        #expect(DeviceChoice("tone") == .tone(440))
        #expect(DeviceChoice("tone:1000") == .tone(1_000))
        for text in ["", "alsa", "alsa:", "file:", "silence:1", "tone:", "tone:19", "tone:20001"] {
            #expect(DeviceChoice(text) == nil, "\(text)")
        }
        #expect(ListenAddress("4460")?.address == nil)
        #expect(ListenAddress("127.0.0.1:4460")?.address == "127.0.0.1")
        #expect(ListenAddress("127.0.0.1") == nil)
    }

    @Test("never traps, whatever is typed", arguments: 0..<30)
    func anything(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let pieces =
            Command.allCases.map(\.rawValue) + Option.all.map(\.spelling) + [
                "--", "-", "=", "", "7", "x", "--x", "-h", "1.5", "é\u{301}", "--name=", "--=",
            ]
        for _ in 0..<300 {
            let line = (0..<random.next(below: 6)).map { _ in
                pieces[Int(random.next(below: UInt32(pieces.count)))]
            }
            _ = error(line)
        }
    }

    private func parse(
        _ words: [String], _ environment: Environment = Environment()
    ) throws(UsageError) -> Invocation {
        let arguments = Arguments(count: words.count) {
            words[$0]
        } isOption: {
            words[$0].hasPrefix("-") && words[$0].count > 1
        } isDash: {
            words[$0] == "-"
        }
        return try CommandLineReading(arguments, environment: environment).invocation
    }

    private func parse(
        _ line: String, _ environment: Environment = Environment()
    ) throws(UsageError) -> Invocation {
        try parse(line.split(separator: " ").map(String.init), environment)
    }

    private func error(
        _ words: [String], _ environment: Environment = Environment()
    ) -> String? {
        do throws(UsageError) {
            _ = try parse(words, environment)
            return nil
        } catch {
            return error.message
        }
    }

    private func error(_ line: String, _ environment: Environment = Environment()) -> String? {
        error(line.split(separator: " ").map(String.init), environment)
    }
}
