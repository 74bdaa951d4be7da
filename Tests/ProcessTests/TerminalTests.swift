import Foundation
import Testing

extension ProcessTests {
    @Suite("On a terminal")
    struct OnATerminal {
        @Test("`vc join` asks for the code, takes it, and Ctrl-C leaves with 130")
        func prompt() async throws {
            let stage = try Stage()
            let server = try await stage.server()
            let host = try await stage.host(at: server)
            let terminal = try await Terminal(
                stage,
                "\(Build.path(of: "vc")) join --plain --capture silence --playback silence")
            try await terminal.screen(shows: "Room code:")
            try await terminal.press(host.code, "Enter")
            try await terminal.screen(shows: "* you are in the room as guest-")
            try await terminal.press("good evening", "Enter")
            try await host.program.event("chat") { $0.text("text") == "good evening" }
            try await terminal.press("C-c")
            try await terminal.screen(shows: "ended with 130")
            try await host.program.event("member") { $0.text("state") == "left" }
            try await terminal.end()
        }

        @Test("What asks for a secret can be stopped and gone on with, and Ctrl-C ends it with 130")
        func signals() async throws {
            let stage = try Stage()
            let terminal = try await Terminal(stage, "PS1='$ ' bash --norc --noprofile -i")
            let vc = Build.path(of: "vc")
            let asked = "\(stage.folder)/asked"
            // Key by key; in a line of the terminal, which is never written anew; for a phrase.
            for (arguments, question) in [
                ("join", "Room code:"), ("join --plain 2> \(asked)", ""),
                ("tune - --signal 127.0.0.1", "Phrase:"),
            ] {
                try await terminal.type("clear; \(vc) \(arguments)")
                if !question.isEmpty { try await terminal.screen(shows: question) }
                try await Task.sleep(for: .milliseconds(200))
                try await terminal.press("C-z")
                try await terminal.screen(shows: "Stopped")
                try await terminal.type("clear; echo back $((40 + 2))")
                try await terminal.screen(shows: "back 42")
                try await terminal.type("fg")
                try await terminal.screen(shows: "\(vc) \(arguments.prefix(4))")
                try await terminal.press("-l", "7-tabl")
                if arguments == "join" {
                    try await terminal.press("Tab")
                    try await terminal.screen(shows: "Room code: 7-tablet-")
                }
                try await terminal.press("C-c")
                // What is typed too early goes with the question.
                try await Task.sleep(for: .milliseconds(300))
                try await terminal.type("echo ended with $?")
                try await terminal.screen(shows: "ended with 130")
            }
            #expect(try String(contentsOfFile: asked, encoding: .utf8) == "Room code: \n")
            try await terminal.end()
        }

        @Test("`vc demo` rewrites one line, and Ctrl-C ends all of it")
        func demo() async throws {
            let stage = try Stage()
            let terminal = try await Terminal(
                stage, "\(Build.path(of: "vc")) demo --out \(stage.folder)")
            let shown = try await terminal.screen(shows: "mouth to ear: ")
            #expect(shown.split(separator: "\n").count { $0.contains("demo:") } == 1)
            try await terminal.press("C-c")
            let end = try await terminal.screen(shows: "ended with 130")
            #expect(!end.contains("demo:"))
            try await terminal.end()
        }
    }
}
