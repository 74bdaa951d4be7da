import Testing
import VCTestKit

@testable import VCCore

/// The host between two members that reach it and not each other.
@Suite struct HostForwardTests {
    let arena: SecretArena

    init() throws {
        arena = try #require(SecretArena(slotCount: 16_384))
    }

    /// A host with an address of its own, and two behind symmetric NATs, who have met.
    private func three(
        relays: Int = 0, forwards: Bool = true, seed: UInt64 = 1,
        body: (inout World, Node, [Node]) throws -> Void
    ) throws {
        var world = World(seed: seed, link: PairTests.good, arena: arena, relays: relays)
        let host = world.addHost(
            capacity: Limits.members, rungs: RungPolicy(allowsHost: forwards))
        try #require(world.run(for: .seconds(10)) { !host.code.isEmpty })
        var members: [Node] = []
        for name in ["bob", "cleo"] {
            let site = world.addSite(Surroundings.symmetric.behaviour)
            members.append(try world.addJoiner(name: name, code: host.code, at: site))
            world.run(for: .seconds(2))
        }
        world.run(for: .seconds(6))
        try body(&world, host, members)
    }

    @Test("two who do not reach each other talk through the host, which cannot open a packet")
    func forwards() throws {
        try three { world, host, members in
            for node in members { node.isTalking = true }
            let opened = host.machine.counters.opened
            world.run(for: .seconds(2))
            #expect(members[0].machine.peers[3].path.selected == .host)
            #expect(members[1].machine.peers[2].path.selected == .host)
            #expect((members[0].tallies[3]?.received ?? 0) >= 195)
            #expect((members[1].tallies[2]?.received ?? 0) >= 195)
            #expect(host.machine.counters.forwarded >= 400)
            // What the host opened is what was sealed for it: two voices, keepalives and probes.
            #expect(host.machine.counters.opened - opened < 480)
            #expect(host.machine.counters.unopened == 0)
        }
    }

    @Test("the way through the host is better than a relay, and a relay takes over when it ends")
    func rank() throws {
        try three(relays: 1) { world, host, members in
            for node in members { node.isTalking = true }
            world.run(for: .seconds(2))
            #expect(members[0].machine.peers[3].path.selected == .host)
            let before = members[0].tallies[3]?.received ?? 0
            host.machine.forwards = ForwardAllowance()
            world.network.setUp(false, host.host)
            world.run(for: .seconds(3))
            #expect(members[0].machine.peers[3].path.selected?.rung == .relay)
            // 500 ms at most are missing.
            #expect((members[0].tallies[3]?.received ?? 0) - before >= 250)
        }
    }

    @Test("a host that forwards nothing forwards nothing")
    func refuses() throws {
        try three(forwards: false) { world, host, members in
            #expect(host.machine.counters.forwarded == 0)
            #expect(members.allSatisfy { !$0.machine.peers[$0.other].hasMet })
            #expect(members.allSatisfy { $0.machine.peers[1].path.selected != nil })
        }
    }

    /// A packet that the host would forward.
    private func packet(to: UInt8, from: UInt8, first: UInt8 = PacketType.sealed) -> [UInt8] {
        [PacketType.hostForward, to, from, first] + [UInt8](repeating: 7, count: 60)
    }

    @Test("only members, from where they are, to other members, and nothing within it again")
    func rules() throws {
        try three { world, host, members in
            let from = try #require(world.source(of: members[0], at: host))
            func isForwarded(_ bytes: [UInt8], _ source: Endpoint) -> Bool {
                let before = host.machine.counters.forwarded
                world.receive(bytes, from: source, at: host)
                return host.machine.counters.forwarded == before + 1
            }
            #expect(isForwarded(packet(to: 3, from: 2), from))
            #expect(!isForwarded(packet(to: 3, from: 2), from.with(port: from.port ^ 1)))
            #expect(!isForwarded(packet(to: 2, from: 3), from), "another member's address")
            #expect(!isForwarded(packet(to: 2, from: 2), from))
            #expect(!isForwarded(packet(to: 4, from: 2), from))
            #expect(!isForwarded(packet(to: 1, from: 2), from), "to the host itself")
            #expect(!isForwarded(packet(to: 3, from: 4), from))
            #expect(!isForwarded(packet(to: 200, from: 2), from))
            #expect(!isForwarded(packet(to: 3, from: 200), from))
            #expect(!isForwarded(packet(to: 3, from: 2, first: PacketType.hostForward), from))
            #expect(!isForwarded([PacketType.hostForward, 3, 2], from))
        }
    }

    @Test("no more than 250 packets and 600 kbit a second from one to another")
    func rate() {
        var allowance = ForwardAllowance()
        var now = Instant(nanoseconds: 5_000_000_000)
        func taken(_ count: Int, size: Int, to target: Int = 3) -> Int {
            var taken = 0
            for _ in 0..<count {
                if allowance.take(from: 2, to: target, size: size, now: now) { taken += 1 }
            }
            return taken
        }
        #expect(taken(1_000, size: 100) == 250)
        #expect(taken(1_000, size: 100, to: 4) == 250, "each pair for itself")
        now = now + .seconds(1)
        #expect(taken(1_000, size: 1_000) == 75)
        now = now + .milliseconds(100)
        #expect(taken(100, size: 100) == 75, "a tenth of the bytes is back")
    }

    @Test("nobody but the host forwards: a member takes nothing from another address")
    func notFromOthers() throws {
        try three { world, host, members in
            let before = members[0].machine.counters.unforwarded
            world.receive(packet(to: 2, from: 3), from: World.server, at: members[0])
            #expect(members[0].machine.counters.unforwarded == before + 1)
            // A packet of the right sender under the name of another one is not opened.
            let mine = try #require(
                members[1].seal(for: 2, at: world.now))
            let hostSide = try #require(members[0].machine.peers[1].path.selected?.endpoint)
            let opened = members[0].machine.counters.opened
            world.receive(
                [PacketType.hostForward, 2, 1] + mine, from: hostSide, at: members[0])
            #expect(members[0].machine.counters.opened == opened)
            world.receive(
                [PacketType.hostForward, 2, 3] + mine, from: hostSide, at: members[0])
            #expect(members[0].machine.counters.opened == opened + 1)
        }
    }
}

extension Node {
    /// The other one of two joiners.
    fileprivate var other: Int { machine.memberNumber == 2 ? 3 : 2 }

    /// A sealed packet for a member, without its way there.
    fileprivate func seal(for member: Int, at now: Instant) -> [UInt8]? {
        var packet = [UInt8](repeating: 0, count: SealedPacket.headerSize + 1 + 16)
        packet[SealedPacket.headerSize] = SealedKind.keepalive.rawValue
        let size = packet.withUnsafeMutableBytes {
            machine.peers[member].slots.seal($0, plaintext: 1, now: now)
        }
        return size.map { Array(packet[..<$0]) }
    }
}

extension World {
    /// Where a node's packets come from, as another one sees them.
    fileprivate func source(of node: Node, at other: Node) -> Endpoint? {
        let number = Int(node.machine.memberNumber ?? 0)
        return other.machine.peers[number].path.selected?.endpoint
    }
}
