import Foundation
import Testing

extension ProcessTests {
    @Suite("In the call")
    struct InTheCall {
        @Test("Both hear each other at once, and both ends say how they are connected")
        func voice() async throws {
            let stage = try Stage()
            let pair = try await stage.pair()
            for (program, other) in [(pair.host, 2.0), (pair.joiner, 1.0)] {
                try await program.event("voice", within: .seconds(2)) {
                    $0.number("member") == other
                }
                let path = try await program.event("path") { $0.number("member") == other }
                #expect(path.text("rung") == "direct" && !path.text("why").isEmpty)
                try await program.event("talking") {
                    $0.number("member") == other && $0.bool("on") == true
                }
            }
            let stats = try await pair.joiner.event("stats", within: .seconds(4)) {
                ($0.objects("members").first?["mouth_to_ear_ms"] as? Double ?? 0) > 0
            }
            let member = try #require(stats.objects("members").first)
            #expect((1.0...150.0).contains(try #require(member["mouth_to_ear_ms"] as? Double)))
        }

        @Test("Chat goes both ways, whole and in order, and is shown as delivered")
        func chat() async throws {
            let stage = try Stage()
            let pair = try await stage.pair()
            let long = String(repeating: "ü€\u{1F600}", count: 400)
            let lines =
                (1...20).map { "line \($0) \"quoted\" \\ /slash" } + [long, "//two slashes"]
            for line in lines {
                pair.host.type(line)
                pair.joiner.type(line)
            }
            let expected = lines.dropLast() + ["/two slashes"]
            for (from, to) in [(pair.host, pair.joiner), (pair.joiner, pair.host)] {
                try await to.event("chat") { $0.text("text") == "/two slashes" }
                #expect(to.events("chat").map { $0.text("text") } == Array(expected))
                try await from.event("delivery") { $0.number("id") == Double(lines.count) }
                #expect(from.events("sent").map { $0.text("text") } == Array(expected))
                #expect(
                    from.events("delivery").map { $0.number("id") }.sorted()
                        == (1...lines.count).map(Double.init))
                #expect(from.events("delivery").allSatisfy { $0.text("state") == "delivered" })
            }
        }

        @Test("What cannot be sent is said, and nothing else changes")
        func refusedLines() async throws {
            let stage = try Stage()
            let pair = try await stage.pair()
            for line in [
                "/mutte", "/gain nobody 3", "/gain ana 300", "/help nothing", "/record x",
                "/playback tone", "/equalizer 1 2", "/equalizer 1 2 13",
                String(repeating: "a", count: 4_001), "\u{1B}[2J", "   ",
            ] { pair.joiner.type(line) }
            pair.joiner.type("the end")
            try await pair.host.event("chat") { $0.text("text") == "the end" }
            let messages = pair.joiner.events("warning").filter { $0.text("kind") == "input" }
                .map { $0.text("message") }
            for words in [
                "did you mean /mute?", "is called nobody", "/gain NAME DB", "no command /nothing",
                "4,000 bytes", "the ending must be one of",
                "/playback DEV", "/equalizer LOW MID HIGH",
            ] {
                #expect(messages.contains { $0.contains(words) }, "\(words) in \(messages)")
            }
            // Control characters never arrive.
            #expect(pair.host.events("chat").allSatisfy { !$0.text("text").contains("\u{1B}") })
        }

        @Test("A name changes, a closed microphone is seen, a gain is taken")
        func person() async throws {
            let stage = try Stage()
            let pair = try await stage.pair()
            try await pair.host.event("talking") {
                $0.number("member") == 2 && $0.bool("on") == true
            }
            pair.joiner.type("/name Benedikt ")
            try await pair.host.event("renamed") {
                $0.number("member") == 2 && $0.text("name") == "Benedikt"
            }
            pair.joiner.type("/mute")
            try await pair.host.event("muted") {
                $0.number("member") == 2 && $0.bool("on") == true
            }
            try await pair.joiner.event("muted") { $0.bool("on") == true }
            try await pair.host.event("talking") {
                $0.number("member") == 2 && $0.bool("on") == false
            }
            try await pair.joiner.event("stats") { $0.bool("muted") == true }
            pair.joiner.type("/mute")
            try await pair.host.event("muted") { $0.bool("on") == false }
            pair.host.type("/gain Benedikt -6")
            pair.host.type("/deafen")
            try await pair.host.line(with: "your loudspeakers are closed")
            #expect(pair.host.events("warning").isEmpty)
        }

        @Test("`--plain` answers every command, and prints nothing by itself")
        func plain() async throws {
            let stage = try Stage()
            let server = try await stage.server()
            let tone = ["--capture", "tone:300", "--playback", "silence"]
            let host = try stage.start(
                "vc", ["host", "--plain", "--signal", server.address, "--name", "ana"] + tone)
            let line = try await host.line(with: "    vc join ").text
            let code = try #require(line.split(separator: " ").last.map(String.init))
            let joiner = try stage.start("vc", ["join", code, "--plain", "--name", "ben"] + tone)
            try await joiner.line(with: "* you are in the room as ")
            try await host.line(with: "* ben joined")
            try await host.line(with: "* you hear ben")
            try await joiner.line(with: "* you hear ana")

            let before = host.output.count
            try await Task.sleep(for: .milliseconds(2_500))
            #expect(host.output.count == before, "\(host.outputText)")
            #expect(!host.outputText.contains("\u{1B}") && !host.outputText.contains("\r"))
            #expect(!host.outputText.contains("talks"))

            try await checkCommands(host, joiner, code)
            joiner.type("/quit")
            try await host.line(with: "* Benno left")
            #expect(try await joiner.status() == 0)
            host.type("/end")
            #expect(try await host.status() == 0)
            #expect(host.diagnostics.isEmpty && joiner.diagnostics.isEmpty)
        }

