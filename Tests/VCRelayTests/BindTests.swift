import Testing
import VCCore
import VCTestKit

@testable import VCRelay

/// Who gets a session, and for how long.
@Suite struct BindTests {
    /// What the relay answers to an ANSWER of our making.
    private static func refusal(
        _ world: RelayWorld, _ ticket: Ticket, key: UInt64 = 1_001, at number: UInt32 = 1,
        relay: Endpoint = RelayWorld.address, own: Endpoint? = nil, cookieOf other: UInt32? = nil,
        over transport: Transport = .udp
    ) throws -> RelayAnswer? {
        let source = Endpoint(ipv4: 0x0A00_0000 + number, port: 5_000).over(transport)
        let asker = other.map { Endpoint(ipv4: 0x0A00_0000 + $0, port: 5_000) } ?? source
        world.give(
            [UInt8](writing: { RelayRequest.writeBind(transaction: 3, into: &$0) }), from: asker)
        let challenge = try RelayWorld.decode(try #require(world.answer()).bytes)
        guard case .challenge(let asked) = challenge.answer else { return nil }
        let answer = RelayBindAnswer(
            cookie: asked.cookie, relay: relay, own: own ?? source, ticket: ticket,
            signedWith: world.key(key))
        world.give(
            [UInt8](writing: {
                RelayRequest.writeAnswer(transaction: 4, answer, into: &$0)
            }), from: source)
        guard let sent = world.answer() else { return nil }
        #expect(sent.destination == source)
        let decoded = try RelayWorld.decode(sent.bytes)
        #expect(decoded.header.transaction == 4)
        return decoded.answer
    }

    private static func isBound(_ answer: RelayAnswer?) -> Bool {
        if case .bound(let session, 300) = answer { session != 0 } else { false }
    }

    @Test("a member with a ticket and its key is bound; asked again it has the same session")
    func bound() throws {
        let world = RelayWorld()
        let ticket = world.ticket(1, for: world.key(1_001).verifyKey)
        let first = try Self.refusal(world, ticket)
        #expect(Self.isBound(first))
        #expect(try Self.refusal(world, ticket) == first)
        #expect(world.sessionCount == 1 && world.counters.bound == 1)
    }

    @Test("an expired ticket is refused as that, 120 s after its time")
    func expired() throws {
        let world = RelayWorld()
        let ticket = world.ticket(1, for: world.key(1_001).verifyKey, seconds: 0)
        #expect(Self.isBound(try Self.refusal(world, ticket)))
        world.now = world.now + .seconds(120)
        #expect(try Self.refusal(world, ticket, at: 2) == .notice(.ticketExpired))
    }

    @Test("a ticket that another server signed, or that was altered, is refused")
    func foreign() throws {
        let world = RelayWorld()
        let key = world.key(1_001).verifyKey
        let foreign = Ticket(
            roomID: RelayWorld.room, generation: 1, member: 1, memberKey: key,
            expiry: world.unixSeconds + 1_000, signedWith: world.key(99))
        #expect(try Self.refusal(world, foreign) == .notice(.ticketRefused))
        var bytes = world.ticket(1, for: key).encoded
        bytes[25] = 2
        #expect(try Self.refusal(world, try Ticket(bytes)) == .notice(.ticketRefused))
        #expect(world.sessionCount == 0 && world.roomCount == 0)
    }

    @Test("a ticket without its key is refused: who copied it from the wire gets nothing")
    func stolen() throws {
        let world = RelayWorld()
        let ticket = world.ticket(1, for: world.key(1_001).verifyKey)
        #expect(try Self.refusal(world, ticket, key: 5) == .notice(.ticketRefused))
        #expect(world.sessionCount == 0)
    }

    @Test("an ANSWER replayed from another address, port or transport is not taken")
    func replayed() throws {
        let world = RelayWorld()
        let ticket = world.ticket(1, for: world.key(1_001).verifyKey)
        let victim = Endpoint(ipv4: 0x0A00_0001, port: 5_000)
        #expect(
            try Self.refusal(world, ticket, at: 2, own: victim, cookieOf: 1)
                == .notice(.bindAgain))
        #expect(
            try Self.refusal(world, ticket, at: 1, cookieOf: 1, over: .tcp) == .notice(.bindAgain))
        #expect(
            try Self.refusal(world, ticket, own: victim.with(port: 1)) == .notice(.bindAgain))
        #expect(world.sessionCount == 0)
    }

    @Test("a proof that was made for another relay is refused; one behind NAT64 is not")
    func otherRelay() throws {
        let world = RelayWorld()
        let ticket = world.ticket(1, for: world.key(1_001).verifyKey)
        for relay in [
            RelayWorld.address.with(port: 1), Endpoint(ipv4: 0xC000_0202, port: 4461),
            Endpoint(high: 0x0064_FF9B << 32, low: 0xC000_0202, port: 4461),
        ] {
            #expect(try Self.refusal(world, ticket, relay: relay) == .notice(.ticketRefused))
        }
        // Of whom it does not know it writes down nothing.
        let invented = Endpoint(ipv4: 0xCB00_7142, port: 4461)
        #expect(
            try Self.refusal(world, ticket, key: 1_002, relay: invented) == .notice(.ticketRefused))
        world.pump()
        #expect(!world.events.contains(.unknownAddress(invented)))
        #expect(
            world.events.contains(.unknownAddress(Endpoint(ipv4: 0xC000_0202, port: 4461))))
        let translated = Endpoint(high: 0x0064_FF9B << 32, low: 0xC000_0201, port: 4461)
        #expect(Self.isBound(try Self.refusal(world, ticket, relay: translated)))
    }

    @Test("a cookie holds for 120 s and no longer than 240 s")
    func cookies() throws {
        for (wait, isTaken) in [(119, true), (241, false)] {
            let world = RelayWorld()
            let source = Endpoint(ipv4: 0x0A00_0001, port: 5_000)
            world.give(
                [UInt8](writing: { RelayRequest.writeBind(transaction: 3, into: &$0) }),
                from: source)
            let challenge = try RelayWorld.decode(try #require(world.answer()).bytes)
            guard case .challenge(let asked) = challenge.answer else { continue }
            let answer = RelayBindAnswer(
                cookie: asked.cookie, relay: RelayWorld.address, own: source,
                ticket: world.ticket(1, for: world.key(1_001).verifyKey),
                signedWith: world.key(1_001))
            world.now = world.now + .seconds(wait)
            world.give(
                [UInt8](writing: {
                    RelayRequest.writeAnswer(transaction: 4, answer, into: &$0)
                }), from: source)
            #expect((world.sessionCount == 1) == isTaken, "after \(wait) s")
        }
    }

    @Test("a number that is taken goes only to the same key, or to a higher generation")
    func displacement() throws {
        let world = RelayWorld()
        let owner = world.member(1)
        let session = owner.session
        let other = world.key(8).verifyKey
        #expect(
            try Self.refusal(world, world.ticket(1, for: other), key: 8, at: 9)
                == .notice(.ticketRefused))
        #expect(world.sessionCount == 1)
        let higher = world.ticket(1, for: other, generation: 2)
        #expect(Self.isBound(try Self.refusal(world, higher, key: 8, at: 9)))
        #expect(world.sessionCount == 1)
        #expect(world.send(owner, to: 2) == nil)
        #expect(owner.session == session, "it hears of that when it sends")
        world.pump()
        #expect(owner.session == nil)
    }

    @Test("a member with a new address gets a new session, and the old one ends")
    func roaming() {
        let world = RelayWorld()
        let (first, second) = (world.member(1), world.member(2))
        let old = first.session
        first.endpoint = Endpoint(ipv4: 0x0A00_0063, port: 9)
        first.machine.rebind(now: world.now)
        world.run(for: .seconds(1))
        #expect(first.session != nil && first.session != old && world.sessionCount == 2)
        world.send(second, to: 1, [9])
        #expect(first.received.map(\.inner) == [[9]])
    }

    @Test("twelve sessions in five minutes are what a member gets")
    func bindings() throws {
        let world = RelayWorld()
        let ticket = world.ticket(1, for: world.key(1_001).verifyKey)
        for number in 1...12 {
            #expect(Self.isBound(try Self.refusal(world, ticket, at: UInt32(number))))
        }
        #expect(try Self.refusal(world, ticket, at: 13) == .notice(.rateLimited))
        #expect(world.sessionCount == 1, "the twelfth one goes on")
        let other = world.ticket(2, for: world.key(1_001).verifyKey)
        #expect(Self.isBound(try Self.refusal(world, other, at: 13)))
        world.now = world.now + .seconds(300)
        #expect(Self.isBound(try Self.refusal(world, ticket, at: 13)))
    }

    @Test("the first of a higher generation gives all lower ones 10 s, then they are refused")
    func generations() throws {
        let world = RelayWorld()
        let members = [world.member(1), world.member(2)]
        let third = world.member(3, generation: 2)
        world.run(for: .seconds(9))
        #expect(world.sessionCount == 3)
        world.setTicket(
            of: members[0], world.ticket(1, for: members[0].verifyKey, generation: 2))
        world.run(for: .seconds(2))
        #expect(world.sessionCount == 2 && third.session != nil && members[0].session != nil)
        #expect(
            world.events.contains(
                .ended(.generation, member: 2, client: members[1].endpoint)))
        #expect(
            try Self.refusal(world, world.ticket(4, for: world.key(1_001).verifyKey), at: 50)
                == .notice(.ticketRefused))
    }

    @Test("where a room begins with a later generation the lower ones go, too")
    func laterGeneration() throws {
        let world = RelayWorld()
        let member = world.member(1, generation: 2)
        // Removed before the room was ever here.
        let removed = world.member(3, generation: 1)
        world.run(for: .seconds(11))
        #expect(member.session != nil && world.sessionCount == 1)
        #expect(
            world.events.contains(.ended(.generation, member: 3, client: removed.endpoint)))
        #expect(
            try Self.refusal(world, world.ticket(4, for: world.key(1_001).verifyKey), at: 50)
                == .notice(.ticketRefused))
    }

    @Test("a generation that comes during the 10 s of another one has its own 10 s")
    func twoGenerations() {
        let world = RelayWorld()
        _ = world.member(1, generation: 1)
        _ = world.member(2, generation: 2)
        world.run(for: .seconds(5))
        let third = world.member(3, generation: 3)
        #expect(world.sessionCount == 3)
        world.run(for: .seconds(6))
        #expect(world.sessionCount == 2)
        world.run(for: .seconds(10))
        #expect(world.sessionCount == 1 && third.session != nil)
    }

    @Test("a session ends 300 s after it was heard last, and with its ticket")
    func idle() {
        let world = RelayWorld()
        let silent = world.member(1)
        silent.isUp = false
        let kept = world.member(2)
        world.run(for: .seconds(299))
        #expect(world.sessionCount == 2)
        world.run(for: .seconds(7))
        #expect(world.sessionCount == 1 && world.counters.idle == 1)
        let short = world.client(at: 3)
        world.setTicket(of: short, world.ticket(3, for: short.verifyKey, seconds: 60))
        world.run(for: .seconds(170))
        #expect(short.session != nil)
        world.run(for: .seconds(30))
        #expect(short.session == nil && kept.session != nil)
        #expect(short.events.contains(.refused(.ticketExpired)))
    }

    @Test("a full relay says so, and forgets rooms that were left")
    func full() throws {
        var limits = RelayLimits()
        limits.sessions = 2
        let world = RelayWorld(limits: limits)
        let first = world.member(1)
        _ = world.member(2)
        let ticket = world.ticket(
            1, for: world.key(1_001).verifyKey, room: Block16(high: 1, low: 1))
        #expect(try Self.refusal(world, ticket, at: 9) == .notice(.full))
        first.machine.unbind(now: world.now)
        world.pump()
        #expect(world.sessionCount == 1)
        #expect(Self.isBound(try Self.refusal(world, ticket, at: 9)))
        #expect(world.roomCount == 2)
        world.clients.forEach { $0.isUp = false }
        world.run(for: .seconds(700))
        #expect(world.sessionCount == 0 && world.roomCount == 0)
    }

    @Test("who unbinds is gone, and told that")
    func unbind() {
        let world = RelayWorld()
        let (first, second) = (world.member(1), world.member(2))
        first.machine.unbind(now: world.now)
        world.pump()
        #expect(first.machine.isClosed && world.sessionCount == 1)
        #expect(world.send(second, to: 1) == nil)
        // Nobody else can end a session.
        let stranger = Endpoint(ipv4: 1, port: 1)
        let session = second.session ?? 0
        world.give(
            [UInt8](writing: {
                RelayRequest.writeUnbind(transaction: 1, session: session, into: &$0)
            }), from: stranger)
        #expect(world.sessionCount == 1)
    }

    @Test("a draining relay takes nobody, tells everybody each second, and ends when all left")
    func drain() throws {
        let world = RelayWorld()
        let (first, second) = (world.member(1), world.member(2))
        world.service.drain(now: world.now)
        world.run(for: .milliseconds(10))
        #expect(first.events.last == .draining(seconds: 20))
        #expect(second.events.last == .draining(seconds: 20))
        world.send(first, to: 2, [5])
        #expect(second.received.map(\.inner) == [[5]], "calls go on")
        let ticket = world.ticket(3, for: world.key(1_001).verifyKey)
        #expect(try Self.refusal(world, ticket, at: 3) == .notice(.draining))
        let before = world.counters.answered
        world.run(for: .milliseconds(2_500))
        #expect(world.counters.answered == before + 4)
        var isDrained = world.service.isDrained(now: world.now)
        #expect(!isDrained)
        for client in [first, second] { client.machine.unbind(now: world.now) }
        world.pump()
        isDrained = world.service.isDrained(now: world.now)
        #expect(isDrained)
    }

    @Test("a drain is over after 20 s, whoever is left")
    func drainDeadline() {
        let world = RelayWorld()
        _ = world.member(1)
        world.service.drain(now: world.now)
        let early = world.service.isDrained(now: world.now + .milliseconds(19_999))
        let late = world.service.isDrained(now: world.now + .seconds(20))
        #expect(!early && late)
        world.run(for: .seconds(30))
    }
}
