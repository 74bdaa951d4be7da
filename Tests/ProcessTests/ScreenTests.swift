import Foundation
import Synchronization
import Testing

extension ProcessTests {
    @Suite("The full-screen interface")
    struct FullScreen {
        private let quiet = "--capture silence --playback silence"

        @Test("a call by keystrokes: host, join by completing words, chat, mute, leave")
        func call() async throws {
            let stage = try Stage()
            let server = try await stage.server()
            let vc = Build.path(of: "vc")
            let host = try await Terminal(
                stage, "\(vc) host --signal \(server.address) --name ana \(quiet)", columns: 80,
                rows: 24)
            let invitation = try await host.screen(shows: "vc join ")
            let code =
                try #require(
                    invitation.split(separator: "\n").first { $0.contains("vc join ") }
                )
                .split(separator: " ").last.map(String.init) ?? ""
            let parts = code.split(separator: "@")[0].split(separator: "-").map(String.init)
            let guest = try await Terminal(
                stage, "\(vc) join --name ben \(quiet)", columns: 60, rows: 12)
            try await guest.screen(shows: "Room code:")
            // Four letters and Tab: the word, and a dash where another one follows.
            try await guest.press("-l", parts[0] + "-")
            for part in parts.dropFirst() {
                try await guest.press("-l", String(part.prefix(4)))
                try await guest.press("Tab")
            }
            try await guest.screen(shows: parts.joined(separator: "-"))
            try await guest.press("-l", "@\(server.address)")
            try await guest.press("Enter")
            try await guest.screen(shows: "you are in the room as ben")
            try await host.screen(shows: "ben joined")
            try await guest.press("-l", "good evening, 日本")
            try await guest.press("Enter")
            try await host.screen(shows: "ben: good evening, 日本")
            try await host.press("-l", "hello be")
            try await host.press("Tab", "Enter")
            try await guest.screen(shows: "ana: hello ben")
            try await guest.press("C-r")
            try await host.screen(shows: "ben closed the microphone")
            try await guest.resize(columns: 120, rows: 40)
            try await guest.screen(shows: "ana: hello ben")
            #expect(try await host.isFullScreen())
            try await guest.press("-l", "/quit")
            try await guest.press("Enter")
            let end = try await guest.screen(shows: "ended with 0")
            #expect(end.contains("you left") && !end.contains("good evening"))
            #expect(try await !guest.isFullScreen())
            try await host.screen(shows: "ben left")
            try await host.press("C-q")
            try await host.screen(shows: "ended with 0")
            try await guest.end()
            try await host.end()
        }

        @Test("F3 is a form: what is chosen there is changed by a key, in 60 columns and 12 rows")
        func settings() async throws {
            let stage = try Stage()
            let server = try await stage.server()
            let vc = Build.path(of: "vc")
            let host = try await Terminal(
                stage, "\(vc) host --signal \(server.address) --name ana \(quiet)", columns: 60,
                rows: 12)
            let invitation = try await host.screen(shows: "vc join ")
            let line = invitation.split(separator: "\n").first { $0.contains("vc join ") }
            let code = try #require(line?.split(separator: " ").last)
            let guest = try await Terminal(
                stage, "\(vc) join \(code) --name ben \(quiet)", columns: 60, rows: 12)
            try await host.screen(shows: "ben joined")
            try await host.press("F3")
            try await host.screen(shows: "Left and Right change, Escape closes")
            func down(_ count: Int) async throws {
                for _ in 0..<count { try await host.press("Down") }
            }
            try await down(4)
            try await host.press("Right")
            try await host.screen(shows: "all equally loud    no")
            try await host.press("Enter")
            try await host.screen(shows: "all equally loud    yes")
            // Behind six more switches and devices.
            try await down(6)
            try await host.press("Right", "Right")
            try await host.screen(shows: "equalizer, low      2 dB")
            try await down(3)
            try await host.press("Left")
            try await host.screen(shows: "volume of ben       -2 dB")
            // Who goes takes a line along, and what is chosen stays in the list.
            try await guest.press("-l", "/quit")
            try await guest.press("Enter")
            for _ in 0..<5 { try await host.press("PageDown") }
            let end = try await host.screen(shows: "At start: --signal")
            #expect(end.contains("signaling server    \(server.address)"))
            #expect(!end.contains("volume of ben"))
            try await host.press("Escape")
            try await host.screen(shows: "ben left")
            // What a command changes is what the form shows.
            try await host.press("-l", "/limiter off")
            try await host.press("Enter")
            try await host.screen(shows: "what is too loud is cut off")
            try await host.press("-l", "/settings")
            try await host.press("Enter")
            try await down(4)
            try await host.screen(shows: "loud sound held     no")
            try await host.press("C-q")
            try await host.screen(shows: "ended with 0")
            try await guest.end()
            try await host.end()
        }

