import Foundation
import Testing

extension ProcessTests {
    @Suite("A phrase instead of a code")
    struct Tuning {
        private func tune(
            _ stage: Stage, _ server: Stage.Server, _ words: [String], _ name: String,
            environment: [String: String] = [:]
        ) throws -> Program {
            try stage.start(
                "vc",
                ["tune"] + words + [
                    "--json", "--signal", server.address, "--name", name, "--capture", "tone:300",
                    "--playback", "silence",
                ], environment: environment)
        }

        @Test("Two who start in the same moment meet and hear each other, and a third comes in")
        func meeting() async throws {
            let stage = try Stage()
            let server = try await stage.server()
            let first = try tune(stage, server, ["Walrus penicillin", "trombone gravel"], "ana")
            let second = try tune(stage, server, ["walrus-penicillin-trombone-gravel"], "ben")
            for (program, other) in [(first, "ben"), (second, "ana")] {
                try await program.event("voice", within: .seconds(10))
                let names =
                    program.events("joined").flatMap { $0.objects("members") }
                    .compactMap { $0["name"] as? String }
                    + program.events("member").map { $0.text("name") }
                #expect(names.contains(other))
            }
            let third = try tune(
                stage, server, [], "cem",
                environment: ["VC_PHRASE": "walrus penicillin trombone gravel"])
            try await third.event("joined", within: .seconds(10))
            try await third.event("voice", within: .seconds(5))
            first.type("hello")
            for program in [second, third] {
                try await program.event("chat", within: .seconds(10)) {
                    $0.text("text") == "hello"
                }
            }
            // There is no code, and nobody is the master of such a room.
            for line in ["/invite", "/kick ben", "/lock", "/end"] { second.type(line) }
            for _ in 0..<4 { try await second.event("warning", within: .seconds(5)) }
            for program in [first, second, third] {
                #expect(program.events("code").isEmpty && program.events("guess").isEmpty)
                #expect(program.events("left").isEmpty)
                program.type("/quit")
            }
            for program in [first, second, third] {
                #expect(try await program.status(within: .seconds(5)) == 0)
            }
            // What was typed stands nowhere in the server's log.
            #expect(!server.program.diagnosticsText.contains("walrus"))
        }

        @Test("Without a phrase one is made and printed; whoever says it comes in")
        func made() async throws {
            let stage = try Stage()
            let server = try await stage.server()
            let first = try tune(stage, server, [], "ana")
            let phrase = try await first.event("phrase").text("phrase")
            #expect(phrase.split(separator: "-").count == 4)
            try await first.event("waiting", within: .seconds(10))
            // Whoever is first is in a room, too.
            let joined = try await first.event("joined")
            #expect(joined.number("number") == 1)
            #expect(joined.objects("members").compactMap { $0["name"] as? String } == ["ana"])
            let second = try tune(stage, server, [phrase], "ben")
            try await second.event("joined", within: .seconds(10))
            let stranger = try tune(
                stage, server, ["cello umbrella marzipan quarantine"], "eve")
            try await stranger.event("waiting", within: .seconds(10))
        }

        @Test("A phrase that can be guessed is refused with 64, unless that is accepted")
        func weak() async throws {
            let stage = try Stage()
            let server = try await stage.server()
            let refused = try tune(stage, server, ["raid", "night"], "ana")
            #expect(try await refused.status(within: .seconds(10)) == 64)
            #expect(refused.diagnosticsText.contains("--open"))
            #expect(!refused.diagnosticsText.contains("raid"))
            let open = try tune(stage, server, ["raid", "night", "--open"], "ana")
            try await open.event("waiting", within: .seconds(10))
            let empty = try tune(stage, server, ["\u{200B}"], "ana")
            #expect(try await empty.status(within: .seconds(10)) == 64)
        }

        @Test("Without a server that is said, and `vc tune -` reads the phrase from its input")
        func edges() async throws {
            let stage = try Stage()
            let lost = try stage.start("vc", ["tune", "walrus penicillin trombone gravel"])
            #expect(try await lost.status(within: .seconds(10)) == 64)
            #expect(lost.diagnosticsText.contains("--signal"))
            let server = try await stage.server()
            let asked = try tune(stage, server, ["-"], "ana")
            asked.type("walrus penicillin trombone gravel")
            try await asked.event("waiting", within: .seconds(10))
            let other = try tune(stage, server, ["walrus penicillin trombone gravel"], "ben")
            try await other.event("joined", within: .seconds(10))
        }
    }
}
