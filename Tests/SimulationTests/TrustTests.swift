import Testing
import VCTestKit

@testable import VCCore

/// Who may be in a room, and whether they are who they seem to be.
@Suite struct TrustTests {
    let arena: SecretArena

    init() throws {
        arena = try #require(SecretArena(slotCount: 32_768))
    }

    /// A room whose members have all met: the host m1, and others.
    func room(
        of count: Int, seed: UInt64, link: VirtualNetwork.Link = PairTests.good, relays: Int = 0,
        body: (inout World, [Node]) throws -> Void
    ) throws {
        var world = World(seed: seed, link: link, arena: arena, relays: relays)
        var nodes = [world.addHost(name: "m1", capacity: Limits.members)]
        try #require(world.run(for: .seconds(30)) { !nodes[0].code.isEmpty })
        for number in 2...count {
            nodes.append(try world.addJoiner(name: "m\(number)", code: nodes[0].code))
        }
        let all = nodes
        try #require(world.run(for: .seconds(30)) { all.allSatisfy { $0.isWithAll(count) } })
        world.run(for: .seconds(1))
        try body(&world, nodes)
    }

    func number(_ node: Node) -> UInt8 { node.machine.memberNumber ?? 0 }

    // MARK: Removing

    @Test("who is removed is told so and is out for all at once; the others go on")
    func kick() throws {
        try room(of: 4, seed: 1) { world, nodes in
            for node in nodes { node.isTalking = true }
            world.run(for: .seconds(1))
            nodes[0].machine.kick(number(nodes[2]), now: world.now)
            world.run(for: .milliseconds(200))
            #expect(nodes[2].end == .removed)
            for node in [nodes[0], nodes[1], nodes[3]] {
                #expect(node.states(of: "m3") == [.removed])
                #expect(node.machine.peers.count == 2)
                #expect(node.machine.roster == nodes[0].machine.roster)
            }
            let before = nodes[1].tallies[number(nodes[3])]?.received ?? 0
            world.run(for: .seconds(2))
            #expect((nodes[1].tallies[number(nodes[3])]?.received ?? 0) >= before + 198)
            #expect(nodes[1].end == nil && nodes[3].end == nil)
        }
    }

    @Test("a removed member's saved keys open nothing that is sent after the removal is applied")
    func savedKeys() throws {
        try room(of: 4, seed: 2) { world, nodes in
            for node in nodes { node.isTalking = true }
            world.run(for: .seconds(1))
            // The removed member hears everything and tells nobody that it is to go.
            let removed = nodes[2]
            world.network.setUp(false, removed.host)
            nodes[0].machine.kick(number(removed), now: world.now)
            world.run(for: .milliseconds(700))
            for node in nodes { node.sealed.removeAll() }
            world.run(for: .seconds(2))
            var tried = 0
            for node in [nodes[0], nodes[1], nodes[3]] {
                for datagram in node.sealed {
                    tried += 1
                    let opened = removed.machine.counters.opened
                    world.receive(datagram, from: node.endpoint, at: removed)
                    #expect(removed.machine.counters.opened == opened)
                }
            }
            #expect(tried > 1_000)
            // The control: what was sealed for the others opens there.
            let opened = nodes[1].machine.counters.opened
            world.run(for: .seconds(1))
            #expect(nodes[1].machine.counters.opened > opened)
        }
    }

    @Test("what a removed member sends opens nowhere, and brings it back nowhere")
    func removedSpeaks() throws {
        try room(of: 3, seed: 3) { world, nodes in
            let removed = nodes[2]
            removed.isTalking = true
            world.run(for: .seconds(1))
            world.network.setUp(false, removed.host)
            nodes[0].machine.kick(number(removed), now: world.now)
            world.run(for: .seconds(1))
            removed.sealed.removeAll()
            world.run(for: .seconds(1))
            #expect(removed.sealed.count > 100)
            for node in nodes[..<2] {
                let opened = node.machine.counters.opened
                for datagram in removed.sealed {
                    world.receive(datagram, from: removed.endpoint, at: node)
                }
                #expect(node.machine.counters.opened == opened)
                #expect(node.machine.peers.count == 1)
            }
        }
    }