        @Test("a crash leaves the terminal as it was found")
        func crash() async throws {
            let stage = try Stage()
            let server = try await stage.server()
            let folder = stage.folder
            let command =
                "stty -g > \(folder)/before; SWIFT_BACKTRACE=enable=no NO_COLOR=1 "
                + "sh -c 'echo $$ > \(folder)/pid; exec \(Build.path(of: "vc")) host --signal "
                + "\(server.address) \(quiet)'; stty -g > \(folder)/after; echo over"
            let terminal = try await Terminal(stage, command, columns: 60, rows: 12)
            try await terminal.screen(shows: "vc join ")
            #expect(try await terminal.isFullScreen())
            // No colours where they are not wanted.
            let colors = try await terminal.colors()
            for color in 30...37 {
                #expect(!colors.contains("[\(color)m") && !colors.contains(";\(color)m"))
            }
            let text = try String(contentsOfFile: "\(folder)/pid", encoding: .utf8)
            kill(try #require(pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines))), SIGSEGV)
            try await terminal.screen(shows: "over")
            #expect(try await !terminal.isFullScreen())
            let before = try String(contentsOfFile: "\(folder)/before", encoding: .utf8)
            let after = try String(contentsOfFile: "\(folder)/after", encoding: .utf8)
            #expect(before == after)
            try await terminal.end()
        }

        @Test(
            "a recording that may not grow ends and the screen stays; a phrase goes when one comes")
        func limit() async throws {
            let stage = try Stage()
            let server = try await stage.server()
            let words = "walrus penicillin trombone gravel"
            // 200 blocks of 512 bytes: a second.
            let first = try await Terminal(
                stage,
                "ulimit -f 200; \(Build.path(of: "vc")) tune \(words) --signal \(server.address) "
                    + "--capture tone:300 --playback silence --name ana "
                    + "--record \(stage.folder)/call.wav")
            let way = words.replacingOccurrences(of: " ", with: "-")
            try await first.screen(shows: way)
            try await first.press("Escape")
            try await first.screen(shows: "File too large")
            #expect(try await first.isFullScreen())
            try await first.press("F2")
            try await first.screen(shows: way)
            let second = try await Terminal(
                stage,
                "\(Build.path(of: "vc")) tune \(words) --signal \(server.address) \(quiet) "
                    + "--name ben")
            try await second.screen(shows: "you are in the room as ben, with ana")
            try await first.screen(shows: "ben joined")
            for terminal in [first, second] {
                try await terminal.press("C-q")
                try await terminal.screen(shows: "ended with 0")
                try await terminal.end()
            }
        }

        @Test("Ctrl-Z gives the terminal back, and fg goes on with the call")
        func suspend() async throws {
            let stage = try Stage()
            let server = try await stage.server()
            let terminal = try await Terminal(stage, "PS1='$ ' bash --norc --noprofile -i")
            // While it is stopped it can be told to end.
            for isLast in [false, true] {
                try await terminal.type(
                    "clear; \(Build.path(of: "vc")) host --signal \(server.address) \(quiet)")
                try await terminal.screen(shows: "Your friends paste")
                try await terminal.press("C-z")
                try await terminal.screen(shows: "Stopped")
                #expect(try await !terminal.isFullScreen())
                guard !isLast else { break }
                try await terminal.type("clear; kill %1; wait %1; echo ended with $((100 + $?))")
                try await terminal.screen(shows: "ended with 100")
            }
            // Echo and line editing are the shell's again.
            try await terminal.press("-l", "echo back $((40 + 2))")
            try await terminal.press("Enter")
            try await terminal.screen(shows: "back 42")
            try await terminal.press("-l", "fg")
            try await terminal.press("Enter")
            try await terminal.screen(shows: "Your friends paste")
            #expect(try await terminal.isFullScreen())
            // Sizes in quick succession, also such as nobody has, leave a whole picture.
            for (columns, rows) in [(20, 4), (200, 50), (10, 2), (61, 13), (60, 12)] {
                try await terminal.resize(columns: columns, rows: rows)
            }
            try await terminal.screen(shows: "Your friends paste")
            try await terminal.press("C-q")
            try await terminal.screen(shows: "you left")
            try await terminal.end()
        }

        @Test("Ctrl-Z does nothing where no shell could go on with the call")
        func orphan() async throws {
            let stage = try Stage()
            let server = try await stage.server()
            let terminal = try await Terminal(
                stage, "\(Build.path(of: "vc")) host --signal \(server.address) \(quiet)")
            try await terminal.screen(shows: "Your friends paste")
            try await terminal.press("C-z")
            try await terminal.press("C-q")
            try await terminal.screen(shows: "ended with 0")
            try await terminal.end()
        }

        @Test("in the background it does not take what is typed for others, and goes on")
        func background() async throws {
            let stage = try Stage()
            let server = try await stage.server()
            let terminal = try await Terminal(stage, "PS1='$ ' bash --norc --noprofile -i")
            let log = "\(stage.folder)/log"
            try await terminal.type(
                "\(Build.path(of: "vc")) host --json --signal \(server.address) \(quiet) "
                    + "> '\(log)' &"
            )
            try await Task.sleep(for: .milliseconds(700))
            try await terminal.type("clear; cat")
            for line in 1...3 { try await terminal.type("line \(line)") }
            try await Task.sleep(for: .milliseconds(300))
            try await terminal.press("C-d")
            try await terminal.type("clear; jobs")
            try await terminal.screen(shows: "Running")
            try await terminal.type("clear; kill %1; wait %1; echo ended with $((100 + $?))")
            try await terminal.screen(shows: "ended with 100")
            try await terminal.end()
        }

        @Test("bare vc asks what to do")
        func menu() async throws {
            let stage = try Stage()
            let terminal = try await Terminal(stage, Build.path(of: "vc"))
            try await terminal.screen(shows: "host, join or doctor?")
            try await terminal.press("-l", "j")
            try await terminal.press("Enter")
            try await terminal.screen(shows: "Room code:")
            try await terminal.press("C-c")
            try await terminal.screen(shows: "ended with 130")
            try await terminal.end()
        }

        @Test("a terminal that tells when keys go up holds to talk, and is left as it was")
        func kitty() async throws {
            let stage = try Stage()
            let server = try await stage.server()
            let pty = try PseudoTerminal(
                Build.path(of: "vc"),
                ["vc", "host", "--signal", server.address, "--talk", "ptt"]
                    + quiet.split(separator: " ").map(String.init))
            try await pty.output(has: "\u{1B}[?u\u{1B}[c")
            pty.send("\u{1B}[?0u\u{1B}[?62;22c")
            try await pty.output(has: "\u{1B}[>3u")
            try await pty.output(has: "hold F4 to talk")
            pty.forget()
            pty.send("\u{1B}[1;1:1S")
            try await pty.output(has: "TALKING")
            pty.send("\u{1B}[1;1:2S")
            pty.forget()
            pty.send("\u{1B}[1;1:3S")
            try await pty.output(has: "hold F4")
            pty.send("\u{1B}[113;5u")
            try await pty.output(has: "\u{1B}[<u")
            try await pty.output(has: "\u{1B}[?1049l")
            #expect(await pty.status() == 0)
        }
    }

