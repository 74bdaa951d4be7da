import Foundation
import Testing
import VCCore

@testable import vc

@Suite("The configuration")
struct ConfigurationTests {
    private func reading(
        _ line: String, _ environment: Environment = Environment(), path: String? = nil
    ) throws(UsageError) -> CommandLineReading {
        let words = line.split(separator: " ").map(String.init)
        var environment = environment
        environment.configurationPath = path
        return try CommandLineReading(
            Arguments(
                count: words.count, text: { words[$0] }, isOption: { words[$0].hasPrefix("-") }),
            environment: environment)
    }

    private func options(
        _ line: String, _ environment: Environment = Environment(), path: String? = nil
    ) throws -> CallOptions {
        switch try reading(line, environment, path: path).invocation {
        case .host(let options), .join(let options, _), .tune(let options, _, _),
            .doctor(let options):
            return options
        default: return try #require(nil)
        }
    }

    private func problem(_ text: String, _ line: String = "host") throws -> UsageError? {
        let file = try TextFile(text)
        do throws(UsageError) {
            _ = try reading(line, path: file.path)
            return nil
        } catch {
            return UsageError(error.message.replacing(file.path, with: "FILE"), error.status)
        }
    }

    private func report(
        _ line: String, _ environment: Environment = Environment(), path: String? = nil
    ) throws -> ConfigurationReport {
        guard case .config(let report) = try reading(line, environment, path: path).invocation
        else { return try #require(nil) }
        return report
    }

    // MARK: Precedence

    @Test("a flag counts for more than the environment, that for more than the file")
    func precedence() throws {
        let file = try TextFile("bitrate = 10000\nframe = 20\ntalk = open\nsteady = yes\n")
        let environment = Environment(["VC_BITRATE": "20000", "VC_FRAME": "5"])
        let options = try options("host --bitrate 30000", environment, path: file.path)
        #expect(options.bitrate == 30_000)
        #expect(options.frame == .five)
        #expect(options.talk == .open)
        #expect(options.isSteady)
        #expect(!options.isMuted)
    }

    @Test("a section holds for its command, above what stands before it")
    func sections() throws {
        let file = try TextFile(
            """
            name = ana
            [host]
            listen = 4470
            name = chief
            [doctor]
            signal = a.example
            """)
        #expect(try options("host", path: file.path).name?.text == "chief")
        #expect(try options("host", path: file.path).listen == ListenAddress("4470"))
        #expect(try options("join", path: file.path).name?.text == "ana")
        #expect(try options("join", path: file.path).listen == nil)
        #expect(try options("doctor", path: file.path).signal == ServerName("a.example"))
        #expect(try options("host --name x", path: file.path).name?.text == "x")
        let variable = Environment(["VC_NAME": "y"])
        #expect(try options("host", variable, path: file.path).name?.text == "y")
    }

    @Test("what one place switches on, a stronger one switches off", arguments: Option.all)
    func toggles(option: Option) throws {
        guard option.value == .toggle, option.isSetting else { return }
        let command = option.commands[0].rawValue
        let server = command == "tune" ? " --signal a" : ""
        func said(_ line: String, _ value: String?, _ variable: String? = nil) throws -> Invocation
        {
            let file = try value.map { try TextFile("\(option.name) = \($0)\n") }
            let environment = Environment(variable.map { [option.variable: $0] } ?? [:])
            return try reading(command + line + server, environment, path: file?.path).invocation
        }
        let (off, on) = (try said("", nil), try said(" \(option.spelling)", nil))
        #expect(on != off)
        #expect(try said("", "yes") == on)
        #expect(try said("", "no") == off)
        #expect(try said("", nil, "1") == on)
        #expect(try said("", nil, "") == off)
        #expect(try said("", "yes", "no") == off)
        #expect(try said(" \(option.spelling)=no", "yes") == off)
        #expect(try said(" \(option.spelling)=no", nil, "yes") == off)
        #expect(try said(" \(option.spelling)", "no", "0") == on)
    }

    @Test("of two forms that exclude each other, the one from the stronger place holds")
    func forms() throws {
        let file = try TextFile("json = yes\n")
        #expect(try options("host", path: file.path).form == .json)
        #expect(try options("host --plain", path: file.path).form == .plain)
        #expect(try options("host --json=no", path: file.path).form == .screen)
        #expect(
            try options("host", Environment(["VC_PLAIN": "yes"]), path: file.path).form == .plain)
        #expect(throws: UsageError.self) { try options("host --plain --json") }
        let both = try TextFile("relay-only = yes\n")
        #expect(try !options("host --no-direct=no", path: both.path).rungs.allowsDirect)
    }

