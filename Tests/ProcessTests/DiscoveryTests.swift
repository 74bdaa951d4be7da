import Foundation
import Testing
import VCCore
import VCNet
import VCTestKit

/// A machine without any network, in which programs find each other through loopback alone. It is
/// there as long as a program in it runs.
private struct LonelyMachine {
    let stage: Stage
    /// The first program in it.
    let first: Program

    /// - Parameter inside: is called inside, before the program is started.
    init(
        _ stage: Stage, _ arguments: [String], inside: @escaping () throws -> Void = {}
    ) throws {
        let place = Shared()
        let command = arguments
        try NetworkNamespace.run {
            try inside()
            place.program = try stage.start("vc", command + stage.quiet)
        }
        self.stage = stage
        first = try #require(place.program)
    }

    private final class Shared {
        var program: Program?
    }

    /// Starts another program beside the first one.
    func start(_ name: String, _ arguments: [String]) throws -> Program {
        try stage.start(
            "/usr/bin/nsenter",
            ["--net=/proc/\(first.pid)/ns/net", "--", Build.path(of: name)] + arguments)
    }

    func join(_ code: String, _ options: [String] = []) throws -> Program {
        try start("vc", ["join", code, "--json"] + stage.quiet + options)
    }

    /// UDP datagrams that were sent in it so far.
    var datagramsSent: Int {
        let text = (try? String(contentsOfFile: "/proc/\(first.pid)/net/snmp", encoding: .utf8))
        let lines = (text ?? "").split(separator: "\n").filter { $0.hasPrefix("Udp:") }
        guard lines.count == 2 else { return -1 }
        let names = lines[0].split(separator: " "), values = lines[1].split(separator: " ")
        return names.firstIndex(of: "OutDatagrams").flatMap { Int(values[$0]) } ?? -1
    }

    /// Whether some program has this UDP port, which is how /proc shows it.
    func hasPort(_ port: UInt16) -> Bool {
        let hex = ":" + String(port, radix: 16, uppercase: true)
        return ["udp", "udp6"].contains { file in
            let path = "/proc/\(first.pid)/net/\(file)"
            let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
            return text.split(separator: "\n").contains { line in
                line.split(separator: " ").dropFirst().first?.hasSuffix(hex) ?? false
            }
        }
    }
}

/// The code as it is said to somebody in the same network.
private func bare(_ code: String) -> String {
    String(code.prefix { $0 != "@" })
}

extension ProcessTests {
    @Suite("The local network", .enabled(if: NetworkNamespace.isPermitted))
    struct Discovery {
        @Test("Two terminals find each other without any server or network, and talk")
        func loopback() async throws {
            let machine = try LonelyMachine(try Stage(), ["host", "--json"])
            let code = try await machine.first.event("code").text("code")
            let reach = try await machine.first.event("reach")
            #expect(reach.bool("lan") == true && reach.text("outside") == "none")
            let joiner = try machine.join(bare(code))
            try await joiner.event("voice")
            try await machine.first.event("voice")
            let searches = joiner.events("search")
            #expect(searches.count == 2 && searches[0].fields["server"] == nil)
            #expect(searches.last?.text("server") == "127.0.0.1")
            let found = try #require(joiner.events("joined").first)
            #expect(found.number("t") < 1)
            joiner.send(SIGTERM)
            #expect(try await joiner.status() == 0)
        }

        @Test("Of several hosts on one machine the right one is found")
        func several() async throws {
            let machine = try LonelyMachine(try Stage(), ["host", "--json"])
            _ = try await machine.first.event("code")
            let second = try machine.start(
                "vc", ["host", "--json", "--listen", "4470"] + machine.stage.quiet)
            let third = try machine.start(
                "vc", ["host", "--json", "--listen", "4480"] + machine.stage.quiet)
            for host in [second, third] {
                let code = try await host.event("code").text("code")
                let joiner = try machine.join(bare(code))
                try await joiner.event("voice")
                try await host.event("voice")
            }
        }

        @Test("Nobody with the room: 69, in time, and what to do")
        func nobody() async throws {
            let machine = try LonelyMachine(try Stage(), ["host", "--json"])
            _ = try await machine.first.event("code")
            let joiner = try machine.join("123456-tablet-whistle-tempo")
            #expect(try await joiner.status() == 69)
            #expect(joiner.lifetime < .seconds(3))
            let error = try #require(joiner.events("error").first)
            #expect(error.text("kind") == "not-in-network")
            #expect(
                error.text("message").hasPrefix("no room 123456 answers in this network: ask for"))
            let plain = try machine.start(
                "vc", ["join", "123456-tablet-whistle-tempo", "--plain"] + machine.stage.quiet)
            #expect(try await plain.status() == 69)
            #expect(plain.outputText.contains("* looking for room 123456 in this network"))
        }

