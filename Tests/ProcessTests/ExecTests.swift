import Foundation
import Testing

extension ProcessTests {
    @Suite("A program that a call runs on events")
    struct Exec {
        private func script(_ stage: Stage, _ body: String) throws -> String {
            let path = "\(stage.folder)/hook"
            let text = "#!/bin/sh\ncd '\(stage.folder)'\n\(body)\n"
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
            return path
        }

        private func names(_ stage: Stage) throws -> Set<String> {
            Set(try FileManager.default.contentsOfDirectory(atPath: stage.folder))
        }

        private func wait(_ what: String, until isDone: () throws -> Bool) async throws {
            for _ in 0..<1_000 {
                if try isDone() { return }
                try await Task.sleep(for: .milliseconds(10))
            }
            try #require(Bool(false), "\(what)")
        }

        /// The state of every child of a process, as /proc tells it.
        private func children(of pid: pid_t) throws -> [Character] {
            try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { name in
                guard Int(name) != nil,
                    let text = try? String(contentsOfFile: "/proc/\(name)/stat", encoding: .utf8),
                    let end = text.lastIndex(of: ")")
                else { return nil }
                let fields = text[text.index(after: end)...].split(separator: " ")
                guard fields.count > 1, pid_t(fields[1]) == pid else { return nil }
                return fields[0].first
            }
        }

        @Test("It is run on each event, from the code to the end, and leaves no zombie")
        func events() async throws {
            let stage = try Stage()
            let server = try await stage.server()
            let body = """
                env | grep ^VC_EVENT >>"$VC_EVENT.part.$$"
                mv "$VC_EVENT.part.$$" "event.$VC_EVENT.${VC_EVENT_ID:-0}"
                """
            let host = try await stage.host(at: server, ["--exec", try script(stage, body)])
            let joiner = try stage.join(host.code, ["--name", "ben"])
            try await joiner.event("joined")
            for number in 1...20 { joiner.type("message \(number) $(touch pwned)") }
            try await wait("20 messages") {
                try names(stage).filter { $0.hasPrefix("event.chat.") }.count == 20
            }
            try await wait("statistics") { try names(stage).contains("event.stats.0") }
            let chat = try String(
                contentsOfFile: "\(stage.folder)/event.chat.1", encoding: .utf8)
            #expect(chat.contains("VC_EVENT_TEXT=message 1 $(touch pwned)\n"))
            #expect(chat.contains("VC_EVENT_NAME=ben\n") && chat.contains("VC_EVENT=chat\n"))
            let code = try String(
                contentsOfFile: "\(stage.folder)/event.code.0", encoding: .utf8)
            #expect(code.contains("VC_EVENT_NAMEPLATE="))
            let words = host.code.split(whereSeparator: { "-@".contains($0) }).dropFirst().prefix(3)
            for name in try names(stage) where name.hasPrefix("event.") {
                let text = try String(contentsOfFile: "\(stage.folder)/\(name)", encoding: .utf8)
                for word in words { #expect(!text.contains("-\(word)"), "\(name)") }
            }
            try await wait("no child is left") {
                try children(of: host.program.pid).allSatisfy { $0 != "Z" }
            }
            host.program.type("/quit")
            #expect(try await host.program.status() == 0)
            try await wait("the last event") { try names(stage).contains("event.left.0") }
            #expect(try !names(stage).contains("pwned"))
        }

        @Test("What it prints does not come between the events")
        func output() async throws {
            let stage = try Stage()
            let server = try await stage.server()
            let program = try script(stage, "echo out; echo err >&2")
            let host = try await stage.host(at: server, ["--exec", program])
            host.program.type("/quit")
            #expect(try await host.program.status() == 0)
            #expect(host.program.output.allSatisfy { $0.text.hasPrefix("{") })
            #expect(host.program.diagnosticsText.contains("out"))
            #expect(host.program.diagnosticsText.contains("err"))
        }

        @Test("One that cannot be run ends the call before it begins: 66")
        func missing() async throws {
            let stage = try Stage()
            let host = try stage.start("vc", ["host", "--exec", "/nonexistent/x"] + noDevices)
            #expect(try await host.status() == 66)
            #expect(host.diagnosticsText.contains("--exec: /nonexistent/x is no program"))
        }

        @Test("What the curious turn acts in a call: the buffer and the encoder")
        func settings() async throws {
            let stage = try Stage()
            let pair = try await stage.pair([
                "--buffer-min", "90", "--complexity", "9", "--talk", "open",
            ])
            let joiner = pair.joiner
            try await joiner.event("stats", within: .seconds(15)) { event in
                let buffer = event.objects("members").first?["buffer_ms"] as? Double
                return buffer.map { (85...120).contains($0) } ?? false
            }
            joiner.type("/debug")
            try await joiner.line(with: "complexity 9")
        }

        @Test("/debug tells addresses and counters")
        func debug() async throws {
            let stage = try Stage()
            let pair = try await stage.pair()
            try await pair.joiner.event("stats") { event in
                event.objects("members").first?["rung"] as? String == "direct"
            }
            pair.joiner.type("/debug")
            try await pair.joiner.line(with: "encoder: 10.0 ms, 48000 bit/s, complexity 5")
            try await pair.joiner.line(with: "1: direct to ")
            try await pair.joiner.line(with: "packets ")
        }
    }
}
