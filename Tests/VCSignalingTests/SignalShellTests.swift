import Synchronization
import Testing
import VCTestKit
import VCCore
import VCNet

@testable import VCSignaling

@Suite struct SignalShellTests {
    private static let loopback = Endpoint(ipv4: 0x7F00_0001, port: 0)

    /// Everything that a client does over a real socket until `isDone`, for `testPatience` at most.
    private static func drive(
        _ client: inout SignalClient, through socket: borrowing UDPSocket,
        until isDone: (SignalEvent) -> Bool
    ) throws -> Bool {
        var poller = try Poller()
        try poller.add(socket.descriptorNumber, token: 1)
        var incoming = ReceiveBatch()
        var outgoing = SendBatch()
        let end = MonotonicClock.now + testPatience
        while MonotonicClock.now < end {
            while let memory = outgoing.reserve() {
                var writer = ByteWriter(memory.mutableBytes)
                guard let transmit = client.pollTransmit(into: &writer) else { break }
                outgoing.commit(transmit.count, to: transmit.destination)
            }
            outgoing.flush(through: socket)
            while let event = client.pollEvent() {
                if isDone(event) { return true }
            }
            _ = try poller.wait(until: min(client.pollTimeout() ?? end, end))
            for index in 0..<incoming.receive(from: socket) {
                _ = client.handle(
                    UnsafeRawBufferPointer(incoming.bytes(index)).bytes,
                    from: incoming.source(index), now: MonotonicClock.now)
            }
            client.handleTimeout(now: MonotonicClock.now)
        }
        return false
    }

    @Test("a real server leases, delivers, answers STUN on both ports, drains and logs no address")
    func realSockets() async throws {
        let lines = Mutex<[String]>([])
        let ready = Mutex<(main: Endpoint, second: UInt16)?>(nil)
        let stop = try Wakeup()
        let server = Task.detached {
            var shell = try SignalShell(
                .init(listen: Self.loopback),
                log: { line in lines.withLock { $0.append(line) } })
            ready.withLock { $0 = (shell.endpoint, shell.secondPort) }
            try shell.run(stop: stop)
        }
        var started: (main: Endpoint, second: UInt16)?
        let limit = MonotonicClock.now + testPatience
        while started == nil, MonotonicClock.now < limit {
            await Task.yield()
            started = ready.withLock { $0 }
        }
        let (endpoint, secondPort) = try #require(started)
        var random = SystemRandom()

        for port in [endpoint.port, secondPort] {
            let socket = try UDPSocket(bindingTo: Self.loopback)
            let target = endpoint.with(port: port)
            #expect(try Self.observe(target, through: socket) == socket.localEndpoint)
        }

        let token = [UInt8](repeating: 5, count: 32)
        let hostSocket = try UDPSocket(bindingTo: Self.loopback)
        var host = SignalClient(
            servers: [endpoint], hosting: Block16(high: 1, low: 1), claimToken: token.span.bytes,
            arena: TestSecrets.arena,
            random: &random, now: MonotonicClock.now)
        #expect(
            try Self.drive(&host, through: hostSocket) { $0 == .leased(nameplate: 1) })