    @Suite("A running call")
    struct Running {
        @Test("does what vc ptt, mute, unmute, send and who ask")
        func control() async throws {
            let stage = try Stage()
            let runtime = ["XDG_RUNTIME_DIR": stage.folder]
            let server = try await stage.server()
            let host = try await stage.host(at: server, ["--name", "ana"])
            let joiner = try stage.start(
                "vc",
                [
                    "join", host.code, "--json", "--capture", "silence", "--playback", "silence",
                    "--name", "ben",
                ], environment: runtime)
            try await joiner.event("joined")
            func ask(_ words: String...) async throws -> Program {
                let program = try stage.start("vc", words, environment: runtime)
                #expect(try await program.status() == 0, "\(program.diagnosticsText)")
                return program
            }
            #expect(try await ask("who").outputText.contains("ana (host)"))
            _ = try await ask("send", "from", "outside")
            try await host.program.event("chat") { $0.text("text") == "from outside" }
            _ = try await ask("mute")
            try await host.program.event("muted") { $0.bool("on") == true }
            #expect(try await ask("ptt", "down").outputText == "microphone open")
            try await host.program.event("muted") { $0.bool("on") == false }
            #expect(try await ask("ptt", "up").outputText == "microphone closed")
            _ = try await ask("unmute")
            let nobody = try stage.start(
                "vc", ["who"], environment: ["XDG_RUNTIME_DIR": stage.folder + "/missing"])
            #expect(try await nobody.status() == 69)
        }

