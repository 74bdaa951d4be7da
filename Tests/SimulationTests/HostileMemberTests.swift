import Testing
import VCTestKit

@testable import VCCore

/// A member whose program was changed, and that says whatever it likes to its room.
extension SuccessionTests {
    /// A room that nobody was ever in, of `count` new keys, the first one its host.
    private func invented(
        _ count: Int, term: UInt32 = 1, random: inout AnyRandomSource
    ) -> HostMeeting.Statement {
        let entries = (0..<count).map { place in
            Roster.Entry(
                number: UInt8(Limits.members - count + 1 + place),
                key: KeyPair(random: &random, arena: arena).publicKey)
        }
        return HostMeeting.Statement(
            roster: Roster(
                term: term, version: term, host: entries[0].number, successor: 0,
                entries: entries),
            followers: [], tombstones: [], isLocked: false)
    }

    @Test("rooms that it invents fill neither the shelf nor the arena of anybody")
    func inventedRooms() throws {
        try room(of: 3, seed: 1) { world, nodes in
            let (host, ben, cleo) = (nodes[0], nodes[1], nodes[2])
            var random = AnyRandomSource(SplitMix64(seed: 7))
            let before = arena.slotsInUse
            var most = 0
            for _ in 0..<100 {
                let room = invented(13, random: &random)
                ben.machine.send(
                    .succession(.passed(to: host.key, .surrender(room))),
                    to: Int(host.machine.number), now: world.now)
                world.run(for: .milliseconds(125))
                most = max(most, arena.slotsInUse - before)
            }
            let hasTakenSome = host.machine.roster.term > 50
            #expect(hasTakenSome, "the host was told of rooms, and believed it")
            // Three members with 13 strangers and 16 on the shelf, of 20 slots each at most.
            #expect(most < 3 * 29 * 20, "\(most)")
            #expect(nodes.allSatisfy { $0.end == nil })
            // What was invented is silent, and goes; who is real stays.
            let isAlone = world.run(for: .seconds(150)) {
                host.isWithAll(3) && ben.isWithAll(3) && cleo.isWithAll(3)
            }
            #expect(isAlone)
            world.run(for: PeerShelf.patience + .seconds(10))
            #expect(arena.slotsInUse < before + 100)
        }
    }

    @Test("a host takes up what a member passes on eight times a second")
    func manyInventedRooms() throws {
        try room(of: 3, seed: 5) { world, nodes in
            let (host, ben) = (nodes[0], nodes[1])
            var random = AnyRandomSource(SplitMix64(seed: 7))
            let before = host.machine.roster.term
            for _ in 0..<60 {
                ben.machine.send(
                    .succession(.passed(to: host.key, .surrender(invented(1, random: &random)))),
                    to: Int(host.machine.number), now: world.now)
            }
            world.run(for: .seconds(1))
            let merged = host.machine.roster.term - before
            #expect((8...17).contains(merged), "\(merged)")
        }
    }

