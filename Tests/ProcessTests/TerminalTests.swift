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
                "\(Build.path(of: "vc")) join --capture silence --playback silence")
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

/// A terminal of 100 columns, made by tmux, in which one command runs.
private struct Terminal {
    private let stage: Stage
    private let socket: String

    init(_ stage: Stage, _ command: String) async throws {
        self.stage = stage
        socket = "\(stage.folder)/tmux"
        try #require(
            FileManager.default.isExecutableFile(atPath: Terminal.tmux),
            "tmux is missing; Tools/setup --test installs it")
        try await run(
            "new-session", "-d", "-s", "call", "-x", "100", "-y", "30",
            "\(command); echo \"ended with $?\"; sleep 60")
    }

    private static let tmux = "/usr/bin/tmux"

    func press(_ keys: String...) async throws {
        try await run(["send-keys", "-t", "call"] + keys)
    }

    /// Waits until the screen has `text` on it; returns the screen.
    @discardableResult
    func screen(shows text: String) async throws -> String {
        let end = ContinuousClock.now + .seconds(5)
        var shown = ""
        while ContinuousClock.now < end {
            shown = try await run("capture-pane", "-p", "-t", "call")
            if shown.contains(text) { return shown }
            try await Task.sleep(for: .milliseconds(50))
        }
        try await self.end()
        return try #require(nil, "the terminal does not show '\(text)':\n\(shown)")
    }

    func end() async throws { try await run("kill-server") }

    @discardableResult
    private func run(_ arguments: String...) async throws -> String { try await run(arguments) }

    @discardableResult
    private func run(_ arguments: [String]) async throws -> String {
        let program = try stage.start(
            Terminal.tmux, ["-S", socket, "-f", "/dev/null"] + arguments)
        try #require(try await program.status() == 0, "\(program.diagnosticsText)")
        return program.outputText
    }
}
