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
