import Testing
import VCTestKit

@testable import VCCore

// The door: locks and one-time codes, and what the next host has of them.
extension TrustTests {
    @Test("a locked room refuses who has the code, also on the way in; unlocked it does not")
    func lock() throws {
        try room(of: 2, seed: 11) { world, nodes in
            nodes[0].machine.inviteOnce(now: world.now)
            world.run(for: .seconds(2)) { nodes[0].invites.count == 1 }
            nodes[0].machine.setLocked(true, now: world.now)
            nodes[0].machine.inviteOnce(now: world.now)
            world.run(for: .seconds(2)) { nodes[0].invites.count == 2 }
            for nameplate in nodes[0].invites {
                let guest = try world.addJoiner(
                    name: "guest", code: try #require(nodes[0].code(of: nameplate)))
                world.run(for: .seconds(5)) { guest.end != nil }
                #expect(guest.end == .refused(.locked))
            }
            let late = try world.addJoiner(name: "late", code: nodes[0].code)
            world.run(for: .seconds(5)) { late.end != nil }
            #expect(late.end == .refused(.locked))
            // New words do not open it.
            nodes[0].machine.kick(number(nodes[1]), now: world.now)
            let later = try world.addJoiner(name: "later", code: nodes[0].code)
            world.run(for: .seconds(5)) { later.end != nil }
            #expect(later.end == .refused(.locked))
            nodes[0].machine.setLocked(false, now: world.now)
            let last = try world.addJoiner(name: "last", code: nodes[0].code)
            #expect(world.run(for: .seconds(5)) { last.company != nil })
        }
    }

    @Test("who has the answer that lets it in stays out of a room that is locked, or kicks")
    func pending() throws {
        for isKick in [false, true] {
            try room(of: 3, seed: 13) { world, nodes in
                let host = nodes[0]
                let late = try world.addJoiner(name: "late", code: host.code)
                let isPending = world.run(for: .seconds(5)) {
                    host.machine.peers.numbers.contains { !host.machine.peers[$0].isMember }
                }
                #expect(isPending)
                if isKick {
                    host.machine.kick(number(nodes[2]), now: world.now)
                } else {
                    host.machine.setLocked(true, now: world.now)
                }
                world.run(for: .seconds(3))
                #expect(late.end == .removed)
                #expect(host.machine.roster.number(of: late.key) == nil)
            }
        }
    }

    /// The host leaves in the moment in which it changed something; who comes with the code of
    /// before stays out. Returns whether the next one's room is locked.
    private func leave(
        after change: (Node, Instant) -> Void, _ world: inout World, _ nodes: [Node]
    ) throws -> Bool {
        let (host, rest, code) = (nodes[0], nodes[1...2], nodes[0].code)
        change(host, world.now)
        host.machine.leave(now: world.now)
        #expect(world.run(for: .seconds(5)) { rest.contains { $0.isHost } })
        let next = try #require(rest.first { $0.isHost })
        let late = try world.addJoiner(name: "late", code: code)
        world.run(for: .seconds(15)) { late.end != nil }
        #expect(late.end != nil && late.company == nil)
        return next.machine.isLocked
    }

    @Test("whom the host removed just before it left cannot come in at the next one")
    func removedAndLeft() throws {
        // On such a line a goodbye overtakes what was sent before it.
        let link = VirtualNetwork.Link(
            latency: .milliseconds(20), jitter: .milliseconds(30), reordering: 0.3)
        for seed in 23...30 as ClosedRange<UInt64> {
            try room(of: 4, seed: seed, link: link) { world, nodes in
                let removed = number(nodes[3])
                let isLocked = try leave(
                    after: { $0.machine.kick(removed, now: $1) }, &world, nodes)
                #expect(!isLocked)
            }
        }
    }

    @Test("a room that was locked just before the host left is locked at the next one")
    func lockedAndLeft() throws {
        try room(of: 4, seed: 23) { world, nodes in
            let isLocked = try leave(
                after: { $0.machine.setLocked(true, now: $1) }, &world, nodes)
            #expect(isLocked)
        }
    }

    @Test("a successor has what a host needs, though another one was named for a moment")
    func namedAgain() throws {
        try room(of: 3, seed: 25) { world, nodes in
            // The lowest number, which is named first when somebody comes.
            world.network.setUp(false, nodes[1].host)
            let hasSupply = world.run(for: .seconds(20)) { !nodes[2].suppliedToken.isEmpty }
            #expect(hasSupply)
            let guest = try world.addJoiner(name: "guest", code: nodes[0].code)
            #expect(world.run(for: .seconds(5)) { guest.company != nil })
            world.run(for: .seconds(3))
            #expect(!nodes[2].suppliedToken.isEmpty)
        }
    }

    @Test("a one-time code that was used just before the host left lets nobody in at the next one")
    func usedAndLeft() throws {
        try room(of: 4, seed: 24) { world, nodes in
            let host = nodes[0]
            host.machine.inviteOnce(now: world.now)
            #expect(world.run(for: .seconds(3)) { host.invites.count == 1 })
            let code = try #require(host.inviteCode)
            world.run(for: .seconds(2))
            _ = try world.addJoiner(name: "guest", code: code)
            #expect(world.run(for: .seconds(5)) { host.usedInvites == 1 })
            host.machine.leave(now: world.now)
            #expect(world.run(for: .seconds(5)) { nodes[1].isHost })
            let late = try world.addJoiner(name: "late", code: code)
            world.run(for: .seconds(15)) { late.end != nil }
            #expect(late.end != nil && late.company == nil)
        }
    }

    @Test("a one-time code lets one in, beside the room's own code, and is spent")
    func oneTimeCode() throws {
        try room(of: 2, seed: 12) { world, nodes in
            let host = nodes[0]
            host.machine.inviteOnce(now: world.now)
            #expect(world.run(for: .seconds(3)) { host.invites.count == 1 })
            let code = try #require(host.inviteCode)
            #expect(code != host.code)
            let first = try world.addJoiner(name: "first", code: code)
            #expect(world.run(for: .seconds(5)) { first.company != nil })
            #expect(host.events.contains(.inviteUsed(nameplate: host.invites[0])))
            let second = try world.addJoiner(name: "second", code: code)
            world.run(for: .seconds(5)) { second.end != nil }
            #expect(second.end == .refused(.refused))
            let third = try world.addJoiner(name: "third", code: host.code)
            #expect(world.run(for: .seconds(5)) { third.company != nil })
            // Its lease goes back, and it is a member like all.
            world.run(for: .seconds(40))
            #expect(host.machine.invites.isEmpty)
            #expect(first.isWithAll(4) && first.end == nil)
        }
    }

    @Test("of two that use a one-time code at once one comes in")
    func oneTimeRace() throws {
        for seed in seeds(50, reduced: 5) {
            try room(of: 2, seed: seed + 100) { world, nodes in
                let host = nodes[0]
                host.machine.inviteOnce(now: world.now)
                #expect(world.run(for: .seconds(3)) { host.invites.count == 1 })
                let code = try #require(host.inviteCode)
                let guests = [
                    try world.addJoiner(name: "g1", code: code),
                    try world.addJoiner(name: "g2", code: code),
                ]
                world.run(for: .seconds(8))
                #expect(guests.count { $0.company != nil } == 1, "seed \(seed)")
                #expect(guests.count { $0.end == .refused(.refused) } == 1, "seed \(seed)")
            }
        }
    }

    @Test("the same words under another number have stood the guesses that they have stood")
    func guessesStay() throws {
        try room(of: 2, seed: 12) { world, nodes in
            let host = nodes[0]
            let code = host.code
            for guess in 0..<3 {
                let wrong = try world.addJoiner(name: "g\(guess)", code: Node.wrong(code, guess))
                world.run(for: .seconds(8)) { wrong.end != nil }
            }
            let before = host.machine.door?.failures
            #expect(before == 3)
            // As vc-signal may say, or whoever is on the way to it.
            host.machine.handle(.leased(nameplate: 4_711), now: world.now)
            let (nameplate, after) = (host.machine.currentNameplate, host.machine.door?.failures)
            #expect(nameplate == 4_711 && after == 3)
        }
    }

    @Test("five wrong guesses change a one-time code; the room's own code stays")
    func oneTimeBudget() throws {
        try room(of: 2, seed: 13) { world, nodes in
            let host = nodes[0]
            host.machine.inviteOnce(now: world.now)
            world.run(for: .seconds(3)) { host.invites.count == 1 }
            let (own, code) = (host.code, try #require(host.inviteCode))
            for guess in 0..<5 {
                let wrong = try world.addJoiner(name: "g\(guess)", code: Node.wrong(code, guess))
                world.run(for: .seconds(8)) { wrong.end != nil }
                #expect(wrong.end == .refused(.refused))
            }
            world.run(for: .seconds(1))
            #expect(host.events.contains(.guess(failed: 5, budget: 5)))
            #expect(host.warnings == [.codeRetired])
            #expect(host.invites.count == 2 && host.invites[0] == host.invites[1])
            #expect(host.code == own && host.inviteCode != code)
        }
    }

    @Test("a removal changes the one-time codes, too, and no more than eight are open")
    func oneTimeCodes() throws {
        try room(of: 2, seed: 14) { world, nodes in
            let host = nodes[0]
            for _ in 0..<9 { host.machine.inviteOnce(now: world.now) }
            #expect(world.run(for: .seconds(5)) { host.invites.count == 8 })
            #expect(host.warnings == [.tooManyCodes])
            #expect(Set(host.invites).count == 8)
            let code = try #require(host.inviteCode)
            host.machine.kick(number(nodes[1]), now: world.now)
            world.run(for: .seconds(1))
            #expect(host.invites.count == 16)
            let late = try world.addJoiner(name: "late", code: code)
            world.run(for: .seconds(5)) { late.end != nil }
            #expect(late.end == .refused(.refused))
        }
    }

    @Test("the host closes the room for all")
    func endRoom() throws {
        try room(of: 4, seed: 15) { world, nodes in
            nodes[0].machine.inviteOnce(now: world.now)
            world.run(for: .seconds(2))
            nodes[0].machine.endRoom(now: world.now)
            world.run(for: .seconds(2))
            #expect(nodes[0].end == .left)
            #expect(nodes[1...].allSatisfy { $0.end == .hostLeft })
        }
    }

    // MARK: Another host

    @Test("the next host keeps the removed out, and has the new code, not the old one")
    func removedBeforeHandOver() throws {
        try room(of: 4, seed: 21) { world, nodes in
            let (old, key) = (nodes[0].code, nodes[3].machine.keys.publicKey)
            nodes[0].machine.kick(number(nodes[3]), now: world.now)
            world.run(for: .seconds(2))
            let new = nodes[0].code
            nodes[0].machine.leave(now: world.now)
            world.run(for: .seconds(5))
            let next = try #require(nodes[1...2].first { $0.machine.isHost })
            #expect(next.machine.tombstones.contains(key))
            #expect(next.machine.vacancy(key) == .taken)
            #expect(next.code == new)
            let late = try world.addJoiner(name: "late", code: old)
            world.run(for: .seconds(8)) { late.end != nil }
            #expect(late.end == .refused(.refused))
            let guest = try world.addJoiner(name: "guest", code: new)
            #expect(world.run(for: .seconds(8)) { guest.company != nil })
        }
    }

    @Test("one-time codes and the lock are the next host's, too")
    func doorAfterHandOver() throws {
        try room(of: 3, seed: 22) { world, nodes in
            nodes[0].machine.inviteOnce(now: world.now)
            #expect(world.run(for: .seconds(3)) { nodes[0].invites.count == 1 })
            let code = try #require(nodes[0].inviteCode)
            nodes[0].machine.setLocked(true, now: world.now)
            world.run(for: .seconds(2))
            nodes[0].machine.leave(now: world.now)
            world.run(for: .seconds(8))
            let next = try #require(nodes[1...2].first { $0.machine.isHost })
            let early = try world.addJoiner(name: "early", code: code)
            world.run(for: .seconds(8)) { early.end != nil }
            #expect(early.end == .refused(.locked))
            next.machine.setLocked(false, now: world.now)
            let guest = try world.addJoiner(name: "guest", code: code)
            #expect(world.run(for: .seconds(8)) { guest.company != nil })
            let late = try world.addJoiner(name: "late", code: code)
            world.run(for: .seconds(8)) { late.end != nil }
            #expect(late.end == .refused(.refused))
        }
    }

    @Test("a successor that is removed, and does not hear it, takes neither room nor nameplate")
    func removedSuccessor() throws {
        try room(of: 4, seed: 23) { world, nodes in
            world.run(for: .seconds(3))
            // The lowest number.
            let successor = nodes[1]
            let others = [nodes[0], nodes[2], nodes[3]]
            world.network.setUp(false, successor.host)
            nodes[0].machine.kick(2, now: world.now)
            world.run(for: .seconds(3))
            world.network.setUp(true, successor.host)
            world.run(for: .seconds(20))
            for node in others {
                #expect(node.end == nil)
                #expect(node.machine.peers.count == 2)
                #expect(node.machine.roster == nodes[0].machine.roster)
            }
            #expect(nodes[0].isHost)
            let guest = try world.addJoiner(name: "guest", code: nodes[0].code)
            #expect(world.run(for: .seconds(8)) { guest.isWithAll(4) })
        }
    }

    @Test("marks of safety words stay when the host changes")
    func marksAfterHandOver() throws {
        try room(of: 3, seed: 24) { world, nodes in
            nodes[2].machine.verify(now: world.now)
            world.run(for: .seconds(1))
            nodes[2].machine.confirmSafety(now: world.now)
            nodes[0].machine.leave(now: world.now)
            world.run(for: .seconds(5))
            let member = nodes[2].machine.member(Int(number(nodes[1])))
            #expect(member.isVerified && member.isHost)
        }
    }
}

extension Node {
    /// How many of its one-time codes let somebody in.
    fileprivate var usedInvites: Int {
        events.count { event in
            switch event {
            case .inviteUsed: true
            default: false
            }
        }
    }
}