    @Test("who was away for a moment cannot remove those who stayed, whatever room it gives up")
    func falseSurrender() throws {
        try room(of: 4, seed: 3) { world, nodes in
            let (host, liar, others) = (nodes[0], nodes[1], nodes[2...])
            world.run(for: .seconds(5))
            world.network.setUp(false, liar.host)
            world.run(for: .seconds(7))
            world.network.setUp(true, liar.host)
            try #require(
                world.run(for: .seconds(10)) {
                    !host.machine.peers[Int(liar.machine.number)].isLost
                })
            let claim = liar.machine.roster.succeeded(
                by: liar.machine.number, without: nil, step: 1)
            let statement = HostMeeting.Statement(
                roster: claim, followers: [], tombstones: others.map(\.key), isLocked: true)
            liar.machine.send(
                .succession(.surrender(statement)), to: Int(host.machine.number), now: world.now)
            world.run(for: .seconds(3))
            for node in others {
                let isNamed = host.machine.roster.number(of: node.key) != nil
                #expect(isNamed && node.end == nil)
            }
            // That nobody comes in any more the host's person is told.
            #expect(host.events.contains(.locked(true)))
        }
    }

    @Test("a host without relays that takes up a room sleeps again")
    func sleepsWithoutRelays() throws {
        try room(of: 3, seed: 6, rungs: RungPolicy(allowsRelay: false)) { world, nodes in
            let (host, ben) = (nodes[0], nodes[1])
            var random = AnyRandomSource(SplitMix64(seed: 7))
            ben.machine.send(
                .succession(.passed(to: host.key, .surrender(invented(1, random: &random)))),
                to: Int(host.machine.number), now: world.now)
            world.run(for: .seconds(2))
            let term = host.machine.roster.term
            #expect(term > 1 && wakeUps(of: host, &world) < 20)
        }
    }

    @Test("two that lose each other while both hear the host sleep, with and without a session")
    func sleepsWithoutSession() throws {
        try room(of: 3, seed: 7) { world, nodes in
            // Their session, of 180 s, ends before they forget each other.
            world.run(for: .seconds(110))
            cut(&world, true, [nodes[1]], [nodes[2]], server: true)
            world.tamper = { bytes, sender in
                bytes[0] == PacketType.hostForward ? [] : [bytes]
            }
            for _ in 0..<13 {
                world.run(for: .seconds(10))
                let count = wakeUps(of: nodes[1], &world)
                #expect(count < 20, "\(count) of 100 at \(world.now)")
            }
        }
    }

    @Test("why it is not reached directly is told no oftener than its other news")
    func reasons() throws {
        try room(of: 3, seed: 8) { world, nodes in
            let (ben, cleo) = (nodes[1], nodes[2])
            cut(&world, true, [ben], [cleo], server: false)
            world.run(for: .seconds(30))
            let count = { cleo.events.count { if case .path = $0 { true } else { false } } }
            let before = count()
            for turn in 0..<250 {
                ben.machine.send(
                    .candidates(turn % 2 == 0 ? [] : [ben.endpoint], .dependent),
                    to: Int(cleo.machine.number), now: world.now)
                world.run(for: .milliseconds(20))
            }
            let told = count() - before
            #expect((10...115).contains(told), "\(told)")
        }
    }

    /// In how many of the next hundred steps of 10 ms a machine wants to be woken at once.
    private func wakeUps(of node: Node, _ world: inout World) -> Int {
        var count = 0
        for _ in 0..<100 {
            world.run(for: .milliseconds(10))
            count += node.machine.nextTimeout <= world.now + .milliseconds(1) ? 1 : 0
        }
        return count
    }

    @Test("who was removed and still brings a room is not answered, and nothing ends")
    func removedMessenger() throws {
        try room(of: 3, seed: 2) { world, nodes in
            let (host, ben) = (nodes[0], nodes[1])
            var random = AnyRandomSource(SplitMix64(seed: 7))
            host.machine.tombstones.add(ben.key)
            ben.machine.send(
                .succession(.passed(to: host.key, .surrender(invented(1, random: &random)))),
                to: Int(host.machine.number), now: world.now)
            world.run(for: .seconds(2))
            #expect(host.end == nil && host.machine.peers.number(of: ben.key) == nil)
        }
    }

    @Test("a departure of whom the same roster names takes nobody out")
    func departureOfMember() throws {
        try room(of: 3, seed: 3) { world, nodes in
            let (host, ben, cleo) = (nodes[0], nodes[1], nodes[2])
            let next = host.machine.roster.naming(0)
            host.machine.send(
                .roster(next, [Departure(key: cleo.key, reason: .left)]),
                to: Int(ben.machine.number), now: world.now)
            world.run(for: .seconds(2))
            let isBuried = ben.machine.tombstones.contains(cleo.key)
            #expect(!isBuried && ben.machine.peers.number(of: cleo.key) != nil)
        }
    }

    @Test("what it says again and again is told as often as a hand switches, and no oftener")
    func news() throws {
        try room(of: 3, seed: 4) { world, nodes in
            let (ana, ben) = (nodes[0], nodes[1])
            let number = Int(ana.machine.number)
            func told(_ kind: (RoomEvent) -> Bool, _ send: (Int) -> Void) -> Int {
                world.run(for: .seconds(20))
                let before = ana.events.count(where: kind)
                for count in 0..<1_000 {
                    send(count)
                    if count % 20 == 19 { world.run(for: .milliseconds(100)) }
                }
                return ana.events.count(where: kind) - before
            }
            // Sixty at once, and ten for each of five seconds.
            let bound = 60...115
            let muted = told({ if case .muted = $0 { true } else { false } }) {
                ben.machine.send(.muted($0 % 2 == 0), to: number, now: world.now)
            }
            #expect(bound.contains(muted), "\(muted)")
            let recording = told({ if case .recording = $0 { true } else { false } }) {
                ben.machine.send(.recording($0 % 2 == 0), to: number, now: world.now)
            }
            #expect(bound.contains(recording), "\(recording)")
            let renamed = told({ if case .renamed = $0 { true } else { false } }) {
                ben.machine.send(.name(Array("b\($0)".utf8)), to: number, now: world.now)
            }
            #expect(bound.contains(renamed), "\(renamed)")
            let same = told({ if case .muted = $0 { true } else { false } }) { _ in
                ben.machine.send(.muted(true), to: number, now: world.now)
            }
            #expect(same <= 1, "what is as it was is no news")
            let summary = ana.machine.roster.summary(of: ana.machine.room)
            let other = RosterSummary(
                term: summary.term, version: summary.version, host: summary.host,
                digest: Digest())
            let disputed = told({ $0 == .warning(.rosterDisputed(member: ben.machine.number)) }) {
                _ in ben.machine.send(.knows(other), to: number, now: world.now)
            }
            #expect(bound.contains(disputed), "\(disputed)")
            #expect(ana.end == nil)
        }
    }
}
