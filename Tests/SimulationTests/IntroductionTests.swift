import Testing
import VCTestKit

@testable import VCCore

/// Hosts and members that do not know each other, though they were members of one room.
extension SuccessionTests {
    /// A newcomer, the fifth node of a room of four or the fourth of one of three, is host; whoever
    /// is in `away` never heard of it, and the last of `nodes` saw both.
    private func makeNewcomerHost(
        _ world: inout World, _ nodes: [Node]
    ) throws -> Node {
        let newcomer = try world.addJoiner(name: "new", code: nodes[0].code)
        try #require(world.run(for: .seconds(5)) { newcomer.company != nil })
        let witness = nodes[nodes.count - 1]
        try #require(world.run(for: .seconds(5)) { witness.hasMet(newcomer) })
        world.run(for: .seconds(1))
        // The host hears nobody else: the newcomer is its successor.
        world.network.setUp(false, witness.host)
        world.run(for: .seconds(7))
        nodes[0].machine.leave(now: world.now)
        try #require(world.run(for: .seconds(10)) { newcomer.isHost })
        world.network.setUp(true, witness.host)
        let follows = world.run(for: .seconds(25)) {
            witness.machine.roster.key(of: witness.machine.roster.host) == newcomer.key
        }
        try #require(follows)
        return newcomer
    }

    @Test("a member that takes itself for the host gives way, though nobody was ever silent")
    func insistence() throws {
        for seed in seeds(20, reduced: 2) {
            try room(of: 4, seed: seed) { world, nodes in
                nodes[2].machine.accede(.gathered, now: world.now)
                world.run(for: .seconds(14))
                #expect(nodes.count { $0.isHost } == 2, "seed \(seed): not at its word")
                world.run(for: .seconds(26)) { nodes.count { $0.isHost } == 1 }
                world.run(for: .seconds(2))
                expectOne(&world, nodes, host: nodes[0], "seed \(seed)")
            }
        }
    }

    @Test("who comes back while a newcomer is host finds the room through a member that knows both")
    func unknownHost() throws {
        for seed in seeds(20, reduced: 2) {
            try room(of: 3, seed: seed) { world, nodes in
                world.network.setUp(false, nodes[1].host)
                let newcomer = try makeNewcomerHost(&world, nodes)
                world.network.setUp(true, nodes[1].host)
                let room = [newcomer, nodes[2], nodes[1]]
                world.run(for: .seconds(60)) { room.allSatisfy { $0.isWithAll(3) } }
                expectOne(&world, room, "seed \(seed)")
            }
        }
    }

    @Test("two hosts that never met make one room of two, through a member that hears both")
    func introduction() throws {
        for seed in seeds(20, reduced: 2) {
            try room(of: 4, seed: seed) { world, nodes in
                let (one, other) = ([nodes[0], nodes[3]], [nodes[1], nodes[2]])
                cut(&world, true, one, other, server: true)
                let newcomer = try makeNewcomerHost(&world, nodes)
                #expect(nodes[1].isHost && newcomer.isHost, "seed \(seed)")
                cut(&world, false, one, other, server: true)
                let room = [newcomer, nodes[3], nodes[1], nodes[2]]
                world.run(for: .seconds(90)) { room.allSatisfy { $0.isWithAll(4) } }
                expectOne(&world, room, "seed \(seed)")
            }
        }
    }

    @Test("who came in while the next host was away is told to it by those who follow it")
    func unnamed() throws {
        for seed in seeds(20, reduced: 2) {
            try room(of: 3, seed: seed) { world, nodes in
                world.network.setUp(false, nodes[1].host)
                let newcomer = try world.addJoiner(name: "new", code: nodes[0].code)
                let witness = nodes[2]
                let hasMet = world.run(for: .seconds(3)) { witness.hasMet(newcomer) }
                try #require(hasMet)
                // They know each other's addresses, and still nobody was silent for five seconds.
                world.run(for: .milliseconds(1_500))
                world.network.setUp(false, nodes[0].host)
                world.network.setUp(true, nodes[1].host)
                let room = [nodes[1], nodes[2], newcomer]
                world.run(for: .seconds(75)) { room.allSatisfy { $0.isWithAll(3) } }
                world.run(for: .seconds(10))
                expectOne(&world, room, "seed \(seed)")
            }
        }
    }