        @Test("A wrong word is refused there: 77, and the host is told")
        func wrongWords() async throws {
            let machine = try LonelyMachine(try Stage(), ["host", "--json"])
            let code = try await machine.first.event("code").text("code")
            let joiner = try machine.join(bare(wrongWord(code)))
            #expect(try await joiner.status() == 77)
            let guess = try await machine.first.event("guess")
            #expect(guess.number("failed") == 1)
        }

        @Test("--no-lan of the host: it hears no question, and is not found; its address leads in")
        func silentHost() async throws {
            let machine = try LonelyMachine(try Stage(), ["host", "--json", "--no-lan"])
            let code = try await machine.first.event("code").text("code")
            #expect(try await machine.first.event("reach").bool("lan") == false)
            #expect(!machine.hasPort(DiscoveryFormat.port))
            let joiner = try machine.join(bare(code))
            #expect(try await joiner.status() == 69)
            let other = try machine.join(code)
            try await other.event("voice")
        }

        @Test("--no-lan of who joins: nothing is sent, and the code needs its address")
        func silentJoiner() async throws {
            let machine = try LonelyMachine(try Stage(), ["host", "--json"])
            let code = try await machine.first.event("code").text("code")
            #expect(machine.hasPort(DiscoveryFormat.port))
            let before = machine.datagramsSent
            let joiner = try machine.join(bare(code), ["--no-lan"])
            #expect(try await joiner.status() == 64)
            #expect(joiner.diagnosticsText.contains("the code names no server"))
            #expect(before >= 0 && machine.datagramsSent == before)
        }

        @Test("When the host is killed, the room is found at the next one")
        func nextHost() async throws {
            // A machine is there as long as a program in it runs: the first one only keeps it.
            let machine = try LonelyMachine(
                try Stage(), ["host", "--json", "--no-lan", "--listen", "4499"])
            let host = try machine.start(
                "vc", ["host", "--json", "--name", "ana"] + machine.stage.quiet)
            let code = try await host.event("code").text("code")
            var joiners: [Program] = []
            for name in ["ben", "cleo"] {
                let joiner = try machine.join(bare(code), ["--name", name])
                try await joiner.event("voice")
                joiners.append(joiner)
            }
            try await Task.sleep(for: .seconds(1))
            host.send(SIGKILL)
            let next = try await joiners[0].event("code", within: .seconds(10)).text("code")
            let late = try machine.join(bare(next))
            try await late.event("voice")
        }

        @Test("Where another program keeps the port for itself, the host says so and goes on")
        func portTaken() async throws {
            let place = Taken()
            let machine = try LonelyMachine(try Stage(), ["host", "--json"]) {
                try place.take(DiscoveryFormat.port)
            }
            try await machine.first.event("warning") { $0.text("kind") == "not-found-nearby" }
            let code = try await machine.first.event("code").text("code")
            let joiner = try machine.join(code)
            try await joiner.event("voice")
        }

        @Test("A code with an address asks nobody else")
        func address() async throws {
            let ear = Ear()
            let machine = try LonelyMachine(try Stage(), ["host", "--json"]) { try ear.open() }
            let code = try await machine.first.event("code").text("code")
            let direct = try machine.join(code)
            try await direct.event("voice")
            #expect(ear.questions() == 0)
            let searching = try machine.join(bare(code))
            try await searching.event("voice")
            #expect(ear.questions() > 0)
        }

        @Test("A configured server is asked first; where it has no such room the network is")
        func configured() async throws {
            let machine = try LonelyMachine(try Stage(), ["host", "--json"])
            let code = try await machine.first.event("code").text("code")
            let server = try machine.start("vc-signal", ["--listen", "127.0.0.1:4490"])
            try await server.line(with: "listening on UDP")
            let joiner = try machine.join(bare(code), ["--signal", "127.0.0.1:4490"])
            try await joiner.event("voice")
            #expect(joiner.events("search").last?.text("server") == "127.0.0.1")
            let lost = try machine.join(
                "123456-tablet-whistle-tempo", ["--signal", "127.0.0.1:4490"])
            #expect(try await lost.status() == 77)
            let sentence =
                "no room 123456 at 127.0.0.1:4490, and none answers in this network"
            #expect(lost.events("error").first?.text("message") == sentence)
        }
    }
}

/// A port that one program has for itself.
private final class Taken: @unchecked Sendable {
    private var socket: UDPSocket?

    func take(_ port: UInt16) throws {
        socket = try UDPSocket(bindingTo: .anyAddress(port: port))
    }
}

/// Hears what is asked in a network, as a host would.
private final class Ear: @unchecked Sendable {
    private var socket: MulticastSocket?
    private var batch = ReceiveBatch(slots: 32, readsDestinations: true)

    func open() throws {
        var socket = try MulticastSocket(hearingAt: DiscoveryFormat.port)
        socket.join(LocalLinks.current)
        self.socket = consume socket
    }

    /// How many questions came since the last call.
    func questions() -> Int {
        var count = 0
        for _ in 0..<8 { count += socket?.receive(into: &batch) ?? 0 }
        return count
    }
}
