import Foundation
import Testing

extension ProcessTests {
    @Suite("On a terminal")
    struct Terminal {
        @Test("`vc join` asks for the code, takes it, and Ctrl-C leaves with 130")
        func prompt() async throws {
            let tmux = "/usr/bin/tmux"
            try #require(
                FileManager.default.isExecutableFile(atPath: tmux),
                "tmux is missing; Tools/setup --test installs it")
            let stage = try Stage()
            let server = try await stage.server()
            let host = try await stage.host(at: server)
            let socket = "\(stage.folder)/tmux"
            func tmuxRun(_ arguments: String...) async throws -> String {
                let program = try stage.start(
                    tmux, ["-S", socket, "-f", "/dev/null"] + arguments)
                #expect(try await program.status() == 0, "\(program.diagnosticsText)")
                return program.outputText
            }
            func screen(shows text: String) async throws -> String {
                let end = ContinuousClock.now + .seconds(5)
                var shown = ""
                while ContinuousClock.now < end {
                    shown = try await tmuxRun("capture-pane", "-p", "-t", "call")
                    if shown.contains(text) { return shown }
                    try await Task.sleep(for: .milliseconds(50))
                }
                Issue.record("the terminal does not show '\(text)':\n\(shown)")
                return shown
            }
            let command =
                "\(Build.path(of: "vc")) join --capture silence --playback silence; "
                + "echo \"ended with $?\"; sleep 60"
            _ = try await tmuxRun(
                "new-session", "-d", "-s", "call", "-x", "100", "-y", "30", command)
            _ = try await screen(shows: "Room code:")
            _ = try await tmuxRun("send-keys", "-t", "call", host.code, "Enter")
            _ = try await screen(shows: "* you are in the room as guest-")
            _ = try await tmuxRun("send-keys", "-t", "call", "good evening", "Enter")
            try await host.program.event("chat") { $0.text("text") == "good evening" }
            _ = try await tmuxRun("send-keys", "-t", "call", "C-c")
            let shown = try await screen(shows: "ended with")
            #expect(shown.contains("ended with 130"))
            try await host.program.event("member") { $0.text("state") == "left" }
            _ = try await tmuxRun("kill-server")
        }
    }
}
