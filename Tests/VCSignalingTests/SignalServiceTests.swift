import Testing
import VCCore
import VCTestKit

@testable import VCSignaling

@Suite struct SignalServiceTests {
    @Test("host and joiner find each other and exchange bodies over a rough network, 200 seeds")
    func roughNetwork() {
        for seed in 1...200 as ClosedRange<UInt64> {
            let outcome = Self.exchange(seed: seed)
            #expect(outcome.isComplete, "seed \(seed)")
        }
    }

    @Test("the same seed twice gives the same trace")
    func determinism() {
        let first = Self.exchange(seed: 5)
        #expect(first == Self.exchange(seed: 5))
        #expect(first.trace != Self.exchange(seed: 6).trace)
    }

    struct Outcome: Equatable {
        var isComplete: Bool
        var trace: UInt64
    }

    private static func exchange(seed: UInt64) -> Outcome {
        let world = SignalWorld(
            seed: seed,
            link: .init(
                latency: .milliseconds(20), jitter: .milliseconds(20), loss: 0.2,
                duplication: 0.1, reordering: 0.1))
        let host = world.host(1)
        guard world.run(for: .seconds(20), until: { host.nameplate != nil }) else {
            return Outcome(isComplete: false, trace: world.network.trace)
        }
        host.react = { host, event, now in
            guard case .message(let mailbox, _, let body) = event else { return }
            host.post(body + [99], mailbox: mailbox, now: now)
        }
        let joiner = world.joiner(host.nameplate ?? 0)
        for attempt in 0..<40 {
            joiner.post([7, UInt8(attempt % 2)], now: world.now)
            if world.run(for: .milliseconds(500), until: { !joiner.bodies.isEmpty }) { break }
        }
        let isComplete =
            joiner.bodies.allSatisfy { $0 == [7, 0, 99] || $0 == [7, 1, 99] }
            && !joiner.bodies.isEmpty && host.nameplate == 1
        return Outcome(isComplete: isComplete, trace: world.network.trace)
    }

    @Test("a joiner is told about an unknown nameplate, and about no server after 5 s")
    func joinerRefusals() {
        let world = SignalWorld()
        let joiner = world.joiner(7)
        joiner.post([1], now: world.now)
        #expect(world.run(for: .milliseconds(100), until: { joiner.events.contains(.noSuchRoom) }))
        world.serverIsUp = false
        let other = world.joiner(7, at: 0x0B00_0002)
        #expect(!world.run(for: .milliseconds(4_999), until: { !other.events.isEmpty }))
        #expect(world.run(for: .milliseconds(2), until: { other.events == [.unreachable] }))
        #expect(other.isClosed)
    }

    @Test("bodies posted before the cookie is there are kept, each once; a new run drops them")
    func earlyBodies() {
        let world = SignalWorld()
        let host = world.host(1)
        world.run(for: .seconds(1))
        let joiner = world.joiner(1)
        joiner.post([1], now: world.now)
        joiner.machine.newRun(random: &world.random, now: world.now)
        joiner.post([2], now: world.now)
        joiner.post([2], now: world.now)
        joiner.post([3], now: world.now)
        world.run(for: .seconds(1))
        #expect(host.bodies == [[2], [3]])
    }

    @Test("a host silent for 30 s loses its nameplate, and gets it back with its token")
    func lapseAndReturn() {
        let world = SignalWorld()
        let host = world.host(1)
        world.run(for: .seconds(1))
        #expect(host.nameplate == 1)
        world.network.addBlackout(
            from: world.now, until: world.now + .seconds(300),
            between: (host.endpoint, SignalWorld.server))
        // The last keepalive may have been 2 s before the blackout.
        world.run(for: .seconds(27))
        #expect(world.service.leaseCount == 1)
        world.run(for: .seconds(4))
        #expect(world.service.leaseCount == 0)
        #expect(host.events.contains(.unreachable))
        let joiner = world.joiner(1)
        joiner.post([1], now: world.now)
        world.run(for: .seconds(1))
        #expect(joiner.events.contains(.noSuchRoom))
        // Nobody else gets it meanwhile, whether asked for or not.
        let other = world.host(2)
        let thief = world.host(3, wanted: 1)
        world.run(for: .seconds(1))
        #expect(other.nameplate == 2)
        #expect(thief.events.contains(.nameplateTaken))
        #expect(thief.nameplate == 3)
        host.events = []
        world.run(for: .seconds(272))
        #expect(host.events.contains(.leaseLost))
        #expect(host.nameplate == 1)
        #expect(world.service.counters.leasesReturned == 1)
    }

    @Test("a released nameplate is not given out for 10 minutes, then it is")
    func quarantine() {
        let world = SignalWorld()
        let host = world.host(1)
        world.run(for: .seconds(1))
        host.machine.release(now: world.now)
        #expect(world.run(for: .milliseconds(50), until: { host.events.last == .released }))
        world.run(for: .seconds(598))
        let second = world.host(2)
        world.run(for: .seconds(1))
        #expect(second.nameplate == 2)
        world.run(for: .seconds(5))
        let third = world.host(3)
        world.run(for: .seconds(1))
        #expect(third.nameplate == 1)
        // The token of before means nothing any more.
        let again = world.host(1)
        world.run(for: .seconds(1))
        #expect(again.nameplate == 3)
    }

