import Foundation
import Testing

extension ProcessTests {
    @Suite("Signaling servers")
    struct Servers {
        @Test("Without a server `vc host` is one: the code names this machine, and works")
        func embedded() async throws {
            let stage = try Stage()
            let address = "127.0.0.1:\(try freePort())"
            let host = try await stage.host(
                at: nil, ["--listen", address, "--advertise", "127.0.0.1"])
            #expect(host.code.hasSuffix("@\(address)"))
            #expect(host.program.events("code").first?.text("server") == address)
            let guesser = try stage.join(wrongWord(host.code))
            #expect(try await guesser.status() == 77)
            try await host.program.event("guess")
            let joiner = try stage.join(host.code)
            try await joiner.event("voice")
            try await host.program.event("voice")
        }

        @Test("IPv6 carries all of it, with a server of its own and with the embedded one")
        func ipv6() async throws {
            let stage = try Stage()
            let server = try await stage.server(address: "[::1]")
            let host = try await stage.host(at: server)
            #expect(host.code.hasSuffix("@\(server.address)"))
            let joiner = try stage.join(host.code)
            try await joiner.event("voice")
            try await host.program.event("voice")

            let embedded = try await stage.host(
                at: nil, ["--listen", "[::1]:\(try freePort())", "--advertise", "::1"])
            let second = try stage.join(embedded.code)
            try await second.event("voice")
            try await embedded.program.event("voice")
        }

        @Test("$VC_SIGNAL names the server, and --signal goes before it")
        func environment() async throws {
            let stage = try Stage()
            let server = try await stage.server()
            let variable = ["VC_SIGNAL": server.address]
            let host = try stage.start("vc", ["host", "--json"] + noDevices, environment: variable)
            #expect(try await host.event("code").text("server") == server.address)
            let other = try await stage.server()
            let second = try stage.start(
                "vc", ["host", "--json", "--signal", other.address] + noDevices,
                environment: variable)
            #expect(try await second.event("code").text("server") == other.address)
        }

        @Test("A server with a host token opens rooms only for those who have it; anybody joins")
        func hostToken() async throws {
            let stage = try Stage()
            func file(_ name: String, _ text: String) throws -> String {
                let path = "\(stage.folder)/\(name)"
                try text.write(toFile: path, atomically: true, encoding: .utf8)
                return path
            }
            let token = "sixteen bytes or more"
            let right = try file("right", token + "\n")
            let server = try await stage.server(options: ["--host-token", right])
            try await server.program.line(with: "chmod 600")
            let doctor = try stage.start(
                "vc", ["doctor", "--json", "--signal", server.address, "--no-lan"] + noDevices,
                environment: ["VC_SIGNAL_TOKEN": token])
            let place = ["host", "--json", "--signal", server.address] + noDevices
            for options in [[], ["--signal-token-file", try file("wrong", token + "!")]] {
                let refused = try stage.start("vc", place + options)
                try await refused.line(with: "--signal-token-file")
                #expect(try await refused.status() == 77)
            }
            let missing = try stage.start(
                "vc", place + ["--signal-token-file", "\(stage.folder)/none"])
            #expect(try await missing.status() == 66)
            let byFile = try await stage.host(at: server, ["--signal-token-file", right])
            let joiner = try stage.join(byFile.code)
            try await joiner.event("voice")
            let byVariable = try stage.start(
                "vc", place, environment: ["VC_SIGNAL_TOKEN": token])
            try await byVariable.event("code")
            #expect(try await doctor.status(within: .seconds(20)) == 0)
            let room = doctor.events("check").first { $0.text("check") == "room" }
            #expect(room?.text("state") == "ok")
        }

        @Test("A server makes its key on the first start, says its public half, and guards it")
        func signingKey() async throws {
            let stage = try Stage()
            let key = "\(stage.folder)/state/key"
            let options = ["--relay", "127.0.0.1:1", "--key", key]
            let first = try await stage.server(options: options)
            let line = try await first.program.line(with: "--signal-key")
            let text = try String(contentsOfFile: key + ".pub", encoding: .utf8)
            #expect(line.text.hasSuffix(text.dropLast()))
            let second = try await stage.server(options: options)
            #expect(try await second.program.line(with: "--signal-key").text == line.text)
            chmod(key, 0o644)
            let refused = try stage.start("vc-signal", ["--listen", "127.0.0.1:0"] + options)
            try await refused.line(with: "chmod 600")
            #expect(try await refused.status() == 66)
        }

        @Test("A server that is stopped drains and leaves with 0; the call goes on")
        func drain() async throws {
            let stage = try Stage()
            let pair = try await stage.pair()
            pair.server.program.send(SIGTERM)
            try await pair.host.event("warning") { $0.text("kind") == "signal-draining" }
            #expect(try await pair.server.program.status(within: .seconds(5)) == 0)
            pair.joiner.type("without a server")
            try await pair.host.event("chat") { $0.text("text") == "without a server" }
            let received = frames(pair.host)
            let count = pair.host.events("stats").count
            try await pair.host.event("stats") { _ in
                pair.host.events("stats").count > count + 1
            }
            #expect(frames(pair.host) > received + 50)
            #expect(pair.host.events("left").isEmpty && pair.joiner.events("left").isEmpty)
        }

        @Test("A server that was killed and is back: the host keeps its code, the next one gets in")
        func restart() async throws {
            let stage = try Stage()
            let server = try await stage.server()
            // A room before ours, so that ours is not simply the first number.
            let first = try await stage.host(at: server)
            let host = try await stage.host(at: server)
            #expect(first.code.hasPrefix("1-") && host.code.hasPrefix("2-"))
            first.program.send(SIGKILL)
            server.program.send(SIGKILL)
            try await server.program.status()
            try await host.program.event("warning", within: .seconds(12)) {
                $0.text("kind") == "signal-unreachable"
            }
            _ = try await stage.server(port: server.port)
            try await host.program.event("warning", within: .seconds(12)) {
                $0.text("kind") == "signal-back"
            }
            let joiner = try stage.join(host.code)
            try await joiner.event("joined")
            #expect(host.program.events("code").count == 1)
        }

        @Test("A server that is started anew at once: both are told, and the code goes on")
        func restartAtOnce() async throws {
            let stage = try Stage()
            let server = try await stage.server()
            let host = try await stage.host(at: server)
            server.program.send(SIGTERM)
            try await host.program.event("warning") { $0.text("kind") == "signal-draining" }
            #expect(try await server.program.status(within: .seconds(5)) == 0)
            _ = try await stage.server(port: server.port)
            try await host.program.event("warning", within: .seconds(12)) {
                $0.text("kind") == "signal-back"
            }
            let joiner = try stage.join(host.code)
            try await joiner.event("joined")
        }

        private func frames(_ program: Program) -> Double {
            (program.events("stats").last?.objects("members").first?["received"] as? Double) ?? 0
        }
    }
}
