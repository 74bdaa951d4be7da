import Foundation
import Testing

extension ProcessTests {
    @Suite("A call that is recorded")
    struct RecordingTests {
        @Test("Everybody is told, also who comes later, and told when it ends; the file is there")
        func told() async throws {
            let stage = try Stage()
            let pair = try await stage.pair()
            let path = "\(stage.folder)/call.flac"
            pair.joiner.type("/record \(path)")
            try await pair.joiner.event("recording") { $0.bool("on") == true }
            let told = try await pair.host.event("recording") { $0.bool("on") == true }
            #expect(told.number("member") == 2)
            pair.host.type("/who")
            try await pair.host.line(with: "ben (records)")
            let late = try stage.start(
                "vc",
                [
                    "join", pair.code, "--plain", "--name", "cleo", "--capture", "silence",
                    "--playback", "silence",
                ])
            try await late.line(with: "* ben records the call: what is said is written to a file")
            try await Task.sleep(for: .seconds(1))
            pair.joiner.type("/record off")
            try await pair.host.event("recording") { $0.bool("on") == false }
            try await pair.joiner.event("recording") { $0.bool("on") == false }
            try await late.line(with: "* ben does not record any more")
            let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
            #expect((size ?? 0) > 10_000)
            // Each was told once.
            #expect(pair.host.events("recording").count == 2)
            pair.joiner.type("/record off")
            try await pair.joiner.event("warning") { $0.text("message") == "you do not record" }
            pair.joiner.type("/record \(stage.folder)/call.mp3")
            try await pair.joiner.event("warning") { $0.text("message").contains(".flac, .wav") }
            #expect(pair.host.events("recording").count == 2)
        }

        @Test("`--record` begins with the call and has both sides; leaving finishes the file")
        func fromTheStart() async throws {
            let stage = try Stage()
            let server = try await stage.server()
            let path = "\(stage.folder)/call.wav"
            let host = try await stage.host(at: server, ["--record", path])
            try await host.program.event("recording") {
                $0.bool("on") == true && $0.number("member") == 1
            }
            let joiner = try stage.join(host.code, ["--capture", "tone:1000"])
            try await joiner.event("recording") { $0.number("member") == 1 }
            try await host.program.event("voice")
            try await Task.sleep(for: .seconds(2))
            host.program.type("/quit")
            #expect(try await host.program.status() == 0)
            let samples = try samples(of: path)
            #expect(samples.count > 96_000)
            let middle = Array(samples.suffix(72_000).prefix(48_000))
            #expect(share(of: 300, in: middle) > 0.02, "what was said")
            #expect(share(of: 1_000, in: middle) > 0.02, "what was heard")
        }

        @Test("A disk that is full ends the recording and not the call, and everybody is told")
        func fullDisk() async throws {
            let stage = try Stage()
            let server = try await stage.server()
            let path = "\(stage.folder)/call.wav"
            // 400 blocks of 512 bytes: two seconds.
            let program = try stage.start(
                "/bin/sh",
                [
                    "-c",
                    "ulimit -f 400; exec '\(Build.path(of: "vc"))' host --json --signal "
                        + "\(server.address) --capture tone:300 --playback silence "
                        + "--record '\(path)'",
                ])
            let code = try await program.event("code").text("code")
            let joiner = try stage.join(code)
            try await joiner.event("recording") { $0.bool("on") == true }
            try await joiner.event("recording", within: .seconds(8)) { $0.bool("on") == false }
            let warning = try await program.event("warning") { $0.text("kind") == "recording" }
            #expect(warning.text("message").contains("File too large"), "\(warning.fields)")
            try await program.event("recording") { $0.bool("on") == false }
            let seen = joiner.events("stats").count
            try await joiner.event("stats", within: .seconds(5)) { _ in
                joiner.events("stats").count > seen + 2
            }
            let counts = joiner.events("stats").compactMap {
                $0.objects("members").first?["received"] as? Int
            }
            #expect(counts[counts.count - 1] > counts[counts.count - 2] + 50, "voice goes on")
            program.type("/quit")
            #expect(try await program.status() == 0)
        }

