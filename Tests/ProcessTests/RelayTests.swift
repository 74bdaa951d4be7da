import Foundation
import Testing
import VCCore
import VCNet
import VCTestKit

extension ProcessTests {
    @Suite("Relays")
    struct Relays {
        /// A vc-relay that takes the tickets of `signal`.
        private static func start(
            _ signal: borrowing SigningKey, _ more: [String] = []
        ) async throws -> (program: Program, endpoint: Endpoint) {
            let port = try freePort()
            let program = try Program(
                "vc-relay",
                ["--listen", "127.0.0.1:\(port)", "--signal-key", signal.verifyKey.description]
                    + more)
            try await program.line(with: "listening on UDP 127.0.0.1:\(port)")
            return (program, Endpoint(ipv4: 0x7F00_0001, port: port))
        }

        private static func key() -> SigningKey {
            var random = AnyRandomSource(SystemRandom())
            return SigningKey(random: &random, arena: TestSecrets.arena)
        }

        @Test("Members bind, their packets pass, SIGTERM drains and ends when they have left")
        func drain() async throws {
            let signal = Self.key()
            let relay = try await Self.start(signal)
            let first = try RelayPeer(relay.endpoint, member: 1, signal)
            let second = try RelayPeer(relay.endpoint, member: 2, signal)
            #expect(try RelayPeer.run([first, second]) { first.isBound && second.isBound })
            for _ in 0..<100 { first.send([1, 2, 3], to: 2) }
            #expect(try RelayPeer.run([first, second]) { second.received == 100 })
            relay.program.send(SIGTERM)
            #expect(try RelayPeer.run([first, second]) { first.isDraining && second.isDraining })
            first.send([1, 2, 3], to: 2)
            #expect(try RelayPeer.run([first, second]) { second.received == 101 })
            first.leave()
            second.leave()
            #expect(try RelayPeer.run([first, second]) { first.isClosed && second.isClosed })
            #expect(try await relay.program.status(within: .seconds(5)) == 0)
            let text = relay.program.diagnosticsText
            #expect(text.contains("drained") && !text.contains("127.0.0.1:"))
        }

        @Test("A second SIGTERM ends a relay at once, with each of its threads")
        func atOnce() async throws {
            let signal = Self.key()
            let other = try freePort()
            let relay = try await Self.start(signal, ["--listen", "127.0.0.1:\(other)"])
            let peer = try RelayPeer(relay.endpoint, member: 1, signal)
            let second = try RelayPeer(relay.endpoint.with(port: other), member: 1, signal)
            #expect(try RelayPeer.run([peer, second]) { peer.isBound && second.isBound })
            relay.program.send(SIGTERM)
            #expect(try RelayPeer.run([peer, second]) { peer.isDraining && second.isDraining })
            relay.program.send(SIGTERM)
            #expect(try await relay.program.status(within: .seconds(2)) == 0)
        }

        @Test("Help and version leave with 0, mistakes with 64, 66 and 69 and a sentence")
        func arguments() async throws {
            let help = try Program("vc-relay", ["--help"])
            #expect(try await help.status() == 0)
            #expect(help.outputText.hasPrefix("usage: vc-relay") && help.diagnostics.isEmpty)
            let version = try Program("vc-relay", ["--version"])
            #expect(try await version.status() == 0)
            #expect(version.outputText.hasPrefix("vc-relay "))
            let key = String(repeating: "1", count: 64)
            let taken = try UDPSocket(bindingTo: Endpoint(ipv4: 0x7F00_0001, port: 0))
            let mistakes: [([String], Int32, String)] = [
                ([], 64, "--signal-key is missing"),
                (["--frobnicate"], 64, "unknown argument"),
                (["--signal-key", "/nowhere"], 66, "No such file"),
                (["--signal-key", "/etc/hostname"], 66, "does not hold"),
                (["--signal-key", key, "--listen", "192.0.2.1:4461"], 69, "no address 192.0.2.1"),
                (
                    ["--signal-key", key, "--listen", taken.localEndpoint.description], 69,
                    "is in use"
                ),
            ]
            for (arguments, status, text) in mistakes {
                let program = try Program("vc-relay", arguments)
                #expect(try await program.status() == status)
                #expect(program.diagnosticsText.contains(text))
                #expect(program.output.isEmpty)
            }
        }
    }
}

/// A client of a relay, on a socket.
private final class RelayPeer {
    private var machine: RelayClient
    private let key: SigningKey
    private let socket: UDPSocket
    private var incoming = ReceiveBatch()
    private var outgoing = SendBatch()
    private var random = SystemRandom()
    /// Relayed datagrams that came.
    private(set) var received = 0

    init(_ server: Endpoint, member: UInt8, _ signal: borrowing SigningKey) throws {
        var source = AnyRandomSource(SystemRandom())
        key = SigningKey(random: &source, arena: TestSecrets.arena)
        socket = try UDPSocket(bindingTo: Endpoint(ipv4: 0x7F00_0001, port: 0))
        machine = RelayClient(server: server, random: &random, now: MonotonicClock.now)
        let ticket = Ticket(
            roomID: Block16(high: 1, low: 2), generation: 1, member: member,
            memberKey: key.verifyKey, expiry: WallClock.seconds + 600, signedWith: signal)
        machine.setTicket(ticket, key: key, now: MonotonicClock.now)
    }

    var isBound: Bool { machine.session != nil }
    var isDraining: Bool { machine.isDraining }
    var isClosed: Bool { machine.isClosed }

    func leave() { machine.unbind(now: MonotonicClock.now) }

    func send(_ inner: [UInt8], to member: UInt8) {
        guard let session = machine.session else { return }
        transmit(
            [UInt8](writing: { writer in
                RelayDataHeader(session: session, member: member).encode(into: &writer)
                for byte in inner { writer.write(byte) }
            }))
    }

    private func transmit(_ bytes: [UInt8]) {
        guard let memory = outgoing.reserve() else { return }
        memory.copyBytes(from: bytes)
        outgoing.commit(bytes.count, to: machine.server)
        outgoing.flush(through: socket)
    }

    private func turn() {
        machine.handleTimeout(random: &random, now: MonotonicClock.now)
        var isWritten = true
        while isWritten {
            isWritten = false
            let bytes = [UInt8](writing: { isWritten = machine.pollTransmit(into: &$0) })
            if isWritten { transmit(bytes) }
        }
        while incoming.receive(from: socket) > 0 {
            for index in 0..<incoming.count {
                let bytes = Array(incoming.bytes(index))
                if bytes.first == PacketType.relayData {
                    received += 1
                } else {
                    _ = machine.handle(
                        bytes.span.bytes, from: incoming.source(index), key: key,
                        now: MonotonicClock.now)
                }
            }
        }
    }

    /// Turns all until `condition` holds; false after 5 s.
    static func run(_ peers: [RelayPeer], until condition: () -> Bool) throws -> Bool {
        let end = MonotonicClock.now + .seconds(5)
        while !condition() {
            guard MonotonicClock.now < end else { return false }
            for peer in peers { peer.turn() }
            usleep(500)
        }
        return true
    }
}
