import ALSATestKit
import Foundation
import Testing

extension ProcessTests {
    @Suite("vc doctor")
    struct Doctor {
        private static let quiet = ["--capture", "tone", "--playback", "silence"]

        @Test("With a server that works: a call is possible, and the room is given back")
        func works() async throws {
            let stage = try Stage()
            let server = try await stage.server(options: ["--verbose"])
            let doctor = try stage.start(
                "vc", ["doctor", "--json", "--signal", server.address] + Self.quiet)
            #expect(try await doctor.status(within: .seconds(20)) == 0)
            let checks = doctor.events("check")
            func state(_ check: String) -> String? {
                checks.first { $0.text("check") == check }?.text("state")
            }
            #expect(state("microphone") == "ok")
            #expect(state("loudspeaker") == "ok")
            // Tools/setup installs what it needs.
            #expect(state("processing") == "ok")
            #expect(state("server") == "ok")
            #expect(state("nat") == "ok")
            #expect(state("room") == "ok")
            #expect(state("port-mapping") != nil)
            let answer = try #require(checks.first { $0.text("check") == "server" })
            #expect(answer.number("rtt_ms") < 1_000)
            #expect(doctor.events.last?.kind == "verdict")
            #expect(doctor.events.last?.bool("possible") == true)
            #expect(server.program.diagnosticsText.contains("room closed"))
        }

        @Test("With a relay: the ticket is got, the relay takes it, and is left again")
        func relay() async throws {
            let stage = try Stage()
            let port = try freePort()
            let key = "\(stage.folder)/key"
            let server = try await stage.server(
                options: ["--key", key, "--relay", "127.0.0.1:\(port)", "--verbose"])
            let relay = try stage.start(
                "vc-relay",
                [
                    "--signal-key", "\(key).pub", "--listen", "127.0.0.1:\(port)",
                    "--listen-tcp", "127.0.0.1:\(port)", "--verbose",
                ])
            try await relay.line(with: "listening on UDP")
            // vc-signal names only relays that it has heard of.
            try await server.program.line(
                with: "relay answers", within: .seconds(15))
            let doctor = try stage.start(
                "vc", ["doctor", "--json", "--signal", server.address] + Self.quiet)
            #expect(try await doctor.status(within: .seconds(20)) == 0)
            let line = try #require(
                doctor.events("check").first { $0.text("check") == "relay" })
            #expect(line.text("state") == "ok")
            #expect(line.text("message").contains("UDP"))
            #expect(line.text("message").contains("TCP"))
            #expect(line.text("message").hasSuffix("takes the ticket"))
            #expect(relay.diagnosticsText.contains("reason=unbound"))
        }

        @Test("Where no server answers, or its name is none: 69, and what to do")
        func noServer() async throws {
            let stage = try Stage()
            let silent = try stage.start(
                "vc", ["doctor", "--signal", "127.0.0.1:\(try freePort())"] + Self.quiet)
            let nameless = try stage.start(
                "vc", ["doctor", "--signal", "no-such-host.invalid"] + Self.quiet)
            #expect(try await silent.status(within: .seconds(20)) == 69)
            #expect(silent.outputText.contains("problem  no signaling server answers"))
            #expect(silent.outputText.contains("check the address"))
            #expect(silent.output.last?.text.hasPrefix("no call is possible") == true)
            #expect(try await nameless.status(within: .seconds(20)) == 69)
            #expect(nameless.outputText.contains("check --signal"))
        }

        @Test("Where nobody reads what it says: it ends by itself, with the status that it has")
        func unread() async throws {
            let stage = try Stage()
            let (port, pipe) = (try freePort(), "'\(stage.folder)/pipe'")
            let arguments = ["doctor", "--signal", "127.0.0.1:\(port)"] + Self.quiet
            // The pipe has a reader only until it is open for writing.
            let command =
                "mkfifo \(pipe) && exec 3<>\(pipe) 4>\(pipe) 3<&- && "
                + "{ '\(Build.path(of: "vc"))' \(arguments.joined(separator: " ")) >&4; echo $?; }"
            let shell = try stage.start("/bin/sh", ["-c", command])
            #expect(try await shell.status(within: .seconds(20)) == 0)
            #expect(shell.outputText == "69")
        }

        @Test("With a microphone beside the loudspeaker: it hears the chirp, as loud as it is")
        func echo() async throws {
            let stage = try Stage()
            let server = try await stage.server()
            let card = try FixtureCard()
            let doctor = try stage.start(
                "vc",
                [
                    "doctor", "--json", "--signal", server.address, "--capture",
                    "alsa:microphone", "--playback", "alsa:speaker",
                ], environment: ["ALSA_CONFIG_PATH": card.configurationPath])
            #expect(try await doctor.status(within: .seconds(30)) == 0)
            let checks = doctor.events("check").filter { $0.text("state") == "ok" }
            #expect(checks.contains { $0.text("check") == "loudspeaker" })
            // Nothing is on the cable while nothing is played, and that is said.
            let microphone = doctor.events("check").first { $0.text("check") == "microphone" }
            #expect(microphone?.text("state") == "warning")
            let echo = try #require(checks.first { $0.text("check") == "echo" })
            // -12 dBFS of a sine are -15 dB of level; the cable loses nothing.
            #expect(echo.text("message").hasPrefix("the microphone hears"))
            #expect(echo.text("message").contains("at -15 dB"))
        }

        @Test("A sound card or a file that is not there: 69, whatever the network does")
        func noDevice() async throws {
            let stage = try Stage()
            let server = try await stage.server()
            func doctor(_ capture: String) throws -> Program {
                try stage.start(
                    "vc",
                    [
                        "doctor", "--signal", server.address, "--capture", capture,
                        "--playback", "silence",
                    ])
            }
            let card = try doctor("alsa:no-such-card")
            let file = try doctor("file:\(stage.folder)/none.wav")
            #expect(try await card.status(within: .seconds(20)) == 69)
            #expect(card.outputText.contains("problem  cannot open alsa:no-such-card"))
            #expect(card.outputText.contains("vc devices"))
            #expect(try await file.status(within: .seconds(20)) == 69)
            #expect(file.outputText.contains("none.wav"))
        }
    }
}