    @Test("a removed key cannot come back: not by the mailbox, and not as a handshake")
    func tombstone() throws {
        try room(of: 3, seed: 4) { world, nodes in
            let removed = nodes[2]
            let key = removed.machine.keys.publicKey
            nodes[0].machine.kick(number(removed), now: world.now)
            world.run(for: .seconds(1))
            #expect(nodes[0].machine.vacancy(key) == .taken)
            for node in nodes[..<2] {
                #expect(node.machine.tombstones.contains(key))
                #expect(node.machine.peers.number(of: key) == nil)
                let stray = node.machine.counters.strayHandshakes
                let knock: [UInt8] = [PacketType.handshake, 1, 3, number(node)]
                world.receive(
                    knock + [UInt8](repeating: 7, count: 120), from: removed.endpoint, at: node)
                #expect(node.machine.counters.strayHandshakes == stray + 1)
            }
        }
    }

    @Test("after a removal the old code is refused, and the new one lets in")
    func newCode() throws {
        try room(of: 3, seed: 5) { world, nodes in
            let old = nodes[0].code
            nodes[0].machine.kick(number(nodes[2]), now: world.now)
            world.run(for: .milliseconds(100))
            let new = nodes[0].code
            #expect(new != old)
            let late = try world.addJoiner(name: "late", code: old)
            world.run(for: .seconds(5)) { late.end != nil }
            #expect(late.end == .refused(.refused))
            let guest = try world.addJoiner(name: "guest", code: new)
            #expect(world.run(for: .seconds(5)) { guest.company != nil })
        }
    }

    @Test("only the host removes, locks, invites and closes; and it cannot be removed")
    func hostOnly() throws {
        try room(of: 3, seed: 6) { world, nodes in
            let member = nodes[1]
            member.machine.kick(number(nodes[2]), now: world.now)
            member.machine.kick(number(nodes[0]), now: world.now)
            member.machine.setLocked(true, now: world.now)
            member.machine.inviteOnce(now: world.now)
            member.machine.endRoom(now: world.now)
            nodes[0].machine.kick(number(nodes[0]), now: world.now)
            world.run(for: .seconds(2))
            let actions: [HostAction] = [.kick, .kick, .lock, .invite, .end]
            #expect(member.warnings == actions.map { .hostOnly($0) })
            #expect(nodes[0].warnings == [.hostStays])
            #expect(nodes.allSatisfy { $0.end == nil && $0.machine.peers.count == 2 })
        }
    }

    @Test("a member that says what only the host may say removes nobody and ends nothing")
    func forgedRemoval() throws {
        try room(of: 3, seed: 7) { world, nodes in
            let (liar, victim) = (nodes[1], nodes[2])
            let roster = liar.machine.roster.removing(nodes[0].machine.keys.publicKey)
            liar.machine.seal(to: Int(number(victim)), now: world.now) { writer in
                writer.write(SealedKind.removal.rawValue)
                roster.encode(into: &writer)
                Departure.encode([], into: &writer)
            }
            liar.machine.seal(to: Int(number(victim)), now: world.now) { writer in
                writer.write(SealedKind.leave.rawValue)
                writer.write(LeaveReason.removes.rawValue)
            }
            world.run(for: .seconds(1))
            #expect(victim.end == nil && victim.machine.peers.count == 2)
        }
    }

    @Test("a removal takes every way at once: the direct one may just have died")
    func removalOnAllWays() throws {
        try room(of: 3, seed: 8, relays: 1) { world, nodes in
            world.run(for: .seconds(5))
            let (host, member) = (nodes[0], nodes[1])
            #expect(host.machine.peers[Int(number(member))].path.validRoutes.count > 1)
            world.network.setPartitioned(true, host.endpoint, member.endpoint)
            host.machine.kick(number(nodes[2]), now: world.now)
            world.run(for: .milliseconds(100))
            #expect(member.states(of: "m3") == [.removed])
        }
    }

    @Test("who misses a removal hears of it from the others, and gives the removed one no voice")
    func missedRemoval() throws {
        try room(of: 4, seed: 19) { world, nodes in
            let (host, cut, other, removed) = (nodes[0], nodes[1], nodes[2], nodes[3])
            cut.isTalking = true
            world.run(for: .seconds(1))
            world.network.setPartitioned(true, host.endpoint, cut.endpoint)
            world.network.setPartitioned(true, host.endpoint, removed.endpoint)
            host.machine.kick(number(removed), now: world.now)
            world.run(for: .milliseconds(500))
            #expect(other.states(of: "m4") == [.removed])
            let index = Int(number(removed))
            #expect(cut.givesNoVoice(to: index))
            let sent = cut.voiceFrames(to: index)
            world.run(for: .seconds(2))
            #expect(cut.voiceFrames(to: index) == sent)
            // As soon as the host is heard, it is gone for good.
            world.network.setPartitioned(false, host.endpoint, cut.endpoint)
            world.run(for: .seconds(2))
            #expect(cut.states(of: "m4").last == .removed)
        }
    }

