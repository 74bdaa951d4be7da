import Testing
import VCCore
import VCTestKit

@testable import VCSignaling

/// The lease of a room on its way from one member to another.
@Suite struct SignalSuccessionTests {
    private static func secret(_ number: UInt8) -> SecretBytes {
        let token = SignalWorld.token(number)
        return SecretBytes(copying: token.span.bytes, in: TestSecrets.arena)
    }

    private struct Room {
        let world = SignalWorld()
        let host: SignalWorld.Client
        let member: SignalWorld.Client

        init() {
            host = world.host(1)
            world.run(for: .seconds(1))
            member = world.joiner(1)
            member.post([1], now: world.now)
            world.run(for: .seconds(1))
            member.events = []
        }

        /// The member claims the lease with the claim token `number` of room 1.
        func succeed(token number: UInt8 = 1, room: UInt64 = 1) {
            member.machine.succeed(
                hosting: Block16(high: room, low: 0), claimToken: secret(number), nameplate: 1,
                random: &world.random, now: world.now)
        }

        func cutHost(for time: Duration) {
            world.network.addBlackout(
                from: world.now, until: world.now + time,
                between: (host.endpoint, SignalWorld.server))
        }
    }

    @Test("a successor gets the lease 5 s after the holder's last keepalive, and not before")
    func silence() {
        let room = Room()
        room.succeed()
        room.world.run(for: .seconds(20))
        #expect(room.member.events.contains(.leaseHeld))
        #expect(room.member.nameplate == nil)
        #expect(room.world.service.counters.leasesSucceeded == 0)
        // The last keepalive was 0 to 2 s before this.
        room.cutHost(for: .seconds(30))
        #expect(!room.world.run(for: .milliseconds(2_900), until: { room.member.nameplate != nil }))
        #expect(room.world.run(for: .seconds(4), until: { room.member.nameplate == 1 }))
        #expect(room.world.service.counters.leasesSucceeded == 1)
        // Joiners of the same code reach the new host.
        let joiner = room.world.joiner(1, at: 0x0B00_0007)
        joiner.post([9], now: room.world.now)
        room.world.run(for: .seconds(1))
        #expect(room.member.bodies == [[9]])
    }

    @Test("a displaced holder is told, keeps nothing, and can take nothing back")
    func displaced() {
        let room = Room()
        room.cutHost(for: .seconds(10))
        room.succeed()
        room.world.run(for: .seconds(9))
        #expect(room.member.nameplate == 1)
        room.world.run(for: .seconds(4))
        #expect(room.host.events.contains(.displaced(nameplate: 1)))
        #expect(room.host.isClosed)
        // As a host with the token: refused while the new one is heard.
        let again = room.world.host(1, at: 0x0D00_0001)
        room.world.run(for: .seconds(2))
        #expect(again.events.contains(.leaseHeld))
        again.machine.release(now: room.world.now)
        room.world.run(for: .seconds(5))
        #expect(room.world.service.leaseCount == 1)
        let joiner = room.world.joiner(1, at: 0x0B00_0007)
        joiner.post([9], now: room.world.now)
        room.world.run(for: .seconds(1))
        #expect(room.member.bodies == [[9]])
    }

    @Test("a displaced host and the present one exchange bodies through the mailbox")
    func meeting() {
        let room = Room()
        room.cutHost(for: .seconds(10))
        room.succeed()
        room.world.run(for: .seconds(14))
        #expect(room.host.events.contains(.displaced(nameplate: 1)))
        room.member.react = { member, event, now in
            guard case .message(let mailbox, _, let body) = event else { return }
            member.post(body + [0xC5], mailbox: mailbox, now: now)
        }
        room.host.machine.join(
            1, relayKey: .none, random: &room.world.random, now: room.world.now)
        room.host.post([0xC4], now: room.world.now)
        room.world.run(for: .seconds(1))
        #expect(room.host.bodies == [[1], [0xC4, 0xC5]])
    }