    @Test("a release that nobody answers ends after 800 ms")
    func releaseWithoutServer() {
        let world = SignalWorld()
        let host = world.host(1)
        world.run(for: .seconds(1))
        world.serverIsUp = false
        let sent = world.network.sent
        host.machine.release(now: world.now)
        #expect(world.run(for: .milliseconds(800), until: { host.events.last == .released }))
        #expect(world.network.sent == sent + 3)
    }

    @Test("a wrong token can neither keep, release nor answer for a lease")
    func wrongToken() {
        let world = SignalWorld()
        let host = world.host(1)
        world.run(for: .seconds(1))
        let joiner = world.joiner(1)
        joiner.post([1], now: world.now)
        world.run(for: .seconds(1))
        guard case .message(let mailbox, _, _) = host.events.last else {
            Issue.record("the body did not arrive")
            return
        }
        let thief = Endpoint(ipv4: 0x0C00_0001, port: 1)
        let cookie = world.cookie(of: thief)
        let token = SignalWorld.token(9)
        let body: [UInt8] = [6, 6]
        let messages = [
            SignalWorld.written {
                SignalRequest.writeKeepalive(
                    transaction: 1, cookie: cookie, token: token.span.bytes, into: &$0)
            },
            SignalWorld.written {
                SignalRequest.writeRelease(
                    transaction: 1, cookie: cookie, token: token.span.bytes, into: &$0)
            },
            SignalWorld.written {
                SignalRequest.writeReply(
                    transaction: 1, cookie: cookie, token: token.span.bytes, mailbox: mailbox,
                    body: body.span.bytes, into: &$0)
            },
        ]
        for message in messages {
            let answers = world.ask(message, from: thief)
            #expect(answers.map(\.destination) == [thief])
            let read = answers.first.flatMap { try? SignalAnswer.decode($0.bytes.span.bytes) }
            #expect(read?.answer == .kept(.unknown, observed: thief))
        }
        #expect(world.service.leaseCount == 1)
        world.run(for: .seconds(3))
        #expect(joiner.bodies.isEmpty)
        // The right token with another room is refused too.
        let confused = world.host(1, at: 0x0D00_0001, room: 77)
        world.run(for: .seconds(1))
        #expect(confused.events.contains(.claimRefused))
    }

    @Test("the host of another room cannot answer a joiner of this one")
    func foreignMailbox() {
        let world = SignalWorld()
        let host = world.host(1)
        let stranger = world.host(2)
        world.run(for: .seconds(1))
        let joiner = world.joiner(1)
        joiner.post([1], now: world.now)
        world.run(for: .seconds(1))
        guard case .message(let mailbox, _, _) = host.events.last else {
            Issue.record("the body did not arrive")
            return
        }
        stranger.post([6], mailbox: mailbox, now: world.now)
        world.run(for: .seconds(1))
        #expect(joiner.bodies.isEmpty)
        #expect(stranger.events.last == .mailboxClosed(mailbox: mailbox))
        host.post([7], mailbox: mailbox, now: world.now)
        world.run(for: .seconds(1))
        #expect(joiner.bodies == [[7]])
    }

    @Test("a joiner that moves in the middle of a run gets through at once, and is answered there")
    func roamingJoiner() {
        let world = SignalWorld()
        let host = world.host(1)
        host.react = { host, event, now in
            guard case .message(let mailbox, _, let body) = event else { return }
            host.post(body, mailbox: mailbox, now: now)
        }
        world.run(for: .seconds(1))
        let joiner = world.joiner(1)
        joiner.post([1], now: world.now)
        world.run(for: .milliseconds(200))
        joiner.endpoint = Endpoint(ipv4: 0x0E00_0002, port: 5)
        joiner.post([2], now: world.now)
        world.run(for: .milliseconds(200))
        #expect(joiner.bodies == [[1], [2]])
        #expect(world.service.mailboxCount == 1)
    }