    @Test("a member that lies about who is gone stops a voice for a moment, until the host says no")
    func falseAbsence() throws {
        try room(of: 4, seed: 20) { world, nodes in
            let (liar, misled, victim) = (nodes[1], nodes[2], nodes[3])
            misled.isTalking = true
            world.run(for: .seconds(1))
            let key = victim.machine.keys.publicKey
            let shown = liar.machine.roster.removing(key).removing(key)
            liar.machine.send(.shown(shown), to: Int(number(misled)), now: world.now)
            world.run(for: .milliseconds(9))
            #expect(misled.givesNoVoice(to: Int(number(victim))))
            world.run(for: .milliseconds(100))
            #expect(!misled.givesNoVoice(to: Int(number(victim))))
            #expect(misled.states(of: "m4").isEmpty)
        }
    }

    @Test("one that lies about it again and again is not believed, until the host itself goes on")
    func falseAbsences() throws {
        try room(of: 4, seed: 20) { world, nodes in
            let (host, liar, misled, victim) = (nodes[0], nodes[1], nodes[2], nodes[3])
            misled.isTalking = true
            world.run(for: .seconds(1))
            let key = victim.machine.keys.publicKey
            var silent = 0
            for count in 0..<200 {
                var shown = liar.machine.roster.removing(key)
                for _ in 0..<count { shown = shown.removing(key) }
                liar.machine.send(.shown(shown), to: Int(number(misled)), now: world.now)
                world.run(for: .milliseconds(9))
                silent += misled.givesNoVoice(to: Int(number(victim))) ? 1 : 0
                world.run(for: .milliseconds(41))
            }
            // At the first one, and after none of the others.
            #expect(silent == 1, "\(silent) of 200")
            let isRefuted = misled.machine.peers[Int(number(liar))].refutedVersion > 1
            #expect(isRefuted)
            // The host's next word is another matter.
            host.machine.kick(number(victim), now: world.now)
            world.run(for: .seconds(1))
            #expect(misled.states(of: "m4").last == .removed)
        }
    }

    @Test("a member cannot make a dispute of others by itself, least of all at the host")
    func falseDispute() throws {
        try room(of: 4, seed: 21) { world, nodes in
            let (host, liar, misled) = (nodes[0], nodes[1], nodes[2])
            let next = liar.machine.roster
            let own = next.entries.filter { $0.number == 1 || $0.number == number(liar) }
            let shown = Roster(
                term: next.term, version: next.version, host: 1, successor: next.successor,
                entries: own)
            for node in [host, misled] {
                // It has never told what it knows, so that it never agreed.
                node.machine.peers[Int(number(liar))].agreedVersion = 0
                liar.machine.send(.shown(shown), to: Int(number(node)), now: world.now)
            }
            host.isTalking = true
            misled.isTalking = true
            world.run(for: .seconds(2))
            for node in [host, misled] {
                let disputed = node.machine.peers.numbers.filter {
                    node.machine.peers[$0].isDisputed
                }
                #expect(disputed.isEmpty)
            }
            let successor = host.machine.roster.successor
            #expect(successor == 2)
            // With the digest that goes with it people are told who says so.
            let lie = RosterSummary(
                term: next.term, version: next.version, host: host.machine.keys.publicKey,
                digest: Digest())
            for node in [host, misled] {
                liar.machine.send(.knows(lie), to: Int(number(node)), now: world.now)
                liar.machine.send(.shown(shown), to: Int(number(node)), now: world.now)
            }
            world.run(for: .seconds(1))
            for node in [host, misled] {
                #expect(node.events.contains(.warning(.rosterDisputed(member: number(liar)))))
            }
            let atHost = host.machine.peers.numbers.filter { host.machine.peers[$0].isDisputed }
            #expect(atHost.isEmpty, "rosters are the host's to make")
        }
    }

    @Test("a removal is said until all have it, and then no more")
    func removalEnds() throws {
        try room(of: 3, seed: 9) { world, nodes in
            world.network.setUp(false, nodes[1].host)
            nodes[0].machine.kick(number(nodes[2]), now: world.now)
            world.run(for: .seconds(3))
            #expect(nodes[0].machine.removals.timeout < .distantFuture)
            world.network.setUp(true, nodes[1].host)
            world.run(for: .seconds(3))
            #expect(nodes[1].states(of: "m3").contains(.removed))
            #expect(nodes[0].machine.removals.timeout == .distantFuture)
            #expect(nodes[0].machine.removals.departures.isEmpty)
            #expect(nodes[0].machine.farewells.isEmpty)
        }
    }

