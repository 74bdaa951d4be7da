import Testing
import VCTestKit

@testable import VCCore
@testable import VCSignaling

/// Rooms that are found by a phrase.
@Suite struct TuneTests {
    let arena: SecretArena

    init() throws {
        arena = try #require(SecretArena(slotCount: 32_768))
    }

    private func world(_ seed: UInt64, _ link: VirtualNetwork.Link = PairTests.good) -> World {
        World(seed: seed, link: link, arena: arena)
    }

    @Test("three with one phrase end in one room, in whatever order and however close they come")
    func oneRoom() {
        for seed in seeds(300, reduced: 8) {
            var random = SplitMix64(seed: seed)
            // Every fourth time all are first at once, on a bad network.
            let link = seed % 4 == 0 ? PairTests.bad : PairTests.good
            var world = world(seed, link)
            var nodes: [Node] = []
            for number in 1...3 {
                nodes.append(world.addTuner(name: "m\(number)"))
                let gap = seed % 2 == 0 ? 0 : Int(random.next(below: 2_500))
                world.run(for: .milliseconds(gap))
            }
            let all = nodes
            let isDone = world.run(for: .seconds(120)) { all.areOneRoom }
            #expect(isDone, "seed \(seed): \(all.map(\.standing))")
            world.run(for: .seconds(5))
            #expect(all.areOneRoom, "seed \(seed): \(all.map(\.standing))")
        }
    }

    @Test("two that start at the same moment meet within three seconds")
    func race() {
        for seed in seeds(100, reduced: 4) {
            var world = world(seed)
            let nodes = [world.addTuner(name: "m1"), world.addTuner(name: "m2")]
            let start = world.now
            let haveMet = world.run(for: .seconds(5)) { nodes.areOneRoom }
            #expect(haveMet && world.now < start + .seconds(3), "seed \(seed)")
            // The one that moved gave its lease back.
            world.run(for: .seconds(2))
            #expect(world.leases.count == 1)
        }
    }

    @Test("they hear each other, and chat")
    func call() {
        var world = world(1)
        let nodes = (1...3).map { world.addTuner(name: "m\($0)") }
        world.run(for: .seconds(60)) { nodes.areOneRoom }
        world.run(for: .seconds(2))
        for node in nodes { node.isTalking = true }
        _ = nodes[2].machine.sendChat(DisplayText(message: "found you"), now: world.now)
        world.run(for: .seconds(2))
        for node in nodes {
            for other in nodes where other !== node {
                let number = other.machine.memberNumber ?? 0
                #expect((node.tallies[number]?.received ?? 0) >= 150)
            }
        }
        #expect(nodes[0].chats == ["found you"] && nodes[1].chats == ["found you"])
    }

    @Test("two phrases in one bucket never meet, and nobody is told of the other's tries")
    func strangers() {
        for seed in seeds(50, reduced: 2) {
            var random = SplitMix64(seed: seed)
            var world = world(seed)
            var rooms: [[Node]] = [[], []]
            for number in 0..<6 {
                let phrase = number % 2
                rooms[phrase].append(world.addTuner(name: "m\(number)", phrase: UInt64(phrase)))
                world.run(for: .milliseconds(Int(random.next(below: 1_500))))
            }
            let both = rooms
            let haveMet = world.run(for: .seconds(200)) { both.allSatisfy { $0.areOneRoom } }
            #expect(haveMet, "seed \(seed): \(both.map { $0.map(\.standing) })")
            world.run(for: .seconds(200))
            #expect(both.allSatisfy { $0.areOneRoom })
            #expect(both[0][0].machine.room != both[1][0].machine.room)
            #expect(world.leases.count == 2)
            for node in rooms.joined() {
                #expect(!node.events.contains { if case .guess = $0 { true } else { false } })
                #expect(node.end == nil)
            }
        }
    }