        private func checkCommands(
            _ host: Program, _ joiner: Program, _ code: String
        ) async throws {
            host.type("/help")
            try await host.line(with: "/gain NAME DB")
            try await host.line(with: "/quit")
            host.type("/who")
            try await host.line(with: "2  ben")
            host.type("/stats")
            try await host.line(with: "round trip")
            let codes = host.output.count { $0.text.contains(code) }
            host.type("/invite")
            while host.output.count(where: { $0.text.contains(code) }) == codes {
                try await Task.sleep(for: .milliseconds(5))
            }
            host.type("/announce on")
            joiner.type("/mute")
            try await joiner.line(with: "* you closed the microphone")
            try await host.line(with: "* ben closed the microphone")
            try await host.line(with: "* ben stopped talking")
            joiner.type("/name Benno")
            try await host.line(with: "* ben is now called Benno")
            host.type("/gain Benno -6")
            joiner.type("good evening")
            try await host.line(with: "Benno: good evening")
        }

        @Test("`--json` prints valid objects only, with the fields that are documented")
        func fields() async throws {
            let stage = try Stage()
            let pair = try await stage.pair(["--capture", "file:\(try sampleFile(stage))"])
            pair.host.type("one")
            pair.joiner.type("two")
            pair.joiner.type("/mute")
            pair.joiner.type("/name bo")
            pair.joiner.type("/record \(stage.folder)/call.opus")
            try await pair.host.event("recording")
            try await pair.host.event("stats") { !$0.objects("members").isEmpty }
            pair.joiner.send(SIGTERM)
            try await pair.joiner.status()
            let guesser = try stage.join(wrongWord(pair.code))
            try await guesser.status()
            pair.host.type("/quit")
            try await pair.host.status()
            var seen: Set<String> = []
            for program in [pair.host, pair.joiner, guesser] {
                #expect(program.events.count == program.output.count, "\(program.outputText)")
                for event in program.events {
                    seen.insert(event.kind)
                    let wanted = try #require(documentedFields[event.kind], "\(event.kind)")
                    let given = Set(event.fields.keys).subtracting(["event", "t"])
                    #expect(given == Set(wanted), "\(event.kind)")
                    #expect(event.number("t") >= 0)
                }
                let times = program.events.map { $0.number("t") }
                #expect(times == times.sorted())
                for member in program.events("stats").flatMap({ $0.objects("members") }) {
                    #expect(Set(member.keys).union(["rung"]) == Set(memberFields))
                }
            }
            #expect(seen == Set(documentedFields.keys).subtracting(["warning"]))
        }

        /// Half a second of noise and then nothing, as a WAV file of 8 kHz.
        private func sampleFile(_ stage: Stage) throws -> String {
            var state: UInt32 = 1
            let samples = (0..<4_000).map { _ in
                state = state &* 1_664_525 &+ 1_013_904_223
                return Int16(truncatingIfNeeded: state >> 18)
            }
            let path = "\(stage.folder)/noise.wav"
            try writeTrack(samples, rate: 8_000, to: path)
            return path
        }
    }
}

/// The fields of each event beside `event` and `t`.
private let documentedFields: [String: [String]] = [
    "code": ["code", "nameplate", "server"],
    "joined": ["number", "members"],
    "member": ["number", "name", "state", "host", "verified"],
    "path": ["member", "rung", "rtt_ms", "why"],
    "renamed": ["member", "name"],
    "voice": ["member"],
    "talking": ["member", "on"],
    "chat": ["from", "name", "text", "id"],
    "muted": ["member", "on"],
    "recording": ["member", "on"],
    "sent": ["id", "text"],
    "delivery": ["id", "member", "state"],
    "stats": [
        "members", "cpu_percent", "rss_bytes", "capture_xruns", "playback_xruns", "send_queue",
        "send_dropped", "send_queue_p50", "send_queue_p95", "muted",
    ],
    "guess": ["failed", "budget"],
    "warning": ["kind", "message"],
    "error": ["kind", "message"],
    "left": ["reason"],
]

private let memberFields = [
    "number", "rung", "rtt_ms", "sent", "received", "lost", "late", "concealed", "jitter_ms",
    "buffer_ms", "mouth_to_ear_ms", "capture_ms", "network_ms", "decoder_ms", "playback_ms",
    "buffer_p50_ms", "buffer_p95_ms", "mouth_to_ear_p50_ms", "mouth_to_ear_p95_ms",
    "capture_p50_ms", "capture_p95_ms", "network_p50_ms", "network_p95_ms", "decoder_p50_ms",
    "decoder_p95_ms", "playback_p50_ms", "playback_p95_ms",
]
