import Testing
import VCCore
import VCTestKit

@testable import VCSignaling

@Suite struct SignalAbuseTests {
    private static func token(_ number: UInt64) -> [UInt8] {
        var token = [UInt8](repeating: 0, count: 32)
        for index in 0..<8 { token[index] = UInt8(truncatingIfNeeded: number >> (8 * index)) }
        return token
    }

    private static func claim(
        _ number: UInt64, cookie: Block16, wanted: UInt32 = 0
    ) -> [UInt8] {
        let token = Self.token(number)
        return SignalWorld.written {
            SignalRequest.writeClaim(
                transaction: 1, cookie: cookie, roomID: Block16(high: 1, low: number),
                token: token.span.bytes, wanted: wanted, into: &$0)
        }
    }

    private static func release(_ number: UInt64, cookie: Block16) -> [UInt8] {
        let token = Self.token(number)
        return SignalWorld.written {
            SignalRequest.writeRelease(
                transaction: 1, cookie: cookie, token: token.span.bytes, into: &$0)
        }
    }

    private static func post(_ nameplate: UInt32, run: UInt64, cookie: Block16) -> [UInt8] {
        let body: [UInt8] = [1]
        return SignalWorld.written {
            SignalRequest.writePost(
                transaction: 1, cookie: cookie, nameplate: nameplate, run: run,
                body: body.span.bytes, into: &$0)
        }
    }

    /// One of the questions for what only those with a cookie may know, or what looks like the
    /// answer of a relay.
    private static func question(_ number: UInt64, cookie: Block16) -> [UInt8] {
        let token = [UInt8](repeating: 1, count: 32)
        let grant = SignalRequest.Grant(member: 2, generation: 1)
        return SignalWorld.written { writer in
            switch number % 6 {
            case 0:
                SignalRequest.writeRelays(
                    transaction: number, cookie: cookie, nameplate: 1, into: &writer)
            case 1:
                SignalRequest.writeTicket(
                    transaction: number, cookie: cookie, token: token.span.bytes, grant: grant,
                    relayKey: .none, into: &writer)
            case 2:
                SignalRequest.writeReply(
                    transaction: number, cookie: cookie, token: token.span.bytes, mailbox: 1,
                    grant: grant, body: token.span.bytes, into: &writer)
            case 3:
                SignalRequest.writeSight(
                    transaction: number, cookie: cookie, subject: cookie, into: &writer)
            case 4:
                SignalRequest.writeVerify(
                    transaction: number, cookie: cookie, subject: cookie,
                    sighting: Sighting(endpoint: Endpoint(ipv4: 1, port: 1), seal: cookie),
                    into: &writer)
            default:
                let challenge = RelayAnswer.Challenge(
                    cookie: cookie, observed: Endpoint(ipv4: 1, port: 1), tcpPort: 1,
                    isDraining: false)
                RelayAnswer.writeChallenge(transaction: number, challenge, into: &writer)
            }
        }
    }

    private static func status(_ answers: [(bytes: [UInt8], destination: Endpoint, second: Bool)])
        -> SignalAnswer?
    {
        answers.first.flatMap { try? SignalAnswer.decode($0.bytes.span.bytes).answer }
    }

    @Test("100,000 spoofed messages leave no state, and no answer is longer than its question")
    func spoofed() {
        let world = SignalWorld(signs: true)
        world.service.watch(
            [NamedRelay(name: "relay", addresses: [Endpoint(ipv4: 9, port: 9)])],
            random: &world.random, now: world.now)
        while world.transmitService() != nil {}
        var random = SplitMix64(seed: 3)
        for number in 0..<100_000 as Range<UInt64> {
            let source = Endpoint(ipv4: random.next(), port: random.next())
            let forged = Block16(random: &random)
            let message: [UInt8]
            switch number % 8 {
            case 0:
                message = SignalWorld.written {
                    SignalRequest.writeHello(transaction: number, into: &$0)
                }
            case 1: message = Self.claim(number, cookie: forged)
            case 2: message = Self.post(1, run: number, cookie: forged)
            case 3: message = Self.claim(number, cookie: .zero, wanted: 5)
            default: message = Self.question(number, cookie: forged)
            }
            if number % 1_000 == 0 { world.now = world.now + .milliseconds(50) }
            for answer in world.ask(message, from: source) where answer.destination.port != 9 {
                #expect(answer.destination == source)
                #expect(answer.bytes.count <= message.count)
            }
        }
        #expect(world.service.rememberedLeaseCount == 0)
        #expect(world.service.mailboxCount == 0)
        #expect(world.service.counters.leasesGranted == 0)
        #expect(world.service.counters.tickets == 0)
        #expect(world.service.counters.cookies > 75_000)
        #expect(world.service.counters.transmittedBytes <= world.service.counters.receivedBytes)
    }

