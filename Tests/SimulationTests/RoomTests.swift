import Testing
import VCTestKit

@testable import VCCore

/// Rooms of more than two: everybody has keys and a path with everybody.
@Suite struct RoomTests {
    let arena: SecretArena

    init() throws {
        arena = try #require(SecretArena(slotCount: 32_768))
    }

    /// A room whose members have all met, the host first.
    func room(
        of count: Int, seed: UInt64, link: VirtualNetwork.Link = PairTests.good, relays: Int = 0,
        rungs: RungPolicy = RungPolicy(), names: [String] = [],
        body: (inout World, [Node]) throws -> Void
    ) throws {
        var world = World(seed: seed, link: link, arena: arena, relays: relays)
        var nodes = [
            world.addHost(name: names.first ?? "m1", capacity: Limits.members, rungs: rungs)
        ]
        try #require(world.run(for: .seconds(30)) { !nodes[0].code.isEmpty })
        for number in 2...count {
            let name = number <= names.count ? names[number - 1] : "m\(number)"
            nodes.append(try world.addJoiner(name: name, code: nodes[0].code, rungs: rungs))
        }
        let all = nodes
        // A handshake through the host crosses four bad links and is repeated each second: of 120
        // pairs one may well need 20 s.
        let haveMet = world.run(for: .seconds(120)) { all.allSatisfy { $0.isWithAll(count) } }
        try #require(haveMet, "seed \(seed): \(all.map(\.missing))")
        // Names follow.
        world.run(for: .seconds(1))
        try body(&world, nodes)
    }

    @Test(
        "everybody talks to everybody, and chats, in rooms of 3, 8 and 16", arguments: [3, 8, 16])
    func everybody(count: Int) throws {
        try room(of: count, seed: UInt64(count)) { world, nodes in
            for node in nodes { node.isTalking = true }
            for (index, node) in nodes.enumerated() {
                _ = node.machine.sendChat(DisplayText(message: "from \(index)"), now: world.now)
            }
            world.run(for: .seconds(2))
            for (index, node) in nodes.enumerated() {
                for member in 1...UInt8(count) where member != node.machine.memberNumber {
                    #expect((node.tallies[member]?.received ?? 0) >= 198, "\(index) of \(member)")
                }
                #expect(node.chats.count == count - 1 && node.deliveries == count - 1)
                #expect(node.machine.roster == nodes[0].machine.roster)
                #expect(node.machine.peers.numbers.allSatisfy { node.machine.peers[$0].hasMet })
            }
        }
    }

    @Test("on a bad network all meet, whatever is lost, doubled and out of order")
    func badNetwork() throws {
        let all = seeds(50, reduced: 1)
        for seed in all {
            try room(of: all.count > 1 ? 16 : 8, seed: seed, link: PairTests.bad) { world, nodes in
                world.run(for: .seconds(5))
                let roster = nodes[0].machine.roster
                #expect(nodes.allSatisfy { $0.machine.roster == roster }, "seed \(seed)")
            }
        }
    }

    @Test("a newcomer in a room of fifteen has sessions with all within a second")
    func quick() throws {
        try room(of: 15, seed: 4) { world, nodes in
            let newcomer = try world.addJoiner(name: "new", code: nodes[0].code)
            let start = world.now
            #expect(world.run(for: .seconds(2)) { newcomer.isWithAll(16) })
            #expect(world.now < start + .seconds(1), "\(world.now - start)")
        }
    }

