import Testing
import VCTestKit

@testable import VCCore

/// Who leaves has left within half a second, whatever it just heard.
@Suite struct LeavingTests {
    /// Among so many are all of a join, and of a host's succession.
    private static let datagrams = 1...30

    let arena: SecretArena

    init() throws {
        arena = try #require(SecretArena(slotCount: 32_768))
    }

    /// Has a member leave as soon as so many datagrams came to it, before it does anything about
    /// the last of them.
    private func expectLeave(
        of node: Node, after count: Int, in world: inout World,
        _ event: (_ now: Instant) -> Void = { _ in }
    ) {
        var received = 0
        world.interlude = { reached, now in
            guard reached === node else { return }
            received += 1
            guard received == count else { return }
            // From here on it tells nothing but its end.
            while node.machine.pollEvent() != nil {}
            node.events = []
            node.machine.leave(now: now)
        }
        event(world.now)
        world.run(for: .seconds(20)) { received >= count }
        #expect(received >= count, "so much never came")
        world.run(for: .milliseconds(600))
        #expect(node.end == .left, "after \(count)")
        let becameHost = node.events.contains {
            if case .hostChanged(_, isUs: true) = $0 { true } else { false }
        }
        #expect(!becameHost, "after \(count)")
    }

    @Test("who claims to be host where no vc-signal answers, at each step", arguments: datagrams)
    func claimant(count: Int) throws {
        try room(of: 4) { world, nodes in
            let next = try #require(
                nodes.first { $0.machine.memberNumber == $0.machine.roster.successor })
            world.network.setUp(false, nodes[0].host)
            world.network.setUp(false, world.signal.host)
            world.run(for: .seconds(20)) { next.machine.succession.claimed != nil }
            expectLeave(of: next, after: count, in: &world)
        }
    }

    /// A room whose members have all met, and whose successor has what it needs.
    private func room(of count: Int, _ body: (inout World, [Node]) throws -> Void) throws {
        try SuccessionTests().room(of: count, seed: 11, body: body)
    }

    @Test("a host, when its lease comes as well as before and after", arguments: 1...3)
    func host(count: Int) {
        var world = World(seed: 11, link: PairTests.good, arena: arena)
        let host = world.addHost()
        expectLeave(of: host, after: count, in: &world)
    }

    @Test("who joins, at each step", arguments: datagrams)
    func joiner(count: Int) throws {
        try room(of: 2) { world, nodes in
            let joiner = try world.addJoiner(name: "m3", code: nodes[0].code)
            expectLeave(of: joiner, after: count, in: &world)
        }
    }

    @Test("who takes the place of the host, at each step", arguments: datagrams)
    func successor(count: Int) throws {
        for isHandedOver in [true, false] {
            try room(of: 4) { world, nodes in
                let host = nodes[0]
                let next = try #require(
                    nodes.first { $0.machine.memberNumber == $0.machine.roster.successor })
                if isHandedOver {
                    expectLeave(of: next, after: count, in: &world) { now in
                        host.machine.leave(now: now)
                    }
                } else {
                    world.network.setUp(false, host.host)
                    world.run(for: .seconds(20)) { next.machine.succession.machine.isClaiming }
                    expectLeave(of: next, after: count, in: &world)
                }
                // The lease is there for who stays.
                let rest = nodes.filter { $0 !== host && $0 !== next }
                let goesOn = world.run(for: .seconds(15)) {
                    rest.contains { $0.isHost && $0.machine.signal.hasLease }
                }
                #expect(goesOn, "after \(count), handed over: \(isHandedOver)")
            }
        }
    }
}