    @Test("100,000 fuzzed datagrams change nothing but counters, and get no longer answers")
    func fuzzed() {
        let world = SignalWorld()
        var random = SplitMix64(seed: 4)
        let source = Endpoint(ipv4: 0x0F00_0001, port: 9)
        let hello = SignalWorld.written { SignalRequest.writeHello(transaction: 1, into: &$0) }
        let binding = SignalWorld.written {
            STUNMessage.writeRequest(.init(high: 1, low: 1), into: &$0)
        }
        let seeds =
            (0..<6).map { Self.question($0, cookie: .zero) } + [
                hello, binding, Self.claim(1, cookie: .zero), Self.post(1, run: 1, cookie: .zero),
            ]
        for number in 0..<100_000 {
            var bytes: [UInt8]
            if number % 5 == 0 {
                bytes = (0..<random.next(below: 100)).map { _ in random.next(UInt8.self) }
            } else {
                bytes = seeds[number % seeds.count]
                for _ in 0..<random.next(below: 5) {
                    bytes[Int(random.next(below: UInt32(bytes.count)))] = random.next(UInt8.self)
                }
            }
            if number % 100 == 0 { world.now = world.now + .milliseconds(10) }
            let size = bytes.count
            for answer in world.ask(bytes, from: source, onSecondPort: number % 3 == 0) {
                #expect(answer.bytes.count <= max(size, STUNMessage.paddedRequestSize))
                if bytes.first == PacketType.signal { #expect(answer.bytes.count <= size) }
            }
        }
        #expect(world.service.rememberedLeaseCount == 0)
        #expect(world.service.mailboxCount == 0)
        #expect(world.service.counters.malformed > 10_000)
        #expect(world.service.counters.outboxOverflows == 0)
    }

    @Test("a cookie holds for its address and port only, for 120 to 240 s")
    func cookies() {
        let world = SignalWorld()
        // The start of a slot.
        world.now = Instant.zero + .seconds(12_000)
        let source = Endpoint(ipv4: 0x0A01_0101, port: 77)
        let cookie = world.cookie(of: source)
        func isAccepted(from source: Endpoint) -> Bool {
            let before = world.service.counters.badCookies
            _ = world.ask(Self.claim(1, cookie: cookie), from: source)
            return world.service.counters.badCookies == before
        }
        #expect(isAccepted(from: source))
        #expect(!isAccepted(from: source.with(port: 78)))
        #expect(!isAccepted(from: Endpoint(ipv4: 0x0A01_0102, port: 77)))
        world.now = Instant.zero + .seconds(12_239)
        #expect(isAccepted(from: source))
        world.now = Instant.zero + .seconds(12_240)
        #expect(!isAccepted(from: source))
    }

    @Test("one source opens five runs a minute at one nameplate, others are not affected")
    func runsPerSource() {
        let world = SignalWorld()
        _ = world.host(1)
        world.run(for: .seconds(1))
        let source = Endpoint(ipv4: 0x0A02_0001, port: 1)
        let cookie = world.cookie(of: source)
        func open(_ run: UInt64) -> Bool {
            world.ask(Self.post(1, run: run, cookie: cookie), from: source).first?.destination
                != source
        }
        #expect((1...5).allSatisfy { open($0) })
        #expect(!open(6))
        // A run that is open goes on.
        #expect(open(5))
        let other = Endpoint(ipv4: 0x0A02_0002, port: 1)
        let otherCookie = world.cookie(of: other)
        let answers = world.ask(Self.post(1, run: 99, cookie: otherCookie), from: other)
        #expect(answers.first?.destination != other)
        world.now = world.now + .seconds(12)
        #expect(open(7))
        #expect(!open(8))
    }

    @Test("a nameplate has at most 32 open runs; they are over after 30 s")
    func runsPerLease() {
        let world = SignalWorld()
        _ = world.host(1)
        world.run(for: .seconds(1))
        func open(_ number: UInt32) -> SignalAnswer? {
            let source = Endpoint(ipv4: 0x0A03_0000 + number, port: 1)
            let cookie = world.cookie(of: source)
            return Self.status(
                world.ask(Self.post(1, run: UInt64(number), cookie: cookie), from: source))
        }
        for number in 1...32 as ClosedRange<UInt32> {
            guard case .toHost = open(number) else {
                Issue.record("run \(number) was refused")
                return
            }
        }
        #expect(open(33) == .notice(.busy, subject: 1))
        #expect(world.service.mailboxCount == 32)
        world.run(for: .seconds(30))
        #expect(world.service.mailboxCount == 0)
        guard case .toHost = open(34) else {
            Issue.record("the table is still full")
            return
        }
    }

    @Test("a run carries 20 packets a second")
    func packetsPerRun() {
        let world = SignalWorld()
        _ = world.host(1)
        world.run(for: .seconds(1))
        let source = Endpoint(ipv4: 0x0A04_0001, port: 1)
        let cookie = world.cookie(of: source)
        func passed(_ count: Int) -> Int {
            (0..<count).count { _ in
                !world.ask(Self.post(1, run: 1, cookie: cookie), from: source).isEmpty
            }
        }
        #expect(passed(50) == 20)
        world.now = world.now + .milliseconds(500)
        #expect(passed(50) == 10)
    }

    @Test("claims are limited per source and in all, and say so")
    func claims() {
        var limits = SignalLimits.embedded
        limits.scatteredNameplates = 1
        limits.leases = 30
        limits.leasesPerSource = 10
        let world = SignalWorld(limits: limits)
        let source = Endpoint(ipv4: 0x0A05_0001, port: 1)
        let cookie = world.cookie(of: source)
        var statuses: [SignalAnswer.LeaseStatus] = []
        for number in 1...21 as ClosedRange<UInt64> {
            if case .lease(let status, _, _) = Self.status(
                world.ask(Self.claim(number, cookie: cookie), from: source))
            {
                statuses.append(status)
            }
        }
        #expect(statuses.count { $0 == .granted } == 10)
        #expect(statuses.count { $0 == .full } == 10)
        #expect(statuses.last == .rateLimited)
        // The same claim again takes nothing new.
        #expect(
            Self.status(world.ask(Self.claim(3, cookie: cookie), from: source))
                == .lease(.granted, nameplate: 3, seconds: 30))
        for number in 100...140 as ClosedRange<UInt64> {
            let source = Endpoint(ipv4: UInt32(truncatingIfNeeded: 0x0B00_0000 + number), port: 1)
            _ = world.ask(Self.claim(number, cookie: world.cookie(of: source)), from: source)
        }
        #expect(world.service.leaseCount == 30)
    }

