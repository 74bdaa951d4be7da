import Testing
import VCTestKit

@testable import VCCore
@testable import VCSignaling

/// Sightings: vc-signal says where it saw somebody, and nobody else can.
@Suite struct SightTests {
    private static let witness = Endpoint(ipv4: 0x0C00_0001, port: 5_000)
    private static let reader = Endpoint(ipv4: 0x0D00_0001, port: 6_000)
    private static let subject = Block16(high: 3, low: 4)

    private let world = SignalWorld()

    private func answers(_ bytes: [UInt8], from source: Endpoint) -> [SignalAnswer] {
        let answers = world.ask(bytes, from: source)
        for answer in answers {
            #expect(answer.destination == source)
            #expect(answer.bytes.count <= bytes.count)
        }
        return answers.compactMap { try? SignalAnswer.decode($0.bytes.span.bytes).answer }
    }

    private func sight(
        from source: Endpoint = witness, on subject: Block16 = subject, cookie: Block16? = nil
    ) -> [SignalAnswer] {
        let cookie = cookie ?? world.cookie(of: source)
        let bytes = SignalWorld.written {
            SignalRequest.writeSight(
                transaction: 1, cookie: cookie, subject: subject, into: &$0)
        }
        return answers(bytes, from: source)
    }

    private func sighting(from source: Endpoint = witness) throws -> Sighting {
        let first = try #require(sight(from: source).first)
        guard case .sight(Self.subject, let sighting) = first else {
            throw DecodeError.unexpectedValue
        }
        return sighting
    }

    private func verify(
        _ sighting: Sighting, on subject: Block16 = subject, cookie: Block16? = nil
    ) -> [SignalAnswer] {
        let cookie = cookie ?? world.cookie(of: Self.reader)
        let bytes = SignalWorld.written {
            SignalRequest.writeVerify(
                transaction: 1, cookie: cookie, subject: subject, sighting: sighting, into: &$0)
        }
        return answers(bytes, from: Self.reader)
    }

    private func isTrue(_ sighting: Sighting, on subject: Block16 = subject) -> Bool {
        verify(sighting, on: subject)
            == [.verified(subject: subject, seal: sighting.seal, isTrue: true)]
    }

    @Test("where somebody was seen is true for whom it is shown to")
    func holds() throws {
        let sighting = try sighting()
        #expect(sighting.endpoint == Self.witness)
        #expect(isTrue(sighting))
        #expect(world.service.counters.sightings == 1)
        #expect(world.service.counters.sightingsRefused == 0)
    }

    @Test("another address, port, subject or seal is not true")
    func forged() throws {
        let genuine = try sighting()
        let other = Endpoint(ipv4: 0x0C00_0002, port: Self.witness.port)
        for endpoint in [other, Self.witness.with(port: 5_001)] {
            #expect(!isTrue(Sighting(endpoint: endpoint, seal: genuine.seal)))
        }
        #expect(!isTrue(genuine, on: Block16(high: 3, low: 5)))
        for bit in 0..<128 as Range<UInt64> {
            let seal = Block16(
                high: genuine.seal.high ^ (bit < 64 ? 1 << bit : 0),
                low: genuine.seal.low ^ (bit < 64 ? 0 : 1 << (bit - 64)))
            #expect(!isTrue(Sighting(endpoint: Self.witness, seal: seal)))
        }
        #expect(isTrue(genuine))
        #expect(world.service.counters.sightingsRefused == 131)
    }

    @Test("a sighting ends with the time slot after its own")
    func expired() throws {
        let sighting = try sighting()
        world.now = world.now + SignalLimits.cookieSlot
        #expect(isTrue(sighting))
        world.now = world.now + SignalLimits.cookieSlot
        #expect(!isTrue(sighting))
    }

    @Test("a server that starts anew knows nothing of the sightings of before")
    func restarted() throws {
        let sighting = try sighting()
        world.restartServer()
        #expect(!isTrue(sighting))
    }

    @Test("without a cookie that holds, neither is answered but with a cookie")
    func withoutCookie() throws {
        let sighting = try sighting()
        for cookie in [.zero, world.cookie(of: Self.witness)] {
            guard case .cookie = sight(from: Self.reader, cookie: cookie).first,
                case .cookie = verify(sighting, cookie: cookie).first
            else {
                Issue.record("answered without a cookie of its own")
                return
            }
        }
        #expect(world.service.counters.sightings == 1)
        #expect(world.service.counters.sightingsRefused == 0)
    }

    @Test("the address of a TCP connection is no address for datagrams")
    func overTCP() throws {
        let sighting = try sighting(from: Self.witness.over(.tcp))
        #expect(sighting.endpoint == Self.witness)
        #expect(!isTrue(sighting))
    }

    @Test("questions are answered within the rate of their source, and nothing is kept of them")
    func rate() throws {
        let cookie = world.cookie(of: Self.witness)
        var count = 0
        for _ in 0..<2_000 { count += sight(cookie: cookie).count }
        #expect(count == 500)
        #expect(world.service.counters.rateLimited == 1_500)
        #expect(world.service.rememberedLeaseCount == 0 && world.service.mailboxCount == 0)
    }

    @Test("a client asks until it is answered, and tells what was said")
    func client() throws {
        let host = world.host(1)
        world.run(for: .seconds(1))
        let joiner = world.joiner(1)
        world.run(for: .seconds(1))
        world.serverIsUp = false
        joiner.machine.requestSight(subject: Self.subject, now: world.now)
        world.run(for: .milliseconds(600))
        world.serverIsUp = true
        world.run(for: .seconds(1))
        guard case .sight(Self.subject, let sighting) = joiner.events.last else {
            Issue.record("no sighting")
            return
        }
        #expect(sighting.endpoint == joiner.endpoint)
        host.machine.verify(sighting, subject: Self.subject, now: world.now)
        world.run(for: .seconds(1))
        #expect(host.events.last == .sightVerified(subject: Self.subject, true))
        let foreign = Sighting(endpoint: Self.witness, seal: sighting.seal)
        host.machine.verify(foreign, subject: Self.subject, now: world.now)
        world.run(for: .seconds(1))
        #expect(host.events.last == .sightVerified(subject: Self.subject, false))
    }

    @Test("a client with an old cookie still gets its answer")
    func oldCookie() throws {
        _ = world.host(1)
        world.run(for: .seconds(1))
        let joiner = world.joiner(1)
        world.run(for: .seconds(280))
        joiner.machine.requestSight(subject: Self.subject, now: world.now)
        world.run(for: .seconds(1))
        guard case .sight(Self.subject, _) = joiner.events.last else {
            Issue.record("no sighting")
            return
        }
    }

    @Test("who has no answer asks four times within 4 s, and then no more")
    func silence() throws {
        _ = world.host(1)
        world.run(for: .seconds(1))
        let joiner = world.joiner(1)
        world.run(for: .seconds(1))
        joiner.machine.requestSight(subject: Self.subject, now: world.now)
        var times: [Int] = []
        for step in 0..<100 {
            joiner.machine.handleTimeout(now: world.now + .milliseconds(100 * step))
            while let (bytes, _) = SignalWorld.transmit(joiner) {
                guard case .sight = try SignalRequest.decode(bytes.span.bytes).request else {
                    continue
                }
                times.append(100 * step)
            }
        }
        #expect(times == [0, 300, 800, 1_800])
    }
}