    @Test("a removal ends the tickets of before: the others get new ones")
    func tickets() throws {
        try room(of: 3, seed: 10, relays: 1) { world, nodes in
            let generation = nodes[0].machine.ticketGeneration
            nodes[0].machine.kick(number(nodes[2]), now: world.now)
            world.run(for: .seconds(3))
            #expect(nodes[0].machine.ticketGeneration == generation + 1)
            for node in nodes[..<2] {
                #expect(node.machine.relays.generation == generation + 1)
            }
        }
    }

    // MARK: Safety words

    @Test("all see the same safety words, whoever asks; the mark stays with whom it was given to")
    func safetyWords() throws {
        try room(of: 5, seed: 16) { world, nodes in
            nodes[3].machine.verify(now: world.now)
            world.run(for: .seconds(1))
            let words = try #require(nodes[0].safety)
            #expect(nodes.allSatisfy { $0.safety == words })
            nodes[1].machine.confirmSafety(now: world.now)
            world.run(for: .milliseconds(10))
            let numbers = nodes[1].machine.memberNumbers.map(Int.init)
            #expect(numbers.allSatisfy { nodes[1].machine.member($0).isVerified })
            #expect(!nodes[0].machine.member(Int(number(nodes[1]))).isVerified)
            let late = try world.addJoiner(name: "late", code: nodes[0].code)
            world.run(for: .seconds(5)) { late.isWithAll(6) }
            world.run(for: .seconds(1))
            let marks = nodes[1].machine.memberNumbers.map {
                nodes[1].machine.member(Int($0)).isVerified
            }
            #expect(marks.count { $0 } == 4)
            #expect(
                !nodes[1].machine.member(Int(number(late))).isVerified)
        }
    }

    @Test("safety words come about where one packet of twenty is lost, and each time is counted")
    func safetyOnBadNetwork() throws {
        let link = VirtualNetwork.Link(
            latency: .milliseconds(20), jitter: .milliseconds(15), loss: 0.05, duplication: 0.05,
            reordering: 0.05)
        try room(of: 6, seed: 17, link: link) { world, nodes in
            for round in 1...4 {
                nodes[round].machine.verify(now: world.now)
                world.run(for: .seconds(7))
                let words = nodes.compactMap(\.safety)
                #expect(Set(words.map(\.number)).count == 1, "round \(round)")
            }
            #expect(nodes.allSatisfy { $0.safetyRuns == [1, 2, 3, 4] })
        }
    }

    @Test("who does not answer is named")
    func safetySilence() throws {
        try room(of: 3, seed: 18) { world, nodes in
            nodes[0].machine.confirmSafety(now: world.now)
            world.network.setUp(false, nodes[2].host)
            nodes[0].machine.verify(now: world.now)
            world.run(for: .seconds(6))
            let silent = nodes[0].machine.member(Int(number(nodes[2])))
            #expect(nodes[0].warnings == [.safetyNotShown, .safetyUnfinished([silent])])
        }
    }
}

extension Node {
    var warnings: [RoomWarning] {
        events.compactMap { if case .warning(let warning) = $0 { warning } else { nil } }
    }

    /// Nameplates of the one-time codes that were told.
    var invites: [UInt32] {
        events.compactMap { if case .invited(let nameplate) = $0 { nameplate } else { nil } }
    }

    /// The one-time code that was told last, as it stands.
    var inviteCode: [UInt8]? { invites.last.flatMap { code(of: $0) } }

    /// A one-time code as it stands.
    func code(of nameplate: UInt32) -> [UInt8]? {
        switch machine.copyInvite(nameplate) {
        case .some(let code):
            return [UInt8](capacity: RoomCode.longestText) { code.write(into: &$0) }
        case .none: return nil
        }
    }

    func givesNoVoice(to member: Int) -> Bool { machine.peers[member].isAbsent }

    func voiceFrames(to member: Int) -> UInt64 { machine.peers[member].voiceFramesSent }

    var safety: SafetyPhrase? {
        events.reversed().compactMap {
            if case .safety(let phrase, _) = $0 { phrase } else { nil }
        }.first
    }

    var safetyRuns: [UInt32] {
        events.compactMap { if case .safety(_, let run) = $0 { run } else { nil } }
    }

    /// A code with the same nameplate and other words.
    static func wrong(_ code: [UInt8], _ number: Int) -> [UInt8] {
        let nameplate = code.prefix { $0 != UInt8(ascii: "-") }
        let words = [0, 7, number].map { WordList.publicText(of: UInt16($0)) }
        return nameplate + Array(("-" + words.joined(separator: "-")).utf8)
    }
}