    @Test("who leaves is gone for all at once, and who goes silent after a minute")
    func leaving() throws {
        try room(of: 5, seed: 5) { world, nodes in
            nodes[3].machine.leave(now: world.now)
            world.run(for: .seconds(1))
            for node in nodes[..<3] {
                #expect(node.states(of: "m4") == [.left])
                #expect(node.machine.peers.count == 3)
            }
            world.network.setUp(false, nodes[4].host)
            world.run(for: .seconds(7))
            for node in nodes[..<3] { #expect(node.states(of: "m5") == [.lost]) }
            world.run(for: .seconds(60))
            for node in nodes[..<3] {
                #expect(node.states(of: "m5") == [.lost, .removed])
                #expect(node.machine.roster.entries.count == 3)
            }
        }
    }

    @Test(
        """
        whom a roster does not name, though nobody said that it went, goes on when it is named \
        again
        """
    )
    func shelved() throws {
        try room(of: 4, seed: 7) { world, nodes in
            let (host, ben, cleo, dan) = (nodes[0], nodes[1], nodes[2], nodes[3])
            let number = Int(ben.machine.number)
            let one = cleo.machine.number
            let stream = ben.machine.peers[Int(one)].stream.id
            let partial = host.machine.roster.removing(cleo.key).removing(dan.key)
            host.machine.send(.roster(partial, []), to: number, now: world.now)
            world.run(for: .seconds(1))
            #expect(ben.machine.peers.count == 1)
            _ = cleo.machine.sendChat(DisplayText(message: "are you there?"), now: world.now)
            world.run(for: .seconds(1))
            #expect(ben.chats.isEmpty)

            host.machine.publish(
                partial.adding(Roster.Entry(number: one, key: cleo.key)),
                [Departure(key: dan.key, reason: .kicked)], now: world.now)
            world.run(for: .seconds(5))
            let isSame = ben.machine.peers[Int(one)].stream.id == stream
            #expect(isSame && ben.chats == ["are you there?"])
            #expect(ben.machine.peers.number(of: dan.key) == nil)
            #expect(!ben.keeps(dan.key), "not of who was removed")
        }
    }

    @Test("who was away for less than a minute is back as itself, with what was said meanwhile")
    func back() throws {
        try room(of: 4, seed: 6) { world, nodes in
            let number = nodes[3].machine.memberNumber
            world.network.setUp(false, nodes[3].host)
            _ = nodes[1].machine.sendChat(DisplayText(message: "are you there?"), now: world.now)
            world.run(for: .seconds(50))
            world.network.setUp(true, nodes[3].host)
            world.run(for: .seconds(8))
            for node in nodes[..<3] { #expect(node.states(of: "m4") == [.lost, .back]) }
            #expect(nodes[3].chats == ["are you there?"])
            #expect(nodes[3].machine.memberNumber == number && nodes[3].end == nil)
        }
    }

    @Test("two of one name are told apart by everybody, in the same way")
    func sameName() throws {
        try room(of: 4, seed: 7, names: ["ana", "bob", "bob", "ana"]) { world, nodes in
            var seen: [UInt8: Set<String>] = [:]
            for node in nodes {
                for number in node.machine.memberNumbers {
                    let name = node.machine.member(Int(number)).name.text
                    seen[number, default: []].insert(name)
                }
            }
            #expect(seen.values.allSatisfy { $0.count == 1 }, "\(seen)")
            #expect(Set(seen.values.compactMap(\.first)).count == 4, "\(seen)")
        }
    }

    @Test("a number that was somebody's a moment ago is the last that is given out")
    func numbers() throws {
        try room(of: 3, seed: 8) { world, nodes in
            let freed = nodes[1].machine.memberNumber
            nodes[1].machine.leave(now: world.now)
            world.run(for: .seconds(1))
            let next = try world.addJoiner(name: "new", code: nodes[0].code)
            world.run(for: .seconds(3)) { next.company != nil }
            #expect(next.machine.memberNumber == 4 && freed != 4)
        }
    }
}

extension Node {
    /// Whether it has keys and a path with all others of a room of `count`.
    func isWithAll(_ count: Int) -> Bool {
        let numbers = machine.peers.numbers
        return numbers.count == count - 1
            && numbers.allSatisfy {
                machine.peers[$0].hasMet && machine.peers[$0].path.selected != nil
            }
    }

    /// Whom it has not met, or cannot reach.
    var missing: [Int] {
        machine.peers.numbers.filter {
            !machine.peers[$0].hasMet || machine.peers[$0].path.selected == nil
        }
    }

    /// What it was told of a member after it had joined.
    func states(of name: String) -> [RoomEvent.MemberState] {
        events.compactMap {
            if case .member(let member, let state) = $0, member.name.text == name,
                state != .joined
            {
                state
            } else {
                nil
            }
        }
    }
}

extension Node {
    /// Whether there is still something of a member that no roster names.
    fileprivate func keeps(_ key: PublicKey) -> Bool {
        switch machine.shelf.take(key) {
        case .some: true
        case .none: false
        }
    }
}
