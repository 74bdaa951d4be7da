import Testing
import VCCore
import VCTestKit

/// Many ports against a NAT that gives each destination another one.
@Suite struct BirthdayTests {
    /// Such a NAT in front, and who lets in only whom it has spoken to.
    static let pairs: [[Surroundings]] = [
        [.symmetric, .portRestricted], [.symmetric, .portRestrictedAcceptingWAN],
    ]

    let arena: SecretArena

    init() throws {
        arena = try #require(SecretArena(slotCount: 32_768))
    }

    /// What two members said about their way, without the times.
    private func reasons(of node: Node) -> [String] {
        node.events.compactMap {
            if case .path(_, let rung, _, let why) = $0 { "\(rung): \(why)" } else { nil }
        }
    }

    @Test(
        "symmetric against port-restricted: relayed at first, direct within 25 s, never silent",
        arguments: pairs)
    func cell(_ pair: [Surroundings]) throws {
        var misses: [UInt64] = []
        let seeds = seeds(200, reduced: 5)
        for seed in seeds {
            var call = try Call(pair[0], pair[1], seed: seed, slowest: 75, arena: arena)
            call.run(untilAfterStart: .seconds(5))
            let early = call.rungs
            #expect(early == [.relay, .relay], call.label)
            call.run(untilAfterStart: .seconds(25))
            let late = call.rungs
            if late != [.direct, .direct] { misses.append(seed) }
            let silence = call.silence(since: call.start + .seconds(1))
            #expect(silence < Call.patience, call.label)
            let (one, _) = call.members(seed: seed)
            #expect(one.largestSocketCount <= 255, call.label)
            call.finish()
        }
        // 0.983 is expected: none of 5 may be missed, and more than 8 of 200 are once in 100 runs.
        #expect(misses.count <= seeds.count / 25, "missed with the seeds \(misses)")
        #expect(arena.slotsInUse == 0)
    }

    @Test("only the socket that carries the call stays open, and it closes when that way is gone")
    func sockets() throws {
        var call = try Call(.symmetric, .portRestricted, seed: 2, arena: arena)
        let (one, other) = call.members(seed: 2)
        call.run(untilAfterStart: .seconds(25))
        let rungs = call.rungs
        #expect(rungs == [.direct, .direct])
        #expect(one.largestSocketCount == 255 && other.largestSocketCount == 0)
        call.run(for: .seconds(10))
        let open = (1...255).filter { one.sockets.contains(UInt8($0)) }
        #expect(open.count == 1)
        let member: UInt8 = one === call.host ? 2 : 1
        #expect(one.voiceDestinations[member].map { Int($0.socket) } == open.first)
        #expect(reasons(of: one).last == "direct: one of many ports got through")
        // Its NAT forgets the mapping, and gives another one: nothing of the old way is left.
        let router = try #require(one.site.router)
        call.world.network[router].flush()
        let before = call.world.now
        call.run(for: .seconds(40))
        #expect(one.sockets.isEmpty)
        let silence = call.silence(since: before)
        #expect(silence < Call.patience)
        call.finish()
    }

    @Test(
        "who does not allow it, on either side, sends nothing more and opens nothing",
        arguments: pairs, [[false, true], [true, false], [false, false]])
    func notAllowed(_ pair: [Surroundings], _ allowed: [Bool]) throws {
        try checkNothing(pair, allowed.map { RungPolicy(allowsBirthday: $0) })
    }

    @Test(
        "nor does who wants to meet others in some networks only", arguments: pairs,
        [[false, true], [true, false]])
    func otherNetworks(_ pair: [Surroundings], _ isOpen: [Bool]) throws {
        let network = try #require(AddressNetwork(Endpoint(ipv4: 0x0A00_0000, port: 0), prefix: 8))
        let rungs = isOpen.map { isOpen in
            var policy = RungPolicy()
            policy.allowed = isOpen ? nil : AddressNetworks([network])
            return policy
        }
        try checkNothing(pair, rungs)
    }

    private func checkNothing(_ pair: [Surroundings], _ rungs: [RungPolicy]) throws {
        var call = try Call(pair[0], pair[1], seed: 3, rungs: rungs, arena: arena)
        call.world.isRecording = true
        call.run(untilAfterStart: .seconds(30))
        let late = call.rungs
        #expect(late == [.relay, .relay])
        let (one, other) = call.members(seed: 3)
        #expect(one.largestSocketCount == 0)
        let outside = try #require(call.world.outsideAddress(of: one.site))
        let ports = Set(
            call.world.recorded.filter { $0.destination.hasSameAddress(as: outside) }.map {
                $0.destination.port
            })
        // What it said of itself: as vc-signal saw it, and with the port of its socket.
        #expect(ports.count <= 8)
        #expect(!reasons(of: other).contains { $0.contains("many ports") })
        call.finish()
    }

