import Testing
import VCSignaling
import VCTestKit

@testable import VCCore

/// The host goes, the room stays; and rooms that were apart become one again.
@Suite struct SuccessionTests {
    let arena: SecretArena

    init() throws {
        arena = try #require(SecretArena(slotCount: 32_768))
    }

    /// A room whose members have all met, the host first; numbers are those of joining.
    func room(
        of count: Int, seed: UInt64, link: VirtualNetwork.Link = PairTests.good,
        rungs: RungPolicy = RungPolicy(), body: (inout World, [Node]) throws -> Void
    ) throws {
        var world = World(seed: seed, link: link, arena: arena)
        var nodes = [world.addHost(name: "m1", capacity: Limits.members, rungs: rungs)]
        try #require(world.run(for: .seconds(30)) { !nodes[0].code.isEmpty })
        for number in 2...count {
            let joiner = try world.addJoiner(name: "m\(number)", code: nodes[0].code)
            nodes.append(joiner)
            // One after the other, so that the numbers are those of joining.
            try #require(world.run(for: .seconds(20)) { joiner.company != nil })
        }
        let all = nodes
        let haveMet = world.run(for: .seconds(30)) { all.allSatisfy { $0.isWithAll(count) } }
        try #require(haveMet, "seed \(seed): \(all.map(\.missing))")
        // Where a fifth is lost, two that met a moment ago may know no way but the host's.
        if link.loss > 0 {
            world.run(for: .seconds(60)) {
                all.allSatisfy { node in
                    node.machine.peers.numbers.allSatisfy {
                        node.machine.peers[$0].path.selected?.rung == .direct
                    }
                }
            }
        }
        // The successor has what it needs.
        try #require(world.run(for: .seconds(5)) { all[0].machine.succession.isSupplied })
        try body(&world, nodes)
    }