    @Test(
        """
        on the word of a member nobody comes in who was removed, nobody into a locked room, and \
        nobody later than ten seconds after that member followed the host
        """)
    func vouching() throws {
        try room(of: 3, seed: 5) { world, nodes in
            let (host, ben) = (nodes[0], nodes[1])
            var random = AnyRandomSource(SplitMix64(seed: 9))
            let stranger = KeyPair(random: &random, arena: arena).publicKey
            let number = Int(ben.machine.number)
            func vouch(_ key: PublicKey) {
                host.machine.takeUnnamed([key], from: number, now: world.now)
            }
            world.run(for: RoomMachine.vouchingTime)
            vouch(stranger)
            #expect(host.machine.roster.number(of: stranger) == nil, "too late")
            host.machine.peers[number].statedHostSince = world.now
            host.machine.setLocked(true, now: world.now)
            vouch(stranger)
            #expect(host.machine.roster.number(of: stranger) == nil, "locked")
            host.machine.setLocked(false, now: world.now)
            host.machine.bury(stranger)
            vouch(stranger)
            #expect(host.machine.roster.number(of: stranger) == nil, "removed")
            let other = KeyPair(random: &random, arena: arena).publicKey
            vouch(other)
            #expect(host.machine.roster.number(of: other) != nil)
        }
    }

    @Test("in a full room who is heard has the place of the longest silent, if it was for 15 s")
    func fullRoom() throws {
        try room(of: 3, seed: 6) { world, nodes in
            let (host, ben) = (nodes[0], nodes[1])
            var random = AnyRandomSource(SplitMix64(seed: 11))
            func vouch() -> PublicKey {
                let key = KeyPair(random: &random, arena: arena).publicKey
                host.machine.takeUnnamed([key], from: Int(ben.machine.number), now: world.now)
                return key
            }
            func beginFollowing() {
                host.machine.peers[Int(ben.machine.number)].statedHostSince = world.now
            }
            beginFollowing()
            let first = vouch()
            world.run(for: .seconds(1))
            beginFollowing()
            while host.machine.roster.entries.count < Limits.members { _ = vouch() }
            let early = vouch()
            #expect(host.machine.roster.number(of: early) == nil)
            world.run(for: .milliseconds(14_500))
            beginFollowing()
            let late = vouch()
            #expect(host.machine.roster.number(of: late) != nil)
            #expect(host.machine.roster.number(of: first) == nil)
            let tooMany = vouch()
            #expect(host.machine.roster.number(of: tooMany) == nil, "the others spoke later")
            let names = nodes.map(\.key).map { host.machine.roster.number(of: $0) }
            #expect(!names.contains(nil))
        }
    }