        let joinerSocket = try UDPSocket(bindingTo: Self.loopback)
        var joiner = SignalClient(
            servers: [endpoint], joining: 1, random: &random, now: MonotonicClock.now)
        let body: [UInt8] = [1, 2, 3]
        joiner.post(body.span.bytes, now: MonotonicClock.now)
        // The joiner has sent its body when it has been told that it is reachable.
        #expect(
            try Self.drive(&joiner, through: joinerSocket) {
                if case .reachable = $0 { true } else { false }
            })
        var outgoing = SendBatch()
        while let memory = outgoing.reserve() {
            var writer = ByteWriter(memory.mutableBytes)
            guard let transmit = joiner.pollTransmit(into: &writer) else { break }
            outgoing.commit(transmit.count, to: transmit.destination)
        }
        outgoing.flush(through: joinerSocket)
        var received: [UInt8]?
        #expect(
            try Self.drive(&host, through: hostSocket) {
                if case .message(_, _, let body) = $0 { received = body }
                return received != nil
            })
        #expect(received == body)

        stop.signal()
        #expect(try Self.drive(&host, through: hostSocket) { $0 == .serverDraining })
        host.release(now: MonotonicClock.now)
        #expect(try Self.drive(&host, through: hostSocket) { $0 == .released })
        try await server.value
        #expect(
            lines.withLock { $0 } == ["vc-signal: draining: no new rooms", "vc-signal: drained"])
    }

    private static func observe(
        _ server: Endpoint, through socket: borrowing UDPSocket
    ) throws -> Endpoint? {
        var random = SystemRandom()
        var exchange = BindingExchange(
            server: server, random: &random, now: MonotonicClock.now)
        var outgoing = SendBatch()
        if let memory = outgoing.reserve() {
            var writer = ByteWriter(memory.mutableBytes)
            if let size = exchange.pollTransmit(into: &writer) {
                outgoing.commit(size, to: server)
            }
        }
        outgoing.flush(through: socket)
        var poller = try Poller()
        try poller.add(socket.descriptorNumber, token: 1)
        _ = try poller.wait(until: MonotonicClock.now + testPatience)
        var incoming = ReceiveBatch()
        for index in 0..<incoming.receive(from: socket) {
            _ = exchange.handle(
                UnsafeRawBufferPointer(incoming.bytes(index)).bytes, from: incoming.source(index))
        }
        guard case .answered(let observed) = exchange.state else { return nil }
        return observed
    }

    @Test("a port that is taken is named")
    func portInUse() throws {
        let socket = try UDPSocket(bindingTo: Self.loopback)
        let taken = socket.localEndpoint
        let error = SignalPortError(transport: .udp, reason: .portInUse(taken.port))
        #expect(throws: error) {
            _ = try SignalShell(.init(listen: taken))
        }
        #expect(throws: error) {
            _ = try SignalShell(.init(listen: Self.loopback, secondPort: taken.port))
        }
        let server = try SignalShell(.init(listen: Self.loopback))
        let tcp = try #require(server.tcpEndpoints.first)
        #expect(tcp == server.endpoint.over(.tcp))
        #expect(throws: SignalPortError(transport: .tcp, reason: .portInUse(tcp.port))) {
            _ = try SignalShell(.init(listen: Self.loopback, listenTCP: [tcp]))
        }
    }

    @Test("verbose logs say who and which room")
    func verboseLog() {
        let lines = Mutex<[String]>([])
        let event = SignalServiceEvent.leaseGranted(
            nameplate: 7, host: Endpoint(ipv4: 0x0102_0304, port: 5))
        for isVerbose in [false, true] {
            var log = SignalLog(
                isVerbose: isVerbose, write: { line in lines.withLock { $0.append(line) } })
            log.log(event, now: .zero)
        }
        #expect(
            lines.withLock { $0 } == ["vc-signal: room opened nameplate=7 host=1.2.3.4:5"])
    }

    @Test("a full server says so once a minute, and not whom it refused")
    func fullLog() {
        let lines = Mutex<[String]>([])
        var log = SignalLog(
            isVerbose: false, write: { line in lines.withLock { $0.append(line) } })
        for second in 0..<120 {
            log.log(
                .claimRefused(.full, host: Endpoint(ipv4: 1, port: 1)),
                now: .zero + .seconds(second))
        }
        #expect(
            lines.withLock { $0 }
                == Array(
                    repeating: "vc-signal: claims are refused: no room for more leases", count: 2))
    }
}

@Suite struct SignalCommandLineTests {
    private static func options(_ arguments: [String]) -> SignalCommandLine.Options? {
        if case .run(let options) = SignalCommandLine(arguments) { options } else { nil }
    }

    @Test("options are read, with a blank or an equals sign")
    func options() {
        var expected = SignalCommandLine.Options()
        #expect(SignalCommandLine([]) == .run(expected))
        expected.listen = "[::1]:9"
        expected.secondPort = 8
        expected.isVerbose = true
        #expect(
            SignalCommandLine(["--listen", "[::1]:9", "--second-port=8", "--verbose"])
                == .run(expected))
        let relays = Self.options([
            "--relay", "a.example", "--relay=[2001:db8::1]:5", "--relay", "a.example", "--key", "k",
            "--host-token=t", "--listen-tcp", "443", "--listen-tcp=192.0.2.1:80",
        ])
        #expect(relays?.relays == ["a.example", "[2001:db8::1]:5"])
        #expect(relays?.keyFile == "k" && relays?.hostTokenFile == "t")
        #expect(relays?.listenTCP == ["443", "192.0.2.1:80"])
        #expect(SignalCommandLine(["--help"]) == .help)
        #expect(SignalCommandLine(["--version"]) == .version)
    }

    @Test("relays make a key necessary; without them there is none unless asked for")
    func usualKey() {
        #expect(Self.options(["--relay", "a"])?.keyFile == SigningKeyFile.usualPath)
        #expect(Self.options([])?.keyFile == nil)
        #expect(Self.options(["--key", "k"])?.keyFile == "k")
    }

    @Test("what is wrong is refused with a sentence, not ignored")
    func refusals() {
        func many(_ option: String, _ count: Int) -> [String] {
            (1...count).map { "\(option)=\($0)" }
        }
        for arguments in [
            ["--relay"], ["--relay", "a:0"], ["--relay", "a:x"], ["--relay="], ["--key"],
            ["--host-token="], ["--listen"], ["--listen", "name:1"], ["--listen-tcp", "name:1"],
            ["--second-port", "0"], ["--second-port", "x"], ["extra"], ["--verbose=1"],
            ["--listen", "5", "--second-port", "5"],
            many("--listen-tcp", 16), many("--relay", 65),
        ] {
            guard case .usageError(let sentence) = SignalCommandLine(arguments) else {
                Issue.record("\(arguments) was accepted")
                continue
            }
            #expect(sentence.contains(" "))
        }
    }

    @Test("every option stands in the help text, which fits 80 columns")
    func help() {
        for option in [
            "--listen", "--listen-tcp", "--second-port", "--relay", "--key", "--host-token",
            "--verbose", "--man",
        ] {
            #expect(SignalHelp.text.contains("  \(option) "))
        }
        let lines = SignalHelp.text.split(separator: "\n")
        #expect(lines.allSatisfy { $0.count <= 80 })
    }
}