    func expectOne(
        _ world: inout World, _ nodes: [Node], host: Node? = nil, _ label: Comment,
        at location: SourceLocation = #_sourceLocation
    ) {
        // The host may just have named another successor.
        world.run(for: .seconds(5)) {
            nodes.allSatisfy { $0.machine.roster == nodes[0].machine.roster }
        }
        let roster = nodes[0].machine.roster
        for node in nodes {
            #expect(node.end == nil, label, sourceLocation: location)
            #expect(node.machine.roster == roster, label, sourceLocation: location)
            let isWithAll = node.isWithAll(roster.entries.count)
            #expect(isWithAll, "\(label): \(node.missing)", sourceLocation: location)
        }
        #expect(roster.entries.count == nodes.count, label, sourceLocation: location)
        #expect(nodes.count { $0.isHost } == 1, label, sourceLocation: location)
        if let host { #expect(host.isHost, label, sourceLocation: location) }
    }

    private func expectNewcomer(
        _ world: inout World, code: [UInt8], among nodes: [Node], _ label: Comment
    ) throws {
        let newcomer = try world.addJoiner(name: "new", code: code)
        world.run(for: .seconds(10)) {
            newcomer.isWithAll(nodes.count + 1)
                && nodes.allSatisfy { $0.isWithAll(nodes.count + 1) }
        }
        world.run(for: .seconds(1))
        expectOne(&world, nodes + [newcomer], label)
    }

    @Test("a host that leaves hands over: at once another is host, and the code goes on")
    func handOver() throws {
        for seed in seeds(100, reduced: 5) {
            let link = seed % 2 == 0 ? PairTests.good : PairTests.bad
            try room(of: 5, seed: seed, link: link) { world, nodes in
                let code = nodes[0].code
                let rest = Array(nodes[1...])
                nodes[0].machine.leave(now: world.now)
                let isDone = world.run(for: .seconds(link.loss > 0 ? 8 : 1)) {
                    rest.allSatisfy { $0.machine.roster.host == 2 && $0.machine.roster.term == 2 }
                }
                #expect(isDone, "seed \(seed)")
                world.run(for: .seconds(5))
                expectOne(&world, rest, host: nodes[1], "seed \(seed)")
                #expect(nodes[0].end == .left)
                #expect(nodes[1].code == code, "seed \(seed)")
                for node in rest { #expect(node.states(of: "m1") == [.left], "seed \(seed)") }
                try expectNewcomer(&world, code: code, among: rest, "seed \(seed)")
            }
        }
    }

    @Test("who takes over after a silence starts with half of the guesses that are left")
    func guesses() throws {
        for isHandedOver in [true, false] {
            try room(of: 3, seed: 2) { world, nodes in
                if isHandedOver {
                    nodes[0].machine.leave(now: world.now)
                } else {
                    world.network.setUp(false, nodes[0].host)
                }
                world.run(for: .seconds(9))
                let failures = nodes[1].machine.door?.failures
                #expect(failures == (isHandedOver ? 0 : GuessBudget.perCode / 2))
            }
        }
    }

    @Test("a removed successor has neither the token nor the words that hold after it")
    func removedSuccessor() throws {
        try room(of: 4, seed: 6) { world, nodes in
            let (oldCode, oldToken) = (nodes[0].code, nodes[1].suppliedToken)
            #expect(!oldToken.isEmpty && oldToken == nodes[0].claimToken)
            nodes[0].machine.kick(2, now: world.now)
            world.run(for: .seconds(3))
            #expect(nodes[0].claimToken != oldToken && nodes[0].code != oldCode)
            #expect(nodes[2].suppliedToken == nodes[0].claimToken)
            // The next host goes on with what holds now.
            let code = nodes[0].code
            world.network.setUp(false, nodes[0].host)
            world.run(for: .seconds(9))
            #expect(nodes[2].isHost && nodes[2].code == code)
        }
    }

    @Test("a one-time code goes on at the next host, once")
    func invite() throws {
        try room(of: 3, seed: 7) { world, nodes in
            nodes[0].machine.inviteOnce(now: world.now)
            world.run(for: .seconds(2))
            let code = nodes[0].liveInvite
            try #require(!code.isEmpty)
            nodes[0].machine.leave(now: world.now)
            world.run(for: .seconds(3))
            #expect(nodes[1].liveInvite == code)
            let guest = try world.addJoiner(name: "guest", code: code)
            world.run(for: .seconds(5)) { guest.isWithAll(3) }
            #expect(guest.machine.roster.entries.count == 3)
            let second = try world.addJoiner(name: "second", code: code)
            world.run(for: .seconds(5)) { second.end != nil }
            #expect(second.end == .refused(.refused))
        }
    }

    @Test("who said goodbye while the host was silent is not in the room of the next host")
    func departed() throws {
        try room(of: 5, seed: 2) { world, nodes in
            let leaver = nodes[4]
            world.network.setUp(false, nodes[0].host)
            leaver.machine.leave(now: world.now)
            world.run(for: .seconds(12)) { nodes[1].isHost }
            world.run(for: .seconds(2))
            #expect(nodes[1].isHost)
            for node in nodes[1...3] {
                #expect(node.machine.roster.number(of: leaver.key) == nil)
                #expect(node.machine.roster.entries.count == 4)
            }
        }
    }

    @Test("a host that closes the room ends it for all")
    func close() throws {
        try room(of: 3, seed: 1) { world, nodes in
            nodes[0].machine.endRoom(now: world.now)
            world.run(for: .seconds(1))
            #expect(nodes[0].end == .left)
            #expect(nodes[1].end == .hostLeft && nodes[2].end == .hostLeft)
        }
        #expect(arena.slotsInUse == 0)
    }

    @Test("a host that dies is succeeded within 8 s, and the same code lets newcomers in")
    func death() throws {
        for seed in seeds(100, reduced: 5) {
            let link = seed % 2 == 0 ? PairTests.good : PairTests.bad
            try room(of: 4, seed: seed, link: link) { world, nodes in
                let code = nodes[0].code
                let rest = Array(nodes[1...])
                world.network.setUp(false, nodes[0].host)
                let isDone = world.run(for: .seconds(link.loss > 0 ? 15 : 8)) {
                    nodes[1].isHost && !nodes[1].code.isEmpty
                        && rest.allSatisfy { $0.machine.roster.host == 2 }
                }
                #expect(isDone, "seed \(seed)")
                #expect(nodes[1].code == code, "seed \(seed)")
                #expect(
                    rest.dropFirst().allSatisfy { node in
                        node.events.contains {
                            if case .hostChanged(let host, isUs: false) = $0 {
                                host.number == 2
                            } else {
                                false
                            }
                        }
                    })
                // The dead one is still looked for; a minute after its end it is out.
                world.run(for: .seconds(58))
                expectOne(&world, rest, host: nodes[1], "seed \(seed)")
                try expectNewcomer(&world, code: code, among: rest, "seed \(seed)")
            }
        }
    }

    @Test("one host after the other goes, and the last one still has the code")
    func oneAfterTheOther() throws {
        try room(of: 5, seed: 9) { world, nodes in
            let code = nodes[0].code
            for index in 0..<4 {
                if index % 2 == 0 {
                    world.network.setUp(false, nodes[index].host)
                } else {
                    nodes[index].machine.leave(now: world.now)
                }
                world.run(for: .seconds(9))
                #expect(nodes[index + 1].isHost, "\(index)")
                #expect(nodes[index + 1].code == code, "\(index)")
            }
            world.run(for: .seconds(60))
            try expectNewcomer(&world, code: code, among: [nodes[4]], "alone")
        }
    }

    /// Cuts or joins two groups, and one of them from vc-signal.
    func cut(
        _ world: inout World, _ isCut: Bool, _ one: [Node], _ other: [Node], server: Bool
    ) {
        for first in one {
            for second in other {
                world.network.setPartitioned(isCut, first.endpoint, second.endpoint)
            }
        }
        guard server else { return }
        for node in other {
            world.network.setPartitioned(isCut, node.endpoint, World.server)
            world.network.setPartitioned(
                isCut, node.endpoint, World.server.with(port: SignalProcess.secondPort))
        }
    }

    @Test("a network that splits and heals loses no member, whoever was host on each side")
    func partition() throws {
        for seed in seeds(200, reduced: 12) {
            var random = SplitMix64(seed: seed)
            let serverIsCut = seed % 3 == 0
            try room(of: 6, seed: seed) { world, nodes in
                let label: Comment = "seed \(seed)"
                var (one, other) = ([nodes[0]], [nodes[1]])
                for node in nodes[2...] {
                    if random.next(below: 2) == 0 { one.append(node) } else { other.append(node) }
                }
                cut(&world, true, one, other, server: serverIsCut)
                for node in nodes {
                    _ = node.machine.sendChat(
                        DisplayText(message: "from \(node.machine.number)"), now: world.now)
                }
                world.run(for: .seconds(Int64(8 + random.next(below: 32))))
                cut(&world, false, one, other, server: serverIsCut)
                world.run(for: .seconds(40)) {
                    nodes.allSatisfy { $0.machine.roster == nodes[0].machine.roster }
                        && nodes.allSatisfy { $0.isWithAll(6) }
                        && nodes.count { $0.isHost } == 1
                }
                world.run(for: .seconds(15))
                expectOne(&world, nodes, label)
                for node in nodes {
                    #expect(node.chats.count == 5 && Set(node.chats).count == 5, label)
                    #expect(node.deliveries == 5, label)
                }
                let host = nodes.first { $0.isHost }
                try expectNewcomer(&world, code: host?.code ?? [], among: nodes, label)
            }
        }
    }

    @Test("who was removed in one half of a split room stays out when it is whole again")
    func tombstones() throws {
        for seed in seeds(20, reduced: 8) {
            try room(of: 6, seed: seed) { world, nodes in
                let (one, other) = (
                    [nodes[0], nodes[2], nodes[4]], [nodes[1], nodes[3], nodes[5]]
                )
                cut(&world, true, one, other, server: true)
                world.run(for: .seconds(15))
                #expect(nodes[1].isHost, "seed \(seed)")
                let removed = nodes[seed % 2 == 0 ? 4 : 5]
                let host = seed % 2 == 0 ? nodes[0] : nodes[1]
                host.machine.removePeer(
                    Int(removed.machine.number), .kicked, now: world.now)
                world.run(for: .seconds(1))
                // A removed one has nothing more to say.
                world.network.setUp(false, removed.host)
                cut(&world, false, one, other, server: true)
                world.run(for: .seconds(30))
                let rest = nodes.filter { $0 !== removed }
                expectOne(&world, rest, "seed \(seed)")
                for node in rest {
                    let isKnown = node.machine.tombstones.contains(removed.machine.keys.publicKey)
                    #expect(isKnown, "seed \(seed): \(node.label)")
                }
            }
        }
    }

    @Test("a member cannot depose a host that is heard, whatever it says")
    func malice() throws {
        try room(of: 4, seed: 3) { world, nodes in
            let roster = nodes[0].machine.roster
            for liar in nodes[1...] {
                let number = liar.machine.number
                for step in [1, 2, 7] as [UInt32] {
                    let claim = roster.succeeded(by: number, without: nil, step: step)
                    let everybody = roster.entries.map(\.key).filter {
                        $0 != liar.machine.keys.publicKey
                    }
                    let statement = HostMeeting.Statement(
                        roster: claim, followers: everybody, tombstones: [], isLocked: false)
                    for victim in liar.machine.peers.numbers {
                        for message in [
                            SuccessionMessage.claim(claim, []), .hosting(statement),
                            .surrender(statement), .handOver(claim, []),
                        ] {
                            liar.machine.send(.succession(message), to: victim, now: world.now)
                        }
                    }
                    world.run(for: .seconds(2))
                }
            }
            world.run(for: .seconds(20))
            for node in nodes {
                #expect(node.machine.roster.host == 1 && node.machine.roster.term == 1)
                #expect(node.end == nil)
            }
            #expect(nodes[0].isHost)
        }
    }

    @Test("who hears nobody never claims, and leaves after a minute; the others go on")
    func alone() throws {
        for index in [1, 2] {
            try room(of: 3, seed: 4) { world, nodes in
                let lonely = nodes[index]
                world.network.setUp(false, lonely.host)
                for _ in 0..<59 {
                    world.run(for: .seconds(1))
                    #expect(!lonely.isHost && lonely.machine.roster.term == 1)
                }
                world.run(for: .seconds(8))
                #expect(lonely.end == .hostLost)
                expectOne(&world, nodes.filter { $0 !== lonely }, host: nodes[0], "\(index)")
            }
        }
    }

    @Test("a successor that only loses its way to the host claims nothing that vc-signal refuses")
    func hostIsThere() throws {
        try room(of: 3, seed: 5) { world, nodes in
            // Between host and successor nothing passes but the mailbox.
            cut(&world, true, [nodes[0]], [nodes[1]], server: false)
            world.run(for: .seconds(50))
            for node in nodes {
                #expect(node.machine.roster.host == 1 && node.end == nil)
                #expect(node.machine.roster.entries.count == 3)
            }
        }
    }

    @Test("without host and successor those who hear each other go on, with a new code")
    func gather() throws {
        for seed in seeds(20, reduced: 2) {
            try room(of: 5, seed: seed) { world, nodes in
                world.network.setUp(false, nodes[0].host)
                world.network.setUp(false, nodes[1].host)
                let rest = Array(nodes[2...])
                world.run(for: .seconds(18)) {
                    nodes[2].isHost && !nodes[2].code.isEmpty
                        && rest.allSatisfy { $0.machine.roster.host == 3 }
                }
                world.run(for: .seconds(60))
                expectOne(&world, rest, host: nodes[2], "seed \(seed)")
                try expectNewcomer(
                    &world, code: nodes[2].code, among: rest, "seed \(seed)")
            }
        }
    }

    @Test("an old host that comes back within a minute is a member, with what was said meanwhile")
    func oldHost() throws {
        for seed in seeds(20, reduced: 3) {
            try room(of: 4, seed: seed) { world, nodes in
                world.network.setUp(false, nodes[0].host)
                world.run(for: .seconds(Int64(10 + seed % 40)))
                #expect(nodes[1].isHost, "seed \(seed)")
                _ = nodes[2].machine.sendChat(DisplayText(message: "where?"), now: world.now)
                _ = nodes[0].machine.sendChat(DisplayText(message: "here"), now: world.now)
                world.network.setUp(true, nodes[0].host)
                world.run(for: .seconds(30))
                expectOne(&world, nodes, host: nodes[1], "seed \(seed)")
                #expect(nodes[0].chats == ["where?"], "seed \(seed)")
                #expect(nodes[3].chats.sorted() == ["here", "where?"], "seed \(seed)")
            }
        }
    }

    @Test("two who both change their network find each other through the mailbox, without the code")
    func resume() throws {
        for seed in seeds(20, reduced: 3) {
            try room(of: 2, seed: seed) { world, nodes in
                let (one, other) = (
                    world.addSite(NATKind.portRestricted.behaviour),
                    world.addSite(NATKind.portRestricted.behaviour)
                )
                let guesses = world.serverRuns
                _ = nodes[0].machine.sendChat(DisplayText(message: "again"), now: world.now)
                world.move(nodes[0], to: one)
                world.move(nodes[1], to: other)
                world.run(for: .seconds(30))
                expectOne(&world, nodes, host: nodes[0], "seed \(seed)")
                #expect(nodes[1].chats == ["again"] && nodes[1].states(of: "m1").last != .lost)
                #expect(world.serverRuns > guesses)
                #expect(
                    !nodes[0].events.contains {
                        if case .guess = $0 { true } else { false }
                    })
            }
        }
    }
}

extension World {
    /// Runs that vc-signal has opened.
    var serverRuns: UInt64 {
        (signal.process as? SignalProcess)?.service.counters.runs ?? 0
    }
}

extension Node {
    /// Whether it believes to be host.
    var isHost: Bool { machine.isHost }

    /// What the lease is held with.
    var claimToken: [UInt8] {
        switch machine.signal.copyClaimToken() {
        case .some(let token): token.span.withUnsafeBytes { Array($0) }
        case .none: []
        }
    }

    /// The token that it was given as the successor.
    var suppliedToken: [UInt8] {
        switch machine.succession.supply {
        case .some(let supply):
            guard let code = supply.mainCode else { return [] }
            let token = code.claimToken.duplicate()
            return token.span.withUnsafeBytes { Array($0) }
        case .none: return []
        }
    }

    /// The first one-time code that it has.
    var liveInvite: [UInt8] {
        for invite in machine.invites {
            guard let nameplate = invite.nameplate,
                let code = machine.copyInvite(nameplate)
            else { continue }
            return [UInt8](capacity: RoomCode.longestText) { code.write(into: &$0) }
        }
        return []
    }
}
