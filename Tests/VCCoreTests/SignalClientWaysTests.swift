import Testing
import VCTestKit

@testable import VCCore

/// The ways to a server: UDP, and TCP where UDP does not pass.
@Suite struct SignalClientWaysTests {
    private typealias Base = SignalClientTests
    private static let server = Base.server
    private static let tcp = server.over(.tcp)
    private static let last = server.with(port: 443).over(.tcp)

    private static func joiner(_ servers: [Endpoint] = [server]) -> SignalClient {
        var random = SplitMix64(seed: 1)
        return SignalClient(servers: servers, joining: 7, random: &random, now: .zero)
    }

    private static func events(_ client: inout SignalClient) -> [SignalEvent] {
        var events: [SignalEvent] = []
        while let event = client.pollEvent() { events.append(event) }
        return events
    }

    /// Lets the client run until `end`; everything that it sent, with the time.
    private static func run(
        _ client: inout SignalClient, from start: Duration = .zero, until end: Duration
    ) -> [(time: Duration, destination: Endpoint, bytes: [UInt8])] {
        var sent: [(time: Duration, destination: Endpoint, bytes: [UInt8])] = []
        var now = start
        while true {
            sent += Base.transmits(&client).map { (now, $0.0, $0.1) }
            guard let next = client.pollTimeout(), next <= .zero + end else { return sent }
            now = next - .zero
            client.handleTimeout(now: next)
        }
    }

    private static func lease(_ client: inout SignalClient, at time: Duration) {
        let lease = SignalCodecTests.written {
            SignalAnswer.writeLease(
                transaction: client.transaction, status: .granted, nameplate: 7, seconds: 30,
                into: &$0)
        }
        _ = Base.give(lease, to: &client, at: time)
    }

    private static func kept(
        _ client: inout SignalClient, from source: Endpoint = server, at time: Duration
    ) {
        let kept = SignalCodecTests.written {
            SignalAnswer.writeKept(
                transaction: client.transaction, status: .kept,
                observed: Base.observed.with(port: source.transport == .tcp ? 99 : 2), into: &$0)
        }
        _ = Base.give(kept, to: &client, from: source, at: time)
    }

    @Test("what nobody answers for 2 s is asked over TCP too, at the same port and at 443")
    func tcpAfterTwoSeconds() {
        var client = Self.joiner()
        let sent = Self.run(&client, until: .milliseconds(4_999))
        let overTCP = sent.filter { $0.destination.transport == .tcp }
        #expect(overTCP.first?.time == .seconds(2))
        #expect(Set(overTCP.map(\.destination)) == [Self.tcp, Self.last])
        // UDP goes on being asked.
        #expect(sent.last?.destination.transport != nil)
        #expect(sent.contains { $0.time > .seconds(2) && $0.destination == Self.server })
    }

    @Test("a server in the same process is never asked over TCP, one at port 443 only once")
    func noWay() {
        let local = Endpoint(high: 0, low: 1, port: 0)
        var client = Self.joiner([local, Self.server.with(port: 443)])
        let sent = Self.run(&client, until: .milliseconds(2_100))
        #expect(sent.filter { $0.destination.transport == .tcp }.map(\.destination) == [Self.last])
    }