    @Test("a bucket full of strangers gets eight guesses at a start, and no more")
    func fakes() {
        var world = world(3)
        var strangers: [Node] = []
        for number in 0..<20 {
            // Not all at once: each claims a lease of its own, and looks at the others in vain.
            strangers.append(world.addTuner(name: "s\(number)", phrase: 100 + UInt64(number)))
            world.run(for: .milliseconds(100))
        }
        world.run(for: .seconds(700))
        let all = strangers
        #expect(all.allSatisfy { $0.machine.isHost && $0.machine.peers.count == 0 })
        let tuner = world.addTuner(name: "new")
        let start = world.now
        world.isRecording = true
        world.run(for: .seconds(60)) { tuner.events.contains(.waiting) }
        #expect(world.proofs(of: tuner) == 8)
        #expect(world.now >= start + .seconds(7) && world.now < start + .seconds(10))
        // Later looks try those that were not tried, and each of them once.
        world.run(for: .seconds(300))
        #expect(world.proofs(of: tuner) == 20)
        #expect(tuner.machine.isHost && tuner.machine.peers.count == 0)
    }

    @Test("a host with members that finds an older room of its phrase takes them along")
    func moving() {
        for seed in seeds(50, reduced: 2) {
            var world = world(seed, seed % 2 == 0 ? PairTests.good : PairTests.bad)
            let old = world.addTuner(name: "old")
            world.run(for: .seconds(20)) { old.events.contains(.waiting) }
            // Silent for long enough that nobody is told of it, and not so long that it loses its
            // lease.
            world.network.setUp(false, old.host)
            world.run(for: .seconds(9))
            let first = world.addTuner(name: "first")
            world.run(for: .seconds(10)) { first.events.contains(.waiting) }
            let others = [world.addTuner(name: "a"), world.addTuner(name: "b")]
            world.run(for: .seconds(6)) { ([first] + others).areOneRoom }
            world.network.setUp(true, old.host)
            let all = [old, first] + others
            let isDone = world.run(for: .seconds(200)) { all.areOneRoom }
            #expect(isDone, "seed \(seed): \(all.map(\.standing))")
            #expect(all.allSatisfy { $0.end == nil })
            world.run(for: .seconds(3))
            #expect(world.leases.count == 1)
        }
    }

    @Test("the older room wins, whichever of the two is larger")
    func smallerLease() {
        var world = world(5)
        let old = world.addTuner(name: "old")
        world.run(for: .seconds(20)) { old.events.contains(.waiting) }
        world.network.setUp(false, old.host)
        world.run(for: .seconds(9))
        let others = [world.addTuner(name: "a"), world.addTuner(name: "b")]
        world.run(for: .seconds(6)) { others.areOneRoom }
        let lease = old.machine.tuneLease
        world.network.setUp(true, old.host)
        world.run(for: .seconds(100)) { ([old] + others).areOneRoom }
        #expect(([old] + others).areOneRoom)
        #expect(old.machine.isHost && old.machine.tuneLease == lease)
    }

    @Test("when the host goes or dies, the others are found by the phrase again")
    func hostGoes() {
        for (seed, dies) in [(1, false), (2, true), (3, false), (4, true)] {
            var world = world(UInt64(seed))
            let nodes = (1...4).map { world.addTuner(name: "m\($0)") }
            world.run(for: .seconds(100)) { nodes.areOneRoom }
            let host = nodes.first { $0.machine.isHost }
            let rest = nodes.filter { $0 !== host }
            guard let host else {
                Issue.record("no host")
                continue
            }
            if dies {
                world.network.setUp(false, host.host)
            } else {
                host.machine.leave(now: world.now)
            }
            let isDone = world.run(for: .seconds(200)) { rest.areOneRoom }
            #expect(isDone, "\(rest.map(\.standing))")
            #expect(rest.allSatisfy { $0.end == nil })
        }
    }