    @Test("a host that moves to another address keeps its nameplate and its joiners")
    func roaming() {
        let world = SignalWorld()
        let host = world.host(1)
        world.run(for: .seconds(1))
        host.endpoint = Endpoint(ipv4: 0x0E00_0001, port: 5)
        world.run(for: .seconds(3))
        let joiner = world.joiner(1)
        joiner.post([4], now: world.now)
        world.run(for: .seconds(1))
        #expect(host.bodies == [[4]])
        #expect(host.events.filter { $0 == .leaseLost }.isEmpty)
        #expect(
            host.events.contains(
                .reachable(
                    server: SignalWorld.server, observed: host.endpoint,
                    secondPort: SignalWorld.secondPort)))
    }

    @Test("after a restart of the server every host has its nameplate again within 10 s")
    func restart() {
        let world = SignalWorld()
        let hosts = (1...9).map { world.host($0) }
        world.run(for: .seconds(1))
        let before = hosts.map(\.nameplate)
        world.restartServer()
        for host in hosts { host.events = [] }
        world.run(for: .seconds(10))
        #expect(hosts.map(\.nameplate) == before)
    }

    @Test("who opens a room just after a restart does not get the number of one that comes back")
    func newcomer() {
        let world = SignalWorld()
        let hosts = (1...9).map { world.host($0) }
        world.run(for: .seconds(1))
        let before = hosts.map(\.nameplate)
        world.restartServer()
        for host in hosts { host.events = [] }
        let newcomer = world.host(20)
        #expect(world.run(for: .milliseconds(100), until: { newcomer.nameplate != nil }))
        #expect(world.service.leaseCount == 1)
        world.run(for: .seconds(10))
        #expect(hosts.map(\.nameplate) == before)
        #expect(hosts.allSatisfy { !$0.events.contains(.nameplateTaken) })
        // Then the numbers are short again.
        let later = world.host(21)
        world.run(for: .seconds(1))
        #expect(later.nameplate == 10)
    }

    @Test("a lease holds for an hour, across all changes of cookies, without a gap")
    func longLease() {
        let world = SignalWorld()
        let host = world.host(1)
        world.run(for: .seconds(3_600))
        #expect(host.events.dropFirst() == [.leased(nameplate: 1), .relays([])])
        #expect(world.service.counters.badCookies == 0)
    }

    @Test("a draining server opens no rooms, tells its hosts, and is done within 2.5 s")
    func drain() {
        let world = SignalWorld()
        let host = world.host(1)
        world.run(for: .seconds(1))
        world.service.drain(now: world.now)
        let late = world.host(2)
        #expect(!world.isDrained(after: .zero))
        world.run(for: .seconds(1))
        #expect(host.events.last == .serverDraining)
        #expect(late.events.contains(.serverDraining))
        #expect(late.nameplate == nil)
        // What there is goes on until the end.
        let joiner = world.joiner(1)
        joiner.post([4], now: world.now)
        world.run(for: .seconds(1))
        #expect(host.bodies == [[4]])
        #expect(world.isDrained(after: .milliseconds(500)))
    }

    @Test("a message of another version is answered with ours, an answer never")
    func versions() {
        let world = SignalWorld()
        let source = Endpoint(ipv4: 1, port: 1)
        var hello = SignalWorld.written { SignalRequest.writeHello(transaction: 1, into: &$0) }
        hello[2] = 9
        let answers = world.ask(hello, from: source)
        let read = answers.first.flatMap { try? SignalAnswer.decode($0.bytes.span.bytes) }
        #expect(read?.answer == .notice(.unsupportedVersion, subject: 1))
        hello[1] = 0x81
        #expect(world.ask(hello, from: source).isEmpty)
    }

    @Test("STUN is answered on both ports, from the port that was asked, IPv4 and IPv6")
    func binding() throws {
        let world = SignalWorld()
        let transaction = STUNMessage.TransactionID(high: 1, low: 2)
        let request = SignalWorld.written { STUNMessage.writeRequest(transaction, into: &$0) }
        for source in [Endpoint(ipv4: 5, port: 6), Endpoint(high: 7, low: 8, port: 9)] {
            for onSecondPort in [false, true] {
                let answers = world.ask(request, from: source, onSecondPort: onSecondPort)
                #expect(answers.count == 1)
                let answer = try #require(answers.first)
                #expect(answer.second == onSecondPort)
                #expect(answer.destination == source)
                let read = try STUNMessage.decodeResponse(answer.bytes.span.bytes)
                #expect(read.observed == source)
                #expect(read.transaction == transaction)
            }
        }
        // The signaling protocol itself is served on the main port only.
        let hello = SignalWorld.written { SignalRequest.writeHello(transaction: 1, into: &$0) }
        #expect(world.ask(hello, from: Endpoint(ipv4: 5, port: 6), onSecondPort: true).isEmpty)
    }

    @Test("a host reaches the service in its own process without a socket")
    func localClient() {
        let world = SignalWorld(limits: .embedded)
        let host = world.host(1)
        world.clients = []
        for _ in 0..<10 {
            while let (bytes, _) = SignalWorld.transmit(host) {
                for answer in world.ask(bytes, from: SignalService.localClient) {
                    #expect(answer.destination == SignalService.localClient)
                    _ = host.machine.handle(
                        answer.bytes.span.bytes, from: SignalWorld.server, now: world.now)
                }
            }
        }
        while let event = host.machine.pollEvent() { host.events.append(event) }
        // One that few other hosts in the same network have.
        #expect((1...SignalLimits.embedded.scatteredNameplates).contains(host.nameplate ?? 0))
        let holds = [host.nameplate ?? 0, 100].map { world.service.holds($0) }
        #expect(holds == [true, false])
    }
}
