import Synchronization
import Testing
import VCCore
import VCNet
import VCTestKit

@testable import VCRelay

/// A relay of one thread over loopback, and clients on sockets.
@Suite(.serialized) struct RelayWorkerTests {
    private static let loopback = Endpoint(ipv4: 0x7F00_0001, port: 0)

    /// A worker on a thread of its own.
    private final class Relay {
        let signal: SigningKey
        let endpoint: Endpoint
        let tcpEndpoint: Endpoint?
        let stop: RelayStop
        private let thread: RelayThread
        let lines = Lines()

        init(tcp: Bool = false) throws {
            var random = AnyRandomSource(SystemRandom())
            signal = SigningKey(random: &random, arena: TestSecrets.arena)
            let configuration = RelayConfiguration(
                listen: [loopback], listenTCP: tcp ? loopback : nil, keys: [signal.verifyKey],
                isVerbose: true)
            let lines = lines
            let worker = try RelayWorker(configuration, index: 0) { lines.add($0) }
            endpoint = worker.endpoint
            tcpEndpoint = worker.tcpEndpoint
            stop = try RelayStop(workers: 1)
            thread = RelayThread(worker, stop: stop, index: 0)
            try thread.start()
        }

        func join() { thread.join() }
    }

    private final class Lines: Sendable {
        private let lines = Mutex<[String]>([])

        func add(_ line: String) { lines.withLock { $0.append(line) } }
        func contains(_ text: String) -> Bool {
            lines.withLock { lines in lines.contains { $0.contains(text) } }
        }
    }

    /// A client on a socket, or on a connection.
    private final class Client {
        var machine: RelayClient
        private let key: SigningKey
        private let socket: UDPSocket
        private var streams = StreamTable(tokens: 100..<200, limits: .client)
        private var poller: Poller
        private var batch = ReceiveBatch()
        private var out = SendBatch()
        private var random = SystemRandom()
        var events: [RelayEvent] = []
        var received: [[UInt8]] = []

        init(_ server: Endpoint, member: UInt8, of relay: Relay) throws {
            var source = AnyRandomSource(SystemRandom())
            key = SigningKey(random: &source, arena: TestSecrets.arena)
            socket = try UDPSocket(bindingTo: loopback)
            poller = try Poller()
            machine = RelayClient(server: server, random: &random, now: MonotonicClock.now)
            let ticket = Ticket(
                roomID: Block16(high: 1, low: 2), generation: 1, member: member,
                memberKey: key.verifyKey, expiry: WallClock.seconds + 600,
                signedWith: relay.signal)
            machine.setTicket(ticket, key: key, now: MonotonicClock.now)
        }

        func send(_ inner: [UInt8], to member: UInt8) {
            guard let session = machine.session else { return }
            let bytes = RelayWorld.data(session, to: member, inner)
            transmit(bytes)
        }

        private func transmit(_ bytes: [UInt8]) {
            if machine.server.transport == .tcp {
                streams.send(
                    bytes.span.bytes, to: machine.server, poller: poller,
                    now: MonotonicClock.now)
                return
            }
            guard let memory = out.reserve() else { return }
            memory.copyBytes(from: bytes)
            out.commit(bytes.count, to: machine.server)
            out.flush(through: socket)
        }

        private func take(_ bytes: [UInt8], from source: Endpoint) {
            if bytes.first == PacketType.relayData {
                received.append(bytes)
            } else {
                _ = machine.handle(
                    bytes.span.bytes, from: source, key: key, now: MonotonicClock.now)
            }
        }

        func turn() throws {
            machine.handleTimeout(random: &random, now: MonotonicClock.now)
            var isWritten = true
            while isWritten {
                isWritten = false
                let bytes = [UInt8](writing: { isWritten = machine.pollTransmit(into: &$0) })
                if isWritten { transmit(bytes) }
            }
            let ready = try poller.wait(until: MonotonicClock.now + .milliseconds(1))
            for index in 0..<ready where streams.owns(poller.readiness(index).token) {
                let now = MonotonicClock.now
                streams.handle(poller.readiness(index), poller: poller, now: now)
                while let datagram = streams.nextDatagram(now: now) {
                    take(Array(datagram.bytes), from: datagram.source)
                }
            }
            while streams.pollEvent() != nil {}
            while batch.receive(from: socket) > 0 {
                for index in 0..<batch.count {
                    take(Array(batch.bytes(index)), from: batch.source(index))
                }
            }
            while let event = machine.pollEvent() { events.append(event) }
        }
    }

    private static func run(_ clients: [Client], until condition: () -> Bool) throws -> Bool {
        let end = MonotonicClock.now + testPatience
        while !condition() {
            guard MonotonicClock.now < end else { return false }
            for client in clients { try client.turn() }
        }
        return true
    }

    @Test("members bind over UDP and TCP, reach each other, and a drain ends when they left")
    func whole() throws {
        let relay = try Relay(tcp: true)
        let tcp = try #require(relay.tcpEndpoint)
        let first = try Client(relay.endpoint, member: 1, of: relay)
        let second = try Client(tcp, member: 2, of: relay)
        let clients = [first, second]
        #expect(
            try Self.run(clients) {
                first.machine.session != nil && second.machine.session != nil
            })
        #expect(first.machine.tcpPort == tcp.port)
        for number in 0..<20 {
            first.send([UInt8(number), 7], to: 2)
            second.send([UInt8(number), 8], to: 1)
        }
        #expect(
            try Self.run(clients) { first.received.count == 20 && second.received.count == 20 })
        #expect(second.received.allSatisfy { $0[9] == 1 && $0[11] == 7 })
        #expect(first.received.map { $0[10] } == (0..<20).map { UInt8($0) })
        #expect(relay.lines.contains("bound member=2"))

        relay.stop.request()
        #expect(try Self.run(clients) { clients.allSatisfy { $0.machine.isDraining } })
        first.send([99, 7], to: 2)
        #expect(try Self.run(clients) { second.received.count == 21 })
        for client in clients { client.machine.unbind(now: MonotonicClock.now) }
        #expect(try Self.run(clients) { relay.stop.isOver })
        relay.join()
        #expect(relay.lines.contains("drained"))
    }

    @Test("a second request ends a relay at once")
    func atOnce() throws {
        let relay = try Relay()
        let client = try Client(relay.endpoint, member: 1, of: relay)
        #expect(try Self.run([client]) { client.machine.session != nil })
        relay.stop.request()
        #expect(try Self.run([client]) { client.machine.isDraining })
        #expect(!relay.stop.isOver)
        relay.stop.request()
        relay.join()
        #expect(relay.stop.isOver && relay.lines.contains("stopped at once"))
    }
}