    @Test("who opens and closes rooms has 16 places at a host, and none of the host's own")
    func ownHost() {
        let world = SignalWorld(limits: .embedded)
        func claim(_ number: UInt64, from source: Endpoint) -> SignalAnswer.LeaseStatus? {
            let cookie = world.cookie(of: source)
            let answers = world.ask(Self.claim(number, cookie: cookie), from: source)
            guard case .lease(let status, _, _) = Self.status(answers) else { return nil }
            return status
        }
        let stranger = Endpoint(ipv4: 0x0A05_0001, port: 1)
        var granted = 0
        for number in 1...300 as ClosedRange<UInt64> {
            world.run(for: .seconds(1))
            guard claim(number, from: stranger) == .granted else { continue }
            granted += 1
            let cookie = world.cookie(of: stranger)
            _ = world.ask(Self.release(number, cookie: cookie), from: stranger)
        }
        #expect(granted == 16)
        #expect(world.service.leaseCount == 0)
        // Many strangers fill the server, but not for the host in whose process it runs.
        for number in 1_000...1_099 as ClosedRange<UInt64> {
            let other = Endpoint(ipv4: UInt32(truncatingIfNeeded: 0x0B00_0000 + number), port: 1)
            _ = claim(number, from: other)
        }
        #expect(world.service.rememberedLeaseCount == 64)
        #expect(claim(2_000, from: Endpoint(ipv4: 0x0C00_0001, port: 1)) == .full)
        for number in 3_000...3_016 as ClosedRange<UInt64> {
            #expect(claim(number, from: SignalService.localClient) == .granted)
        }
    }

    @Test("short STUN requests are answered 10 times a second per network, 1,000 in all")
    func amplification() {
        let world = SignalWorld()
        var short = SignalWorld.written {
            STUNMessage.writeRequest(.init(high: 1, low: 1), into: &$0)
        }
        short.removeLast(28)
        short[3] = 0
        func answered(_ source: Endpoint) -> Bool { !world.ask(short, from: source).isEmpty }
        let same = (0..<50).count { answered(Endpoint(ipv4: 0x0A06_0000 + UInt32($0), port: 1)) }
        #expect(same == 10)
        let spread = (0..<2_000).count {
            answered(Endpoint(ipv4: 0x1000_0000 + UInt32($0) << 8, port: 1))
        }
        #expect(spread == 990)
    }

    @Test("the source tag is the same for one source at one nameplate, and only there")
    func sourceTags() {
        let world = SignalWorld()
        _ = world.host(1)
        _ = world.host(2)
        world.run(for: .seconds(1))
        func tag(_ source: Endpoint, _ nameplate: UInt32, _ run: UInt64) -> UInt64? {
            let cookie = world.cookie(of: source)
            let answers = world.ask(Self.post(nameplate, run: run, cookie: cookie), from: source)
            guard case .toHost(_, let tag, _) = Self.status(answers) else { return nil }
            return tag
        }
        let home = Endpoint(high: 0x2001_0DB8_0000_1101, low: 1, port: 1)
        let sameHome = Endpoint(high: 0x2001_0DB8_0000_11FF, low: 2, port: 2)
        let elsewhere = Endpoint(high: 0x2001_0DB8_0000_1201, low: 1, port: 1)
        let first = tag(home, 1, 1)
        #expect(first != nil)
        #expect(tag(sameHome, 1, 2) == first)
        #expect(tag(elsewhere, 1, 3) != first)
        #expect(tag(home, 2, 4) != first)
    }
}