        @Test("answers nobody but its own user", .enabled(if: getuid() == 0))
        func others() async throws {
            let stage = try Stage()
            let runtime = ["XDG_RUNTIME_DIR": stage.folder]
            let server = try await stage.server()
            let host = try stage.start(
                "vc",
                [
                    "host", "--json", "--signal", server.address, "--capture", "silence",
                    "--playback", "silence",
                ], environment: runtime)
            try await host.event("code")
            let socket = "\(stage.folder)/vc/call-\(host.pid)"
            let ask = """
                import socket, sys
                try:
                    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                    s.connect(sys.argv[1]); s.settimeout(5); s.send(b'vc2 0 who')
                    print('said', s.recv(100))
                except OSError as e: print('error', e)
                """
            func look(_ prefix: [String]) async throws -> String {
                let program = try stage.start(
                    "/usr/bin/env", prefix + ["/usr/bin/python3", "-c", ask, socket])
                try await program.status()
                return program.outputText + program.diagnosticsText
            }
            #expect(try await look([]).contains("b'+"))
            let other = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
            let denied = try await look(other)
            #expect(denied.contains("Permission denied"), "\(denied)")
            // Even where the rights of the files do not keep it out.
            for path in [stage.folder, stage.folder + "/vc", socket] { chmod(path, 0o777) }
            let answer = try await look(other)
            #expect(!answer.contains("b'+") && !answer.contains("b'-"), "\(answer)")
        }
    }
}

/// A terminal that the test itself plays: 24 rows, 80 columns.
final class PseudoTerminal: Sendable {
    private let descriptor: Int32
    private let pid: pid_t
    private let received = Mutex<[UInt8]>([])
    private let hasEnded = Mutex(false)

    init(_ path: String, _ arguments: [String]) throws {
        // By its device: the functions of stdlib.h for it are hidden from Swift.
        descriptor = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        var (lock, number) = (Int32(0), Int32(0))
        let (unlock, ask) = (UInt(0x4004_5431), UInt(0x8004_5430))  // TIOCSPTLCK, TIOCGPTN
        try #require(
            descriptor >= 0 && ioctl(descriptor, unlock, &lock) == 0
                && ioctl(descriptor, ask, &number) == 0)
        let name = "/dev/pts/\(number)"
        let side = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC)
        try #require(side >= 0)
        defer { close(side) }
        pid = try spawn(
            path, arguments, ["TERM": "xterm-256color"], descriptors: [side, side, side])
        let descriptor = descriptor
        Thread.detachNewThread { [self] in
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while case let count = read(descriptor, &buffer, buffer.count), count > 0 {
                received.withLock { $0 += buffer[..<count] }
            }
        }
    }

    deinit {
        if !hasEnded.withLock({ $0 }) { kill(pid, SIGKILL) }
        close(descriptor)
    }

    func send(_ text: String) {
        let bytes = Array(text.utf8)
        _ = write(descriptor, bytes, bytes.count)
    }

    /// What came so far is looked at no more.
    func forget() { received.withLock { $0.removeAll() } }

    func output(
        has text: String, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let end = ContinuousClock.now + .seconds(5)
        var shown = ""
        while ContinuousClock.now < end {
            shown = received.withLock { String(decoding: $0, as: UTF8.self) }
            if shown.contains(text) { return }
            try await Task.sleep(for: .milliseconds(20))
        }
        Issue.record(
            "the program did not write \(text.debugDescription): \(shown.debugDescription)",
            sourceLocation: sourceLocation)
        throw CancellationError()
    }

    /// The exit status, or -1 when it has not ended after 5 s.
    func status() async -> Int32 {
        let end = ContinuousClock.now + .seconds(5)
        var raw: Int32 = 0
        while ContinuousClock.now < end {
            if waitpid(pid, &raw, WNOHANG) == pid {
                hasEnded.withLock { $0 = true }
                return raw & 0x7F == 0 ? raw >> 8 & 0xFF : -2
            }
            try? await Task.sleep(for: .milliseconds(20))
        }
        return -1
    }
}
