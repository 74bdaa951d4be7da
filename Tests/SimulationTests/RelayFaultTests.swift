import Testing
import VCCore
import VCTestKit

/// What happens to relays, and to direct paths beside them, and is not heard.
@Suite struct RelayFaultTests {
    let arena: SecretArena

    init() throws {
        arena = try #require(SecretArena())
    }

    /// A settled call, and what `body` does to it.
    private func call(
        _ one: Surroundings, _ other: Surroundings, seed: UInt64,
        _ body: (inout Call, Node, Node) throws -> Void
    ) throws {
        // Without the many ports that may make a relay superfluous in between.
        let rungs = RungPolicy(allowsBirthday: false)
        var call = try Call(one, other, seed: seed, rungs: [rungs, rungs], arena: arena)
        call.run(untilAfterStart: .seconds(5))
        let (one, other) = call.members(seed: seed)
        try body(&call, one, other)
        call.finish()
    }

    /// While two ways are tried: three probes a second and as many answers to the other side's, and
    /// one probe of everything else when silence begins.
    private func expectFewAsides(_ call: Call, since time: Instant) {
        let most = call.asidesPerSecond(since: time)
        #expect(most <= 8, call.label)
    }

    // MARK: Relays

    @Test("who leaves gives its place at the relay back")
    func leaving() throws {
        let pair = try JoinedPair(isRelayed: true, arena: arena)
        let before = pair.relaySessions
        pair.joiner.leave(now: pair.now)
        pair.run(for: .seconds(2))
        let after = pair.relaySessions
        #expect(before == 2 && after == 1)
    }

    @Test("the relay is killed: the other one carries the voice")
    func killed() throws {
        for seed in seeds(200, reduced: 3) {
            try call(.symmetric, .portRestricted, seed: seed) { call, one, other in
                let relay = try #require(call.relay(of: one))
                let before = call.world.now
                call.world.kill(relay)
                call.run(for: .seconds(10))
                let silence = call.silence(since: before)
                expectFewAsides(call, since: before + .seconds(1))
                #expect(silence < Call.patience, call.label)
                for node in [one, other] {
                    let now = try #require(call.relay(of: node))
                    #expect(now !== relay, call.label)
                }
            }
        }
    }

    @Test("the relay is drained: everybody is elsewhere before it stops")
    func drained() throws {
        for seed in seeds(200, reduced: 3) {
            try call(.symmetric, .symmetric, seed: seed) { call, one, other in
                let relay = try #require(call.relay(of: one))
                let before = call.world.now
                call.world.drain(relay)
                call.run(for: .seconds(10))
                for node in [one, other] {
                    let now = try #require(call.relay(of: node))
                    #expect(now !== relay, call.label)
                }
                call.world.kill(relay)
                call.run(for: .seconds(5))
                let silence = call.silence(since: before)
                #expect(silence < Call.patience, call.label)
            }
        }
    }

    @Test("the relay hears a member and is not heard by it: the other relay is")
    func oneWay() throws {
        for seed in seeds(200, reduced: 3) {
            try call(.symmetric, .symmetric, seed: seed) { call, one, _ in
                let relay = try #require(call.relay(of: one))
                let before = call.world.now
                call.world.blackHole(from: relay, to: one)
                call.run(for: .seconds(10))
                let silence = call.silence(since: before)
                #expect(silence < Call.patience, call.label)
            }
        }
    }

    @Test("vc-signal is killed in a relayed call: nobody hears it")
    func signalKilled() throws {
        for seed in seeds(50, reduced: 2) {
            try call(.symmetric, .symmetric, seed: seed) { call, _, _ in
                let before = call.world.now
                call.world.serverIsUp = false
                call.run(for: .seconds(40))
                let silence = call.silence(since: before)
                #expect(silence < Call.patience, call.label)
            }
        }
    }

    // MARK: Direct paths that are worse than they look

    @Test("a direct path answers probes and drops voice: the relay carries it, for good")
    func dropsBySize() throws {
        for seed in seeds(200, reduced: 3) {
            try call(.portRestricted, .fullCone, seed: seed) { call, one, other in
                let early = call.rungs
                #expect(early == [.direct, .direct], call.label)
                let before = call.world.now
                var link = Call.link(seed: seed)
                link.largest = 90
                call.world.setLink(link, between: one, other)
                for _ in 0..<10 {
                    call.run(for: .seconds(2))
                    let silence = call.silence(since: before)
                    #expect(silence < Call.patience, call.label)
                }
                let rungs = call.rungs
                #expect(rungs == [.relay, .relay], call.label)
                expectFewAsides(call, since: before + .seconds(1))
            }
        }
    }

    @Test("a direct path loses a fifth of all packets beside a clean relay: the relay carries them")
    func lossy() throws {
        for seed in seeds(200, reduced: 3) {
            try call(.portRestricted, .open, seed: seed) { call, one, other in
                var link = Call.link(seed: seed)
                link.loss = 0.2
                call.world.setLink(link, between: one, other)
                let before = call.world.now
                call.run(for: .seconds(15))
                let silence = call.silence(since: before)
                #expect(silence < Call.patience, call.label)
                let rungs = call.rungs
                #expect(rungs == [.relay, .relay], call.label)
                let counts = (one.heard.count, other.heard.count)
                call.run(for: .seconds(5))
                #expect(one.heard.count - counts.0 >= 490, call.label)
                #expect(other.heard.count - counts.1 >= 490, call.label)
            }
        }
    }

    // MARK: NATs in between

    @Test("a carrier's NAT over both homes, which turns nothing around: the relay")
    func carrier() throws {
        for seed in seeds(50, reduced: 2) {
            var world = World(seed: seed, link: Call.link(seed: seed), arena: arena, relays: 2)
            let carrier = world.addSite(NATKind.portRestricted.behaviour)
            let homes = (0..<2).map { _ in
                world.addSite(NATKind.portRestricted.behaviour, behind: carrier)
            }
            let host = world.addHost(at: homes[0])
            world.run(for: .seconds(5)) { !host.code.isEmpty }
            let joiner = try world.addJoiner(code: host.code, at: homes[1])
            host.isTalking = true
            joiner.isTalking = true
            world.run(for: .seconds(10)) { joiner.company != nil }
            let start = try #require(joiner.company)
            world.run(for: start + .seconds(6) - world.now)
            for (node, member) in [(host, UInt8(2)), (joiner, 1)] {
                #expect(world.rung(of: node, to: member) == .relay, "seed \(seed)")
                let silence = node.longestSilence(from: start + .seconds(1), until: world.now)
                #expect(silence < Call.patience, "seed \(seed)")
            }
        }
    }
}
