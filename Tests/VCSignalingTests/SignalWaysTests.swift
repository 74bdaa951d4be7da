import Foundation
import Synchronization
import Testing
import VCCore
import VCNet
import VCTestKit

@testable import VCSignaling

/// A real server, asked in other ways than by one UDP address.
@Suite struct SignalWaysTests {
    /// A server on a thread of its own, until `end`.
    private final class Server: Sendable {
        private let stop: Wakeup
        private let started = Mutex<Endpoint?>(nil)
        private let hasEnded = Mutex(false)

        init(_ configuration: SignalShell.Configuration) throws {
            stop = try Wakeup()
            Thread.detachNewThread { self.run(configuration) }
            try #require(wait { endpoint != nil })
        }

        var endpoint: Endpoint? { started.withLock { $0 } }

        func end() {
            stop.signal()
            #expect(wait { hasEnded.withLock { $0 } })
        }

        private func run(_ configuration: SignalShell.Configuration) {
            do {
                var shell = try SignalShell(configuration, log: { _ in })
                started.withLock { $0 = shell.endpoint }
                try shell.run(stop: stop)
            } catch {
                Issue.record(error)
            }
            hasEnded.withLock { $0 = true }
        }

        private func wait(until condition: () -> Bool) -> Bool {
            let limit = MonotonicClock.now + testPatience
            while !condition() {
                guard MonotonicClock.now < limit else { return false }
                usleep(1_000)
            }
            return true
        }
    }

    /// Runs a client over a UDP socket and connections until `isDone`, for `limit` at most.
    private static func drive(
        _ client: inout SignalClient, socket: borrowing UDPSocket, limit: Duration,
        blocksUDP: Bool = false, until isDone: (SignalEvent) -> Bool
    ) throws -> Bool {
        var poller = try Poller()
        try poller.add(socket.descriptorNumber, token: 1)
        var streams = StreamTable(tokens: 16..<64, limits: .client)
        var incoming = ReceiveBatch()
        var outgoing = SendBatch()
        let end = MonotonicClock.now + limit
        while MonotonicClock.now < end {
            while let memory = outgoing.reserve() {
                var writer = ByteWriter(memory.mutableBytes)
                guard let (destination, count) = client.pollTransmit(into: &writer) else { break }
                if destination.transport == .tcp {
                    let bytes = UnsafeRawBufferPointer(rebasing: memory[..<count]).bytes
                    streams.send(bytes, to: destination, poller: poller, now: MonotonicClock.now)
                } else if !blocksUDP {
                    outgoing.commit(count, to: destination)
                }
            }
            outgoing.flush(through: socket)
            while let event = client.pollEvent() {
                if isDone(event) { return true }
            }
            let due = min(client.pollTimeout() ?? end, streams.nextTimeout, end)
            let ready = try poller.wait(until: due)
            let now = MonotonicClock.now
            for index in 0..<ready where streams.owns(poller.readiness(index).token) {
                streams.handle(poller.readiness(index), poller: poller, now: now)
                while let datagram = streams.nextDatagram(now: now) {
                    let bytes = UnsafeRawBufferPointer(datagram.bytes).bytes
                    _ = client.handle(bytes, from: datagram.source, now: now)
                }
            }
            while streams.pollEvent() != nil {}
            for index in 0..<incoming.receive(from: socket) {
                _ = client.handle(
                    UnsafeRawBufferPointer(incoming.bytes(index)).bytes,
                    from: incoming.source(index), now: now)
            }
            streams.handleTimeout(now: now)
            client.handleTimeout(now: now)
        }
        return false
    }

    private static func host(_ server: Endpoint) -> SignalClient {
        var random = SystemRandom()
        let token = [UInt8](repeating: 5, count: 32)
        return SignalClient(
            servers: [server], hosting: Block16(high: 1, low: 1), claimToken: token.span.bytes,
            arena: TestSecrets.arena, random: &random, now: MonotonicClock.now)
    }

    @Test("a host whose UDP does not pass opens its room over TCP within 3 s")
    func overTCP() throws {
        let server = try Server(.init(listen: Endpoint(ipv4: 0x7F00_0001, port: 0)))
        let socket = try UDPSocket(bindingTo: Endpoint(ipv4: 0x7F00_0001, port: 0))
        let endpoint = try #require(server.endpoint)
        var host = Self.host(endpoint)
        var reachable: SignalEvent?
        let isLeased = try Self.drive(
            &host, socket: socket, limit: testPatience, blocksUDP: true
        ) { event in
            if case .reachable = event { reachable = event }
            return event == .leased(nameplate: 1)
        }
        #expect(isLeased)
        guard case .reachable(endpoint.over(.tcp), observed: nil, _) = reachable else {
            Issue.record("\(String(describing: reachable))")
            return
        }
        // UDP passes again: it serves, and the lease is where it was.
        let isBack = try Self.drive(&host, socket: socket, limit: testPatience) { event in
            if case .reachable(endpoint, observed: .some, _) = event { true } else { false }
        }
        #expect(isBack)
        host.release(now: MonotonicClock.now)
        let isReleased = try Self.drive(&host, socket: socket, limit: testPatience) {
            $0 == .released
        }
        #expect(isReleased)
        server.end()
    }

    @Test(
        "a server on all addresses answers from the one that was asked, also when it speaks first")
    func manyAddresses() throws {
        let server = try Server(.init(listen: .anyAddress(port: 0)))
        let port = try #require(server.endpoint).port
        for address in [0x7F00_0001, 0x7F00_0002, 0x7F12_3456] as [UInt32] {
            let asked = Endpoint(ipv4: address, port: port)
            let socket = try UDPSocket(bindingTo: Endpoint(ipv4: 0x7F00_0001, port: 0))
            var random = SystemRandom()
            var joiner = SignalClient(
                servers: [asked], joining: 7, random: &random, now: MonotonicClock.now)
            let body: [UInt8] = [1]
            joiner.post(body.span.bytes, now: MonotonicClock.now)
            // A client takes nothing from another address than the one that it asked.
            let isAnswered = try Self.drive(&joiner, socket: socket, limit: testPatience) {
                $0 == .noSuchRoom
            }
            #expect(isAnswered, "127…\(address & 0xFFFF)")
        }
        server.end()
    }
}