    @Test("on the word of a member nobody is taken out: a host that nobody hears removed all")
    func forgedSurrender() throws {
        try room(of: 4, seed: 8) { world, nodes in
            let host = nodes[0]
            var random = AnyRandomSource(SplitMix64(seed: 10))
            let stranger = KeyPair(random: &random, arena: arena).publicKey
            let roster = host.machine.roster
            let forged = HostMeeting.Statement(
                roster: Roster(
                    term: roster.term + 1, version: roster.version + 1, host: 9, successor: 0,
                    entries: roster.entries + [Roster.Entry(number: 9, key: stranger)]),
                followers: [], tombstones: nodes[2...].map(\.key), isLocked: false)
            host.machine.takePassed(
                .surrender(forged), to: host.key, from: Int(nodes[1].machine.number), now: world.now
            )
            for node in nodes { #expect(host.machine.roster.number(of: node.key) != nil) }
            world.run(for: .seconds(3))
            for node in nodes { #expect(node.end == nil) }
        }
    }

    @Test("a member passes on what hosts say to each other, of its own host only, eight a second")
    func passing() throws {
        try room(of: 4, seed: 6) { world, nodes in
            let (ben, cleo, dan) = (nodes[1], nodes[2], nodes[3])
            func pass(to target: Node, from sender: Node) -> Bool {
                let before = ben.queued(for: target)
                ben.machine.takePassed(
                    .meetingPlace(7), to: target.key, from: Int(sender.machine.number),
                    now: world.now)
                return ben.queued(for: target) > before
            }
            #expect(!pass(to: dan, from: cleo), "neither is its host")
            for _ in 0..<RoomMachine.introductionsPerSecond {
                #expect(pass(to: dan, from: nodes[0]))
            }
            #expect(!pass(to: nodes[0], from: dan))
            world.run(for: .seconds(1))
            #expect(pass(to: nodes[0], from: dan))
        }
    }

    @Test("a member that says without end that it is host is told of eight times a second")
    func introducing() throws {
        try room(of: 3, seed: 9) { world, nodes in
            let (host, ben, liar) = (nodes[0], nodes[1], nodes[2])
            let number = Int(liar.machine.number)
            let claim = liar.machine.roster.succeeded(by: UInt8(number), without: nil, step: 1)
            let statement = HostMeeting.Statement(
                roster: claim, followers: [], tombstones: [], isLocked: false)
            world.run(for: .seconds(10))
            ben.machine.peers[number].statedHost = liar.key
            ben.machine.peers[number].statedHostSince = .zero
            let before = ben.queued(for: host)
            for _ in 0..<100 { ben.machine.introduce(statement, from: number, now: world.now) }
            #expect(ben.queued(for: host) - before == RoomMachine.introductionsPerSecond)
        }
    }

    @Test("a host that was removed here takes nobody along when its half is back, though larger")
    func removedHost() throws {
        try room(of: 5, seed: 12) { world, nodes in
            let (host, other) = (nodes[0], nodes[1])
            let (ours, theirs) = ([nodes[0], nodes[4]], Array(nodes[1...3]))
            cut(&world, true, ours, theirs, server: true)
            try #require(world.run(for: .seconds(40)) { other.isHost })
            let number = try #require(host.machine.roster.number(of: other.key))
            host.machine.kick(number, now: world.now)
            world.run(for: .seconds(2))
            cut(&world, false, ours, theirs, server: true)
            world.run(for: .seconds(100))
            let term = host.machine.roster.term
            world.run(for: .seconds(60))
            #expect(host.end == nil && nodes[4].end == nil && host.isHost)
            let isBack = host.machine.roster.number(of: other.key) != nil
            let isCalm = host.machine.roster.term <= term + 1
            #expect(!isBack && isCalm)
        }
    }

    @Test("who was silent for two minutes has forgotten us, and is met anew")
    func estranged() throws {
        try room(of: 3, seed: 3) { world, nodes in
            let (ben, cleo) = (nodes[1], nodes[2])
            ben.machine.estrange(Int(cleo.machine.number), now: world.now)
            world.run(for: .seconds(110))
            #expect(!ben.hasMet(cleo))
            world.run(for: .seconds(20)) { ben.isWithAll(3) && cleo.isWithAll(3) }
            _ = cleo.machine.sendChat(DisplayText(message: "again"), now: world.now)
            world.run(for: .seconds(2))
            expectOne(&world, nodes, host: nodes[0], "two minutes")
            #expect(ben.chats == ["again"])
        }
    }
}

extension Node {
    /// Messages that wait in the stream to another one.
    fileprivate func queued(for other: Node) -> Int {
        guard let number = machine.peers.number(of: other.key) else { return 0 }
        return machine.peers[number].stream.undelivered.count
    }

    /// Whether it has keys with another one.
    fileprivate func hasMet(_ other: Node) -> Bool {
        guard let number = machine.peers.number(of: other.key) else { return false }
        return machine.peers[number].hasMet
    }
}