    @Test("a server that answers over TCP serves, and its view of us is no candidate")
    func servedOverTCP() {
        var client = Self.joiner()
        let body: [UInt8] = [9]
        client.post(body.span.bytes, now: .zero)
        _ = Self.run(&client, until: .seconds(2))
        let cookie = Base.cookie(1, client.transaction)
        #expect(Base.give(cookie, to: &client, from: Self.last, at: .milliseconds(2_100)))
        #expect(
            Self.events(&client)
                == [.reachable(server: Self.last, observed: nil, secondPort: 9)])
        let sent = Base.transmits(&client)
        #expect(sent.allSatisfy { $0.0 == Self.last })
        #expect(sent.contains { $0.1.last == 9 })
        // The slower of the two connections changes nothing.
        #expect(Base.give(cookie, to: &client, from: Self.tcp, at: .milliseconds(2_200)))
        #expect(client.server == Self.last)
    }

    @Test("UDP that answers a little later than TCP wins")
    func slowUDP() {
        var client = Self.joiner()
        _ = Self.run(&client, until: .seconds(2))
        let cookie = Base.cookie(1, client.transaction)
        _ = Base.give(cookie, to: &client, from: Self.tcp, at: .milliseconds(2_100))
        _ = Base.give(cookie, to: &client, from: Self.server, at: .milliseconds(2_900))
        #expect(
            Self.events(&client) == [
                .reachable(server: Self.tcp, observed: nil, secondPort: 9),
                .reachable(server: Self.server, observed: Base.observed, secondPort: 9),
            ])
        // What was sent over the connection before that still counts, and no more TCP is used.
        let body: [UInt8] = [4]
        let delivery = SignalCodecTests.written {
            SignalAnswer.writeToJoiner(
                transaction: client.transaction, run: client.run, body: body.span.bytes,
                into: &$0)
        }
        #expect(Base.give(delivery, to: &client, from: Self.tcp, at: .seconds(3)))
        #expect(Self.events(&client) == [.message(mailbox: 0, sourceTag: 0, body: [4])])
        let sent = Self.run(&client, from: .seconds(3), until: .seconds(60))
        #expect(sent.allSatisfy { $0.destination == Self.server })
        // A connection that answers late does not take over from a UDP that works.
        let late = Base.cookie(2, client.transaction)
        _ = Base.give(late, to: &client, from: Self.last, at: .seconds(60))
        #expect(client.server == Self.server)
    }

    @Test("while TCP serves, UDP is tried each 10 s, and taken when it answers")
    func backToUDP() {
        var client = Base.host([Self.server])
        _ = Self.run(&client, until: .seconds(2))
        let cookie = Base.cookie(1, client.transaction)
        _ = Base.give(cookie, to: &client, from: Self.tcp, at: .seconds(2))
        Self.lease(&client, at: .seconds(2))
        var tries: [Duration] = []
        for second in 2..<40 {
            let now = Duration.seconds(second)
            Self.kept(&client, from: Self.tcp, at: now)
            let sent = Self.run(&client, from: now, until: now + .milliseconds(999))
            tries += sent.filter { $0.destination == Self.server }.map(\.time)
            #expect(sent.allSatisfy { $0.destination == Self.server || $0.destination == Self.tcp })
        }
        #expect(tries == [.seconds(12), .seconds(22), .seconds(32)])
        _ = Base.give(
            Base.cookie(2, client.transaction), to: &client, from: Self.server, at: .seconds(40))
        #expect(
            Self.events(&client) == [
                .reachable(server: Self.tcp, observed: nil, secondPort: 9),
                .leased(nameplate: 7),
                .reachable(server: Self.server, observed: Base.observed, secondPort: 9),
            ])
        // The lease moves at once.
        #expect(Base.transmits(&client).map(\.0) == [Self.server])
    }

    @Test("a host whose UDP falls silent is on TCP before it is unreachable")
    func hostFallsBack() {
        var client = Base.host([Self.server])
        _ = Self.run(&client, until: .zero)
        _ = Base.give(Base.cookie(1, client.transaction), to: &client)
        Self.lease(&client, at: .zero)
        _ = Self.events(&client)
        let sent = Self.run(&client, until: .milliseconds(4_900))
        let first = sent.first { $0.destination.transport == .tcp }
        #expect(first?.time == .seconds(4))
        _ = Base.give(
            Base.cookie(3, client.transaction), to: &client, from: Self.tcp,
            at: .milliseconds(4_950))
        #expect(
            Self.events(&client) == [.reachable(server: Self.tcp, observed: nil, secondPort: 9)])
        #expect(Base.transmits(&client).map(\.0) == [Self.tcp])
        // And when the connection dies too, everything begins anew, with UDP.
        let later = Self.run(&client, from: .seconds(5), until: .seconds(10))
        #expect(Self.events(&client) == [.unreachable])
        #expect(later.last?.destination == Self.server)
    }

    @Test("host and joiner of one process, at one server, do not take each other's answers")
    func twoClients() {
        var random = SplitMix64(seed: 5)
        let token = Base.token
        var host = SignalClient(
            servers: [Self.server], hosting: .zero, claimToken: token.span.bytes,
            arena: TestSecrets.arena, random: &random, now: .zero)
        var joiner = SignalClient(
            servers: [Self.server], joining: 7, random: &random, now: .zero)
        let forHost = Base.cookie(1, host.transaction)
        let forJoiner = Base.cookie(1, joiner.transaction)
        #expect(!Base.give(forHost, to: &joiner) && Base.give(forHost, to: &host))
        #expect(!Base.give(forJoiner, to: &host) && Base.give(forJoiner, to: &joiner))
    }
}