        @Test("A disk that is full ends the file of --playback and not the call, and is told once")
        func fullDiskOfPlayback() async throws {
            let stage = try Stage()
            let server = try await stage.server()
            let path = "\(stage.folder)/heard.wav"
            let program = try stage.start(
                "/bin/sh",
                [
                    "-c",
                    "ulimit -f 400; exec '\(Build.path(of: "vc"))' host --json --signal "
                        + "\(server.address) --capture tone:300 --playback 'file:\(path)'",
                ])
            let code = try await program.event("code").text("code")
            let joiner = try stage.join(code, ["--capture", "tone:1000"])
            try await program.event("voice")
            let warning = try await program.event("warning", within: .seconds(8)) {
                $0.text("kind") == "device-lost"
            }
            let message = warning.text("message")
            #expect(
                message.contains("the loudspeaker is gone (cannot write \(path): File too large)"),
                "\(message)")
            // Three ticks, in which a device would be tried again.
            let seen = joiner.events("stats").count
            try await joiner.event("stats", within: .seconds(5)) { _ in
                joiner.events("stats").count > seen + 2
            }
            #expect(program.events("warning").count { $0.text("kind").hasPrefix("device-") } == 1)
            // All of it is there, and the header says so.
            let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
            #expect(bytes.count > 400 * 512 - 9_600 && bytes.count <= 400 * 512, "\(bytes.count)")
            let told = (0..<4).reduce(0) { $0 | Int(bytes[40 + $1]) << (8 * $1) }
            #expect(told == bytes.count - 44, "\(told) of \(bytes.count)")
            #expect(share(of: 1_000, in: try samples(of: path).suffix(24_000)) > 0.02)
            program.type("/playback silence")
            try await program.event("warning") { $0.text("kind") == "device-changed" }
            let counts = joiner.events("stats").compactMap {
                $0.objects("members").first?["received"] as? Int
            }
            #expect(counts[counts.count - 1] > counts[counts.count - 2] + 50, "voice goes on")
            program.type("/quit")
            #expect(try await program.status() == 0)
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)).count == bytes.count)
        }

        @Test("A tone tells who comes, and none does with --no-tones", arguments: [true, false])
        func tones(isOn: Bool) async throws {
            let stage = try Stage()
            let server = try await stage.server()
            let path = "\(stage.folder)/heard.wav"
            let host = try await stage.host(
                at: server,
                ["--capture", "silence", "--playback", "file:\(path)"]
                    + (isOn ? [] : ["--no-tones"]))
            let joiner = try stage.join(host.code, ["--capture", "silence"])
            try await host.program.event("member")
            try await Task.sleep(for: .milliseconds(500))
            joiner.type("/quit")
            try await host.program.event("member") { $0.text("state") == "left" }
            try await Task.sleep(for: .milliseconds(600))
            host.program.type("/quit")
            #expect(try await host.program.status() == 0)
            let heard = try samples(of: path)
            let peak = heard.map { abs($0) }.max() ?? 0
            #expect(isOn ? peak > 0.03 : peak == 0, "\(peak)")
        }

        @Test("Devices are changed in mid-call, and one that is not there changes nothing")
        func devices() async throws {
            let stage = try Stage()
            let pair = try await stage.pair()
            let path = "\(stage.folder)/heard.wav"
            try await pair.host.event("voice")
            pair.host.type("/playback file:\(path)")
            try await pair.host.event("warning") {
                $0.text("kind") == "device-changed" && $0.text("message").contains(path)
            }
            pair.joiner.type("/capture tone:900")
            try await pair.joiner.event("warning") {
                $0.text("message") == "the microphone is tone:900 now"
            }
            pair.joiner.type("/capture alsa:nosuch")
            try await pair.joiner.event("warning") {
                $0.text("message").contains("the microphone stays as it is")
            }
            try await Task.sleep(for: .seconds(1))
            pair.host.type("/quit")
            #expect(try await pair.host.status() == 0)
            #expect(share(of: 900, in: try samples(of: path).suffix(24_000)) > 0.02)
        }

        @Test("`/stats` tells the stages of the delay, which add up, and the threads' priority")
        func stages() async throws {
            let stage = try Stage()
            let pair = try await stage.pair()
            let event = try await pair.host.event("stats", within: .seconds(6)) { event in
                event.objects("members").first?["mouth_to_ear_p95_ms"] is NSNumber
            }
            let member = try #require(event.objects("members").first)
            func number(_ key: String) throws -> Double {
                try #require(member[key] as? NSNumber).doubleValue
            }
            let sum = try ["capture_ms", "network_ms", "buffer_ms", "decoder_ms", "playback_ms"]
                .map(number).reduce(0, +)
            #expect(abs(sum - (try number("mouth_to_ear_ms"))) < 0.5)
            #expect(try number("capture_ms") > 12 && number("capture_ms") < 20)
            // And how each of them was spread.
            for stage in ["capture", "network", "buffer", "decoder", "playback", "mouth_to_ear"] {
                let (half, most) = (
                    try number("\(stage)_p50_ms"), try number("\(stage)_p95_ms")
                )
                #expect(half <= most && half >= 0, "\(stage)")
            }
            #expect(try number("capture_p50_ms") > 12)
            #expect(try number("mouth_to_ear_p50_ms") > number("capture_p50_ms"))
            #expect(event.fields["send_queue_p95"] is NSNumber)
            pair.host.type("/stats")
            try await pair.host.line(with: "microphone and frame there")
            try await pair.host.line(with: "microphone thread: ")
        }
    }
}