    /// A call in which nothing passes between the two but through relays.
    private func hopeless(seed: UInt64) throws -> (world: World, one: Node, other: Node) {
        var world = World(seed: seed, link: Call.link(seed: seed), arena: arena, relays: 2)
        let home = world.addSite(Surroundings.symmetric.behaviour)
        let away = world.addSite(Surroundings.portRestricted.behaviour)
        let host = world.addHost(at: home)
        world.run(for: .seconds(5)) { !host.code.isEmpty }
        let joiner = try world.addJoiner(code: host.code, at: away)
        let ends = [home, away].compactMap { world.outsideAddress(of: $0) }
        world.network.setPartitioned(true, ends[0].with(port: 0), ends[1].with(port: 0))
        world.run(for: .seconds(10)) { joiner.company != nil }
        return (world, host, joiner)
    }

    @Test("1,024 probes at most, to one address, each port once; then nothing for 10 minutes")
    func budget() throws {
        var (world, one, other) = try hopeless(seed: 1)
        let outside = try #require(world.outsideAddress(of: one.site))
        func traffic(_ span: Duration) -> (probes: [UInt16], openings: Int) {
            world.recorded.removeAll()
            world.isRecording = true
            world.run(for: span)
            let probes = world.recorded.filter {
                $0.source == other.endpoint && $0.destination.hasSameAddress(as: outside)
            }
            let openings = world.recorded.filter { $0.source.port > 41_000 }
            return (probes.map(\.destination.port), openings.count)
        }
        let (ports, openings) = traffic(.seconds(30))
        // Beside those to the two addresses that the symmetric side told.
        let counts = Dictionary(grouping: ports) { $0 }.mapValues(\.count)
        #expect(counts.values.count { $0 == 1 } >= 1_024)
        #expect(counts.count <= 1_024 + 2)
        #expect(ports.allSatisfy { $0 >= 1_024 })
        #expect(openings == 3 * 255)
        #expect(one.sockets.isEmpty)
        #expect(
            reasons(of: other) == [
                "relay: a direct path is being tried",
                "relay: their NAT is symmetric, and yours lets no stranger in",
                "relay: their NAT is symmetric, and many ports are being tried",
                "relay: their NAT is symmetric, and many ports were tried in vain",
            ])
        let (quiet, closed) = traffic(.seconds(560))
        #expect(Set(quiet).count <= 2 && closed == 0)
        let (again, reopened) = traffic(.seconds(60))
        #expect(Set(again).count >= 1_024 && reopened == 3 * 255)
        #expect(one.end == nil && other.end == nil)
    }

    @Test("a provider's NAT behind the own one is opened by the second attempt")
    func doubleNAT() throws {
        var hits = 0
        for seed in seeds(20, reduced: 3) {
            var world = World(seed: seed, link: Call.link(seed: seed), arena: arena, relays: 1)
            let carrier = world.addSite(Surroundings.symmetric.behaviour)
            let home = world.addSite(Surroundings.portRestricted.behaviour, behind: carrier)
            let away = world.addSite(Surroundings.portRestricted.behaviour)
            let host = world.addHost(at: home)
            world.run(for: .seconds(5)) { !host.code.isEmpty }
            let joiner = try world.addJoiner(code: host.code, at: away)
            world.run(for: .seconds(30))
            let early = joiner.machine.connection(of: 1)?.route?.rung
            #expect(early == .relay, "seed \(seed)")
            world.run(for: .seconds(610))
            if joiner.machine.connection(of: 1)?.route?.rung == .direct { hits += 1 }
        }
        #expect(hits >= seeds(20, reduced: 3).count - 1)
    }

    @Test("one at a time: a member with two friends tries the second after the first")
    func oneAtATime() throws {
        var missed = 0
        for seed in seeds(10, reduced: 2) {
            var world = World(seed: seed, link: Call.link(seed: seed), arena: arena, relays: 1)
            let home = world.addSite(Surroundings.symmetric.behaviour)
            let host = world.addHost(capacity: 3, at: home)
            world.run(for: .seconds(5)) { !host.code.isEmpty }
            world.isRecording = true
            for name in ["bob", "cleo"] {
                let site = world.addSite(Surroundings.portRestricted.behaviour)
                _ = try world.addJoiner(name: name, code: host.code, at: site)
            }
            var targets: [Endpoint] = []
            for _ in 0..<1_200 {
                world.recorded.removeAll()
                world.run(for: .milliseconds(100))
                // Openings come by the dozen.
                let openings = world.recorded.filter { $0.source.port > 41_000 }
                let byTarget = Dictionary(grouping: openings) {
                    $0.destination.through(socket: 0)
                }
                let now = byTarget.filter { $0.value.count > 20 }.keys
                #expect(now.count <= 1, "seed \(seed)")
                if let target = now.first, targets.last != target { targets.append(target) }
            }
            let rungs = [2, 3].map { host.machine.connection(of: $0)?.route?.rung }
            missed += rungs.count { $0 != .direct }
            #expect(Set(targets).count == 2, "seed \(seed)")
        }
        // Of 20 attempts three are missed once in 300 runs.
        #expect(missed <= 2)
    }
}
