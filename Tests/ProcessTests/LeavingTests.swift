import Foundation
import Testing

extension ProcessTests {
    @Suite("Leaving")
    struct Leaving {
        @Test("Ctrl-C: 130, and the other side sees it within half a second")
        func interrupt() async throws {
            let stage = try Stage()
            let pair = try await stage.pair()
            let time = ContinuousClock.now
            pair.joiner.send(SIGINT)
            #expect(try await pair.joiner.status() == 130)
            let left = try await pair.host.event("member") { $0.text("state") == "left" }
            #expect(left.time - time < .milliseconds(500))
            #expect(left.text("name") == "ben")
            #expect(pair.joiner.events.last?.kind == "left")
        }

        @Test(
            "SIGTERM, /quit and --duration: 0, and the other side sees it within half a second",
            arguments: ["SIGTERM", "/quit", "--duration"])
        func normally(way: String) async throws {
            let stage = try Stage()
            let pair = try await stage.pair(way == "--duration" ? ["--duration", "1.5"] : [])
            let time = ContinuousClock.now
            switch way {
            case "SIGTERM": pair.joiner.send(SIGTERM)
            case "/quit": pair.joiner.type("/quit")
            default: break
            }
            #expect(try await pair.joiner.status() == 0)
            if way == "--duration" {
                #expect(pair.joiner.lifetime > .milliseconds(1_450))
                #expect(pair.joiner.lifetime < .milliseconds(2_500))
                #expect(try await pair.host.status() == 0)
            } else {
                let left = try await pair.host.event("member") { $0.text("state") == "left" }
                #expect(left.time - time < .milliseconds(500))
            }
            #expect(pair.joiner.events.last?.kind == "left")
        }

        @Test("Where nobody reads what it says SIGTERM is heard all the same, and the others told")
        func unread() async throws {
            let stage = try Stage()
            let server = try await stage.server()
            let host = try await stage.host(at: server)
            let pipe = "\(stage.folder)/pipe"
            try #require(mkfifo(pipe, 0o600) == 0)
            let descriptor = open(pipe, O_RDWR | O_NONBLOCK)
            defer { close(descriptor) }
            let joiner = try stage.start(
                "/bin/sh",
                [
                    "-c",
                    "exec '\(Build.path(of: "vc"))' join \(host.code) --json "
                        + "--capture silence --playback silence > '\(pipe)'",
                ])
            try await host.program.event("member") { $0.text("state") == "joined" }
            // From here on nothing more goes in.
            let filling = [UInt8](repeating: 10, count: 4_096)
            while write(descriptor, filling, filling.count) > 0 {}
            while write(descriptor, filling, 1) > 0 {}
            try await Task.sleep(for: .seconds(1.5))
            joiner.send(SIGTERM)
            #expect(try await joiner.status(within: .seconds(2)) == 0)
            try await host.program.event("member") { $0.text("state") == "left" }
        }

        @Test("A terminal that goes away says so more than once, and the call leaves properly")
        func hangup() async throws {
            let stage = try Stage()
            let pair = try await stage.pair()
            // Some of them before the goodbye is answered.
            for _ in 0..<5_000 { pair.joiner.send(SIGHUP) }
            #expect(try await pair.joiner.status() == 0)
            #expect(pair.joiner.events.last?.kind == "left")
        }

        @Test(
            "Ctrl-C while a name is looked up, for which no server answers: 130, at once. As root",
            .enabled(if: getuid() == 0))
        func lookup() async throws {
            let stage = try Stage()
            // Takes questions and answers none.
            let silent = try boundSocket(at: "127.0.0.99", port: 53).descriptor
            defer { close(silent) }
            var patience = timeval(tv_sec: 5, tv_usec: 0)
            let size = socklen_t(MemoryLayout<timeval>.size)
            setsockopt(silent, SOL_SOCKET, SO_RCVTIMEO, &patience, size)
            let names = "\(stage.folder)/resolv.conf"
            try "nameserver 127.0.0.99\n".write(toFile: names, atomically: true, encoding: .utf8)
            let command =
                "mount --bind '\(names)' /etc/resolv.conf && exec '\(Build.path(of: "vc"))' join "
                + "7-tablet-whistle-tablet@signal.example --json --capture silence "
                + "--playback silence"
            let joiner = try stage.start("/usr/bin/unshare", ["--mount", "/bin/sh", "-c", command])
            var question = [UInt8](repeating: 0, count: 512)
            #expect(recv(silent, &question, question.count, 0) > 0)
            joiner.send(SIGINT)
            #expect(try await joiner.status(within: .seconds(2)) == 130)
        }

        @Test("A host that ends the room: the guest is told why, and leaves with 0")
        func end() async throws {
            let stage = try Stage()
            let pair = try await stage.pair()
            pair.host.type("/end")
            #expect(try await pair.host.status() == 0)
            #expect(try await pair.joiner.status() == 0)
            #expect(
                pair.joiner.events("left").first?.text("reason") == "the host closed the room")
        }

        @Test("After somebody left, the code lets the next one in")
        func nextGuest() async throws {
            let stage = try Stage()
            let pair = try await stage.pair()
            pair.joiner.type("/quit")
            try await pair.joiner.status()
            let next = try stage.join(pair.code, ["--name", "cleo"])
            try await next.event("joined")
            try await next.event("voice")
            try await pair.host.event("member") {
                $0.text("name") == "cleo" && $0.text("state") == "joined"
            }
        }

        @Test("The end of standard input does not leave the room")
        func endOfInput() async throws {
            let stage = try Stage()
            let pair = try await stage.pair()
            pair.joiner.closeInput()
            pair.host.closeInput()
            let count = pair.joiner.events("stats").count
            try await pair.joiner.event("stats") { _ in
                pair.joiner.events("stats").count > count + 1
            }
            #expect(pair.joiner.events("left").isEmpty && pair.host.events("left").isEmpty)
            let usage = try #require(pair.joiner.events("stats").last).number("cpu_percent")
            // A loop around a closed input would take a whole core.
            #expect(usage < 50)
        }

        @Test("A member that was killed is `lost` after 5 s, on either side")
        func killed() async throws {
            let stage = try Stage()
            let first = try await stage.pair()
            let second = try await stage.pair()
            let time = ContinuousClock.now
            first.joiner.send(SIGKILL)
            second.host.send(SIGKILL)
            for program in [first.host, second.joiner] {
                let lost = try await program.event("member", within: .seconds(8)) {
                    $0.text("state") == "lost"
                }
                #expect((4.0...6.5).contains(seconds(lost.time - time)))
            }
            guard Build.isFull else { return }
            let removed = try await first.host.event("member", within: .seconds(70)) {
                $0.text("state") == "removed"
            }
            #expect((58.0...66.0).contains(seconds(removed.time - time)))
            // Whose host is gone has taken its place.
            #expect(second.joiner.events("code").count == 1)
        }
    }
}