    @Test("every option can be set in all three places, with the same sense", arguments: Option.all)
    func everyOption(option: Option) throws {
        guard option.isSetting, let sample = Samples.values[option.name] else {
            #expect(!option.isSetting || option.value == .toggle, "no sample of \(option.name)")
            return
        }
        for command in option.commands {
            let server = command == .tune && option.name != "signal" ? " --signal a" : ""
            let file = try TextFile("[\(command.rawValue)]\n\(option.name) = \(sample)\n")
            let line = command.rawValue + server
            let flag = try reading("\(line) \(option.spelling) \(sample)").invocation
            #expect(try reading(line, path: file.path).invocation == flag)
            let variable = Environment([option.variable: sample])
            #expect(try reading(line, variable).invocation == flag)
            if server.isEmpty, command != .tune { #expect(try reading(line).invocation != flag) }
        }
    }

    // MARK: Mistakes

    @Test("a mistake is named with its line, and with what was probably meant")
    func mistakes() throws {
        let cases = [
            ("# a\n\nmutde = yes", "FILE:3: there is no setting `mutde`; did you mean `muted`?"),
            ("zzzzzz = 1", "FILE:1: there is no setting `zzzzzz`; `vc config` lists them"),
            ("config = x", "FILE:1: there is no setting `config`; `vc config` lists them"),
            ("[hots]\nmuted=1", "FILE:2: there is no section [hots]; did you mean [host]?"),
            ("[join]\nadvertise = a", "FILE:2: `advertise` is no setting of `vc join`"),
            ("[host]\ncode = a", "FILE:2: `code` is no setting of `vc host`"),
            (
                "bitrate = 1",
                "FILE:1: `bitrate` must be a number from 6000 to 128000, not `1`"
            ),
            ("muted", "FILE:1: this is neither `name = value` nor a [section] nor a comment"),
            ("muted = maybe", "FILE:1: `muted` must be yes or no, not `maybe`"),
            (
                "name = \(String(repeating: "a", count: 200))",
                "FILE:1: a line has at most 198 bytes"
            ),
            ("name = a\u{0}b", "FILE:1: this is no text in UTF-8"),
            (
                "muted = x\nfoo = 1",
                "FILE:1: `muted` must be yes or no, not `x` (`vc config` tells what else)"
            ),
        ]
        for (text, sentence) in cases {
            let problem = try problem(text)
            #expect(problem?.message == sentence)
            #expect(problem?.status == .configuration)
        }
    }

    @Test("blanks, comments, colons, a byte order mark and Windows line ends do no harm")
    func form() throws {
        let file = try TextFile(
            "\u{FEFF}  muted = yes ; really\r\n\t# c\r\n; d\r\n\ntalk : ptt\r\n"
                + "   frame=5\r\nname = b;c"
        )
        let options = try options("host", path: file.path)
        #expect(options.isMuted && options.talk == .ptt && options.frame == .five)
        #expect(options.name?.text == "b;c")
    }

    @Test("a file that is not there counts for nothing, unless somebody named it")
    func missing() throws {
        #expect(try options("host", path: "/nonexistent/vc/config") == CallOptions())
        #expect(try options("host --config /dev/null") == CallOptions())
        for (line, variable) in [("host --config /nonexistent/x", ""), ("host", "/nonexistent/x")] {
            let error = #expect(throws: UsageError.self) {
                try reading(line, Environment(["VC_CONFIG": variable]))
            }
            #expect(error?.status == .unreadableFile)
            #expect(error?.message.contains("/nonexistent/x cannot be read") == true)
        }
        let folder = #expect(throws: UsageError.self) { try reading("host --config /tmp") }
        #expect(folder?.status == .unreadableFile)
        let endless = #expect(throws: UsageError.self) { try reading("host --config /dev/zero") }
        #expect(endless?.status == .configuration)
        #expect(
            Environment.configurationPath(configurationHome: "/x", home: "/h") == "/x/vc/config")
        for relative in ["", "x", nil] {
            #expect(
                Environment.configurationPath(configurationHome: relative, home: "/h")
                    == "/h/.config/vc/config")
        }
        #expect(Environment.configurationPath(configurationHome: nil, home: nil) == nil)
    }

    @Test("a file that others may change is not used; one with a secret is only for its owner")
    func permissions() throws {
        let open = try TextFile("muted = yes\n", mode: 0o646)
        let error = #expect(throws: UsageError.self) { try reading("host", path: open.path) }
        #expect(error?.status == .configuration)
        let secret = try TextFile("signal-token = 0123456789abcdef\n", mode: 0o644)
        let warnings = try reading("host", path: secret.path).warnings
        #expect(warnings.count == 1 && warnings[0].contains("chmod 600"), "\(warnings)")
        let kept = try TextFile("signal-token = 0123456789abcdef\n")
        #expect(try reading("host", path: kept.path).warnings.isEmpty)
        let harmless = try TextFile("muted = yes\n", mode: 0o644)
        #expect(try reading("host", path: harmless.path).warnings.isEmpty)
    }

    @Test("a variable that is probably mistyped is told; those of others are not")
    func variables() throws {
        let environment = Environment(unknown: ["VC_RELAYONLY", "VC_BUILD_FARM_HOST"])
        let warnings = try reading("host", environment).warnings
        #expect(warnings.count == 1)
        #expect(warnings.first?.contains("did you mean $VC_RELAY_ONLY?") == true)
        #expect(throws: UsageError.self) {
            try reading("host", Environment(["VC_BITRATE": "x"]))
        }
    }

    // MARK: Secrets

    @Test("secrets are found in the file and not read there")
    func secrets() throws {
        let file = try TextFile(
            "code = 7-castle-volcano-dolphin\n[tune]\nphrase: blue whale ; ours\n"
                + "signal-token=0123456789abcdef\n")
        func place(_ line: Int, _ secret: SecretSetting) -> SecretPlace {
            SecretPlace(path: file.path, line: line, secret: secret)
        }
        let join = try reading("join", path: file.path).invocation
        #expect(join == .join(CallOptions(), code: .configuration(place(1, .code))))
        var options = CallOptions()
        options.signal = ServerName("a")
        options.signalToken = .configuration(place(4, .signalToken))
        #expect(
            try reading("tune --signal a", path: file.path).invocation
                == .tune(
                    options, phrase: .configuration(place(3, .phrase)), acceptsWeak: false))
        // What stands under [tune] is not of a host.
        #expect(try reading("host", path: file.path).invocation == .host(CallOptions()))
        for (line, secret, text) in [
            (1, SecretSetting.code, "7-castle-volcano-dolphin"), (3, .phrase, "blue whale"),
            (4, .signalToken, "0123456789abcdef"), (1, .phrase, ""), (2, .code, ""), (9, .code, ""),
        ] {
            var bytes = [UInt8](repeating: 0, count: 64)
            let count = place(line, secret).read(into: &bytes)
            #expect(String(decoding: bytes[..<count], as: UTF8.self) == text)
        }
        var short = [UInt8](repeating: 0, count: 4)
        #expect(place(1, .code).read(into: &short) == 4)
        let shown = try report("config", path: file.path).lines.joined(separator: "\n")
        #expect(!shown.contains("castle") && shown.contains("code = (hidden)"))
    }

    @Test("what is typed or in the environment counts for more than a secret of the file")
    func secretPrecedence() throws {
        let file = try TextFile("code = a\nphrase = b\nsignal-token = 0123456789abcdef\n")
        let environment = Environment(secrets: [.code, .phrase, .signalToken])
        var options = CallOptions()
        #expect(
            try reading("join", environment, path: file.path).invocation
                == .join(options, code: .environment))
        #expect(
            try reading("join x", environment, path: file.path).invocation
                == .join(options, code: .arguments([1])))
        options.signalToken = .environment
        #expect(try reading("host", environment, path: file.path).invocation == .host(options))
        options.signalToken = .file("t")
        #expect(
            try reading("host --signal-token-file t", path: file.path).invocation == .host(options))
        let both = try TextFile("signal-token-file = t\n")
        options.signalToken = .environment
        #expect(try reading("host", environment, path: both.path).invocation == .host(options))
    }

    // MARK: vc config

    @Test("`vc config` tells of each setting what holds and where that was said")
    func shows() throws {
        let file = try TextFile(
            "muted = on\n[host]\nlisten = 4470\nsignal-token = 0123456789abcdef")
        let environment = Environment(["VC_TALK": "open"])
        let report = try report("config --frame 5", environment, path: file.path)
        func row(_ name: String) -> ConfigurationReport.Row? {
            report.rows.first { $0.name == name }
        }
        #expect(row("muted")?.value == "yes" && row("muted")?.source == .file(line: 1))
        #expect(row("talk")?.source == .environment && row("talk")?.spelling == "$VC_TALK")
        #expect(row("frame")?.source == .flag && row("frame")?.value == "5")
        #expect(row("capture")?.value == "alsa:default" && row("capture")?.source == .standard)
        #expect(row("listen")?.source == .standard)
        #expect(report.others.count == 2)
        let lines = report.lines
        #expect(lines.contains { $0.hasPrefix("muted = yes ") && $0.hasSuffix("; file, line 1") })
        #expect(lines.contains { $0.hasPrefix("; capture = alsa:default ") })
        #expect(report.jsonLines.contains { $0.contains(#""name":"muted","value":"yes""#) })
        let host = try self.report("config host", environment, path: file.path)
        #expect(host.rows.contains { $0.name == "signal-token" && $0.isSecret })
        #expect(host.rows.first { $0.name == "listen" }?.source == .file(line: 3))
        // Each option that can stand there is shown.
        let all = Set(Option.all.filter { $0.isSetting && $0.isTaken(by: .config) }.map(\.name))
        #expect(Set(report.rows.map(\.name)) == all)
    }

    @Test("what `vc config` prints is a configuration that says the same")
    func roundTrip() throws {
        let file = try TextFile("muted = on\ntalk = ptt\nequalizer = 1,2,3\n")
        let printed = try report("config host", path: file.path).lines.joined(separator: "\n")
        let copy = try TextFile(printed)
        #expect(try options("host", path: copy.path) == options("host", path: file.path))
    }

    @Test("`vc config` lists all that is wrong, in its order")
    func allProblems() throws {
        let file = try TextFile("a = 1\nmuted\nbitrate = 2\nname\n")
        let problems = try report("config", path: file.path).problems
        #expect(problems.count >= 3)
        #expect(problems.map { $0.split(separator: ":")[1] }.sorted() == ["1", "2", "3"])
        let many = try TextFile(String(repeating: "a = 1\n", count: 500))
        #expect(try report("config", path: many.path).problems.count == 20)
    }

    @Test("never traps, whatever stands in the file", arguments: 0..<20)
    func anything(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let pieces = [
            "=", ":", "[", "]", "[host]", "muted", "code", "code = x", "\n", "\r\n", " ", ";", "#",
            "\u{0}", "é", "yes", "\u{FEFF}", String(repeating: "x", count: 190), "phrase:",
        ]
        for _ in 0..<30 {
            let text = (0..<random.next(below: 40)).map { _ in
                pieces[Int(random.next(below: UInt32(pieces.count)))]
            }.joined()
            let file = try TextFile(text)
            _ = try? reading("join", path: file.path)
            var bytes = [UInt8](repeating: 0, count: 16)
            for line in 0..<5 {
                _ = SecretPlace(path: file.path, line: line, secret: .code).read(into: &bytes)
            }
        }
    }
}

/// A value of each option that needs one, other than what holds without it.
enum Samples {
    static let values = [
        "name": "ana", "signal": "a.example", "signal-token-file": "t", "advertise": "b.example",
        "listen": "4470", "record": "a.opus", "duration": "3", "out": "d", "capture": "silence",
        "talk": "open", "insert": "ladspa:amp:amp_mono", "playback": "silence",
        "equalizer": "1,2,3", "bitrate": "24000", "frame": "5",
        "talk-key": "F9", "exec": "true", "voice-threshold": "-45", "voice-hold": "500",
        "buffer-min": "20", "buffer-max": "60", "complexity": "8",
        "noise-suppression": "high", "allow": "10.0.0.0/8", "keepalive": "100",
        "keepalive-misses": "4", "echo-suppression": "high", "echo-delay": "150",
        "gain-target": "-9", "gain-maximum": "20", "capture-buffer": "60",
        "playback-buffer": "30", "redundancy": "2", "expected-loss": "10",
    ]
}