    @Test("a holder that yields is succeeded at once, by who knows the token only")
    func yield() {
        let room = Room()
        let thief = room.world.host(9, wanted: 1)
        room.host.machine.yield(now: room.world.now)
        #expect(
            room.world.run(
                for: .milliseconds(100), until: { room.host.events.last == .released }))
        room.world.run(for: .seconds(1))
        #expect(thief.nameplate == 2)
        room.succeed()
        #expect(
            room.world.run(for: .milliseconds(100), until: { room.member.nameplate == 1 }))
    }

    @Test("a member that is no host opens new runs to the host at any time")
    func laterRun() {
        let room = Room()
        room.host.events = []
        room.world.run(for: .seconds(200))
        room.member.machine.newRun(random: &room.world.random, now: room.world.now)
        room.member.post([0xC4, 1], now: room.world.now)
        room.world.run(for: .seconds(1))
        #expect(room.host.bodies == [[0xC4, 1]])
    }

    @Test("a rotated token holds the lease, and the old one nothing")
    func rotation() {
        let room = Room()
        room.host.machine.rotateToken(to: Self.secret(5), now: room.world.now)
        #expect(
            room.world.run(
                for: .milliseconds(100),
                until: { room.host.events.contains(.tokenRotated(true)) }))
        room.world.run(for: .seconds(60))
        #expect(!room.host.events.contains(.leaseLost))
        // Who knows the old token, a member that was removed, gets a room of its own at most.
        room.cutHost(for: .seconds(20))
        room.succeed()
        room.world.run(for: .seconds(8))
        #expect(room.member.nameplate != 1)
        let heir = room.world.host(5, at: 0x0D00_0001, room: 1)
        room.world.run(for: .seconds(2))
        #expect(heir.nameplate == 1)
    }

    @Test("a rotation over a network that loses half is done once, with the nameplate kept")
    func lossyRotation() {
        for seed in 1...20 as ClosedRange<UInt64> {
            let world = SignalWorld(
                seed: seed, link: .init(latency: .milliseconds(10), loss: 0.5))
            let host = world.host(1)
            world.run(for: .seconds(60), until: { host.nameplate != nil })
            host.machine.rotateToken(to: Self.secret(5), now: world.now)
            world.run(for: .seconds(60)) { host.events.contains(.tokenRotated(true)) }
            world.run(for: .seconds(60))
            #expect(host.nameplate == 1, "seed \(seed)")
            #expect(!host.events.contains(.displaced(nameplate: 1)), "seed \(seed)")
        }
    }

    @Test("a host that comes back with a token of before a rotation is told that it was displaced")
    func oldToken() {
        let room = Room()
        room.cutHost(for: .seconds(20))
        room.succeed()
        room.world.run(for: .seconds(8))
        room.member.machine.rotateToken(to: Self.secret(5), now: room.world.now)
        room.world.run(for: .seconds(15))
        #expect(room.host.events.contains(.displaced(nameplate: 1)))
        #expect(room.world.service.leaseCount == 1)
    }

    @Test("a room that a former member opens with the old token takes nothing from the host")
    func roomOfOldToken() {
        let world = SignalWorld()
        let host = Endpoint(ipv4: 0x0C00_0001, port: 1)
        let former = Endpoint(ipv4: 0x0C00_0002, port: 1)
        let (old, new, third) = (SignalWorld.token(1), SignalWorld.token(2), SignalWorld.token(3))
        func ask(
            _ source: Endpoint, _ write: (Block16, inout ByteWriter) -> Void
        ) -> SignalAnswer? {
            let cookie = world.cookie(of: source)
            let bytes = SignalWorld.written { write(cookie, &$0) }
            let answers = world.ask(bytes, from: source)
            return answers.first.flatMap { try? SignalAnswer.decode($0.bytes.span.bytes).answer }
        }
        func claim(_ source: Endpoint) -> SignalAnswer? {
            ask(source) { cookie, writer in
                SignalRequest.writeClaim(
                    transaction: source.low, cookie: cookie,
                    roomID: Block16(high: 1, low: 0), token: old.span.bytes, wanted: 0,
                    into: &writer)
            }
        }
        func keep(_ source: Endpoint) -> SignalAnswer? {
            ask(source) { cookie, writer in
                SignalRequest.writeKeepalive(
                    transaction: source.low, cookie: cookie, token: old.span.bytes,
                    into: &writer)
            }
        }
        func rotate(_ source: Endpoint, to token: [UInt8]) -> SignalAnswer? {
            ask(source) { cookie, writer in
                SignalRequest.writeRotate(
                    transaction: source.low, cookie: cookie, token: old.span.bytes,
                    newToken: token.span.bytes, into: &writer)
            }
        }
        #expect(claim(host) == .lease(.granted, nameplate: 1, seconds: 30))
        #expect(rotate(host, to: new) == .rotated(.rotated))
        #expect(claim(former) == .lease(.granted, nameplate: 2, seconds: 30))
        // The host has not heard of it, and goes on with the token that it knows.
        #expect(keep(host) == .kept(.kept, observed: host))
        #expect(rotate(host, to: new) == .rotated(.rotated))
        #expect(keep(former) == .kept(.kept, observed: former))
        // Nor does it help to give the old token away.
        #expect(rotate(former, to: third) == .rotated(.rotated))
        #expect(keep(host) == .kept(.kept, observed: host))
        #expect(keep(former) == .kept(.displaced, observed: former))
    }

    @Test("another room's token cannot be rotated to, and a wrong one rotates nothing")
    func foreignRotation() {
        let world = SignalWorld()
        let first = world.host(1)
        let second = world.host(2)
        world.run(for: .seconds(1))
        let source = Endpoint(ipv4: 0x0C00_0001, port: 1)
        let (wrong, right) = (SignalWorld.token(9), SignalWorld.token(8))
        let bytes = SignalWorld.written {
            SignalRequest.writeRotate(
                transaction: 1, cookie: world.cookie(of: source), token: wrong.span.bytes,
                newToken: right.span.bytes, into: &$0)
        }
        let answers = world.ask(bytes, from: source)
        let read = answers.first.flatMap { try? SignalAnswer.decode($0.bytes.span.bytes) }
        #expect(read?.answer == .rotated(.unknown))
        first.machine.rotateToken(to: Self.secret(2), now: world.now)
        world.run(for: .seconds(1))
        #expect(first.events.contains(.tokenRotated(false)))
        #expect(second.nameplate == 2)
        world.run(for: .seconds(10))
        #expect(!second.events.contains(.leaseLost))
    }
}
