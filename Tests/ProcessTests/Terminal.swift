import Foundation
import Testing

/// A terminal made by tmux, in which one command runs.
struct Terminal {
    private let stage: Stage
    private let socket: String

    init(
        _ stage: Stage, _ command: String, columns: Int = 100, rows: Int = 30
    ) async throws {
        self.stage = stage
        socket = "\(stage.folder)/tmux-\(UUID().uuidString.prefix(8))"
        try #require(
            FileManager.default.isExecutableFile(atPath: Terminal.tmux),
            "tmux is missing; Tools/setup --test installs it")
        try await run(
            "new-session", "-d", "-s", "call", "-x", "\(columns)", "-y", "\(rows)",
            "\(command); echo \"ended with $?\"; sleep 60")
    }

    private static let tmux = "/usr/bin/tmux"

    func press(_ keys: String...) async throws {
        try await run(["send-keys", "-t", "call"] + keys)
    }

    /// Types a line and Enter.
    func type(_ line: String) async throws {
        try await press("-l", line)
        try await press("Enter")
    }

    /// What a program may have called the terminal.
    func title() async throws -> String {
        try await run("display-message", "-p", "-t", "call", "#{pane_title}")
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

    /// The screen as it is, with its colours.
    func colors() async throws -> String { try await run("capture-pane", "-p", "-e", "-t", "call") }

    /// Whether the program has the screen for itself.
    func isFullScreen() async throws -> Bool {
        try await run("display-message", "-p", "-t", "call", "#{alternate_on}").contains("1")
    }

    func resize(columns: Int, rows: Int) async throws {
        try await run(
            "resize-window", "-t", "call", "-x", "\(columns)", "-y", "\(rows)")
    }

    func end() async throws { try await run("kill-server") }

    /// Those that a test left open when it failed.
    static func endAll(in folder: String) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        for name in names where name.hasPrefix("tmux-") {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: tmux)
            process.arguments = ["-S", "\(folder)/\(name)", "kill-server"]
            process.standardError = FileHandle.nullDevice
            try? process.run()
            process.waitUntilExit()
        }
    }

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