    @Test("a server that starts anew finds the room where it was")
    func restart() {
        var world = world(6)
        let nodes = [world.addTuner(name: "a"), world.addTuner(name: "b")]
        world.run(for: .seconds(20)) { nodes.areOneRoom }
        world.startSignalAnew()
        world.run(for: .seconds(10))
        #expect(nodes.areOneRoom)
        let third = world.addTuner(name: "c")
        world.run(for: .seconds(20)) { (nodes + [third]).areOneRoom }
        #expect((nodes + [third]).areOneRoom)
    }

    @Test("without a server a start ends with that sentence")
    func noServer() {
        var world = world(7)
        world.serverIsUp = false
        let node = world.addTuner(name: "a")
        world.run(for: .seconds(20))
        #expect(node.end == .signalUnreachable)
    }

    @Test("one phrase, seventeen people: one is left over, nobody is thrown out")
    func full() {
        var world = world(8)
        var nodes: [Node] = []
        for number in 1...16 {
            nodes.append(world.addTuner(name: "m\(number)"))
            world.run(for: .milliseconds(1_200))
        }
        let all = nodes
        let isFull = world.run(for: .seconds(200)) { all.areOneRoom }
        #expect(isFull, "\(all.map(\.standing))")
        let last = world.addTuner(name: "late")
        world.run(for: .seconds(100))
        #expect(all.areOneRoom)
        #expect(last.machine.isHost && last.end == nil)
    }

    @Test("nothing of a phrase stays behind in secret memory")
    func memory() {
        do {
            var world = world(9)
            let nodes = (1...3).map { world.addTuner(name: "m\($0)") }
            world.run(for: .seconds(60)) { nodes.areOneRoom }
            for node in nodes { node.machine.leave(now: world.now) }
            world.run(for: .seconds(5))
            #expect(nodes.allSatisfy { $0.end == .left })
        }
        #expect(arena.slotsInUse == 0)
    }

    @Test("the same seed gives the same room")
    func deterministic() {
        func trace() -> [String] {
            var world = world(10, PairTests.bad)
            let nodes = (1...4).map { world.addTuner(name: "m\($0)") }
            world.run(for: .seconds(40))
            return nodes.flatMap { node in
                zip(node.events, node.eventTimes).map { "\($0.1) \($0.0)" }
            }
        }
        #expect(trace() == trace())
    }
}

extension World {
    /// What vc-signal holds.
    fileprivate var leases: Range<Int> {
        guard let process = signal.process as? SignalProcess else { return 0..<0 }
        return 0..<process.service.leaseCount
    }
}

extension World {
    /// How many different J2 a node has sent while it was recorded: each is a guess for whoever got
    /// it.
    fileprivate func proofs(of node: Node) -> Int {
        // The body of a POST: 03, then the session.
        let start = 71
        return Set(
            recorded.compactMap { datagram -> [UInt8]? in
                guard datagram.source == node.endpoint, datagram.bytes.count > start + 17,
                    datagram.bytes[0] == PacketType.signal, datagram.bytes[1] == 0x05,
                    datagram.bytes[start] == JoinMessage.second
                else { return nil }
                return Array(datagram.bytes[start + 1..<start + 17])
            }
        ).count
    }
}

extension Node {
    /// For messages.
    fileprivate var standing: String {
        "\(machine.phase) host \(machine.isHost) lease \(machine.tuneLease ?? 0) "
            + "members \(machine.roster.entries.count) peers \(machine.peers.count) "
            + "end \(end.map { "\($0)" } ?? "-")"
    }
}

extension [Node] {
    /// Whether all are in one room of nobody else, one of them its host, and have met.
    fileprivate var areOneRoom: Bool {
        allSatisfy {
            $0.machine.phase == .inRoom && $0.machine.room == self[0].machine.room
                && $0.machine.roster.entries.count == count && $0.isWithAll(count)
        } && count { $0.machine.isHost } == 1
    }
}
