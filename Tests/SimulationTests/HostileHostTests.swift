import Testing
import VCTestKit

@testable import VCCore

/// A host whose program was changed: between two members who reach each other through it alone, it
/// does to their packets whatever it likes, and tells them whatever it likes.
@Suite struct HostileHostTests {
    let arena: SecretArena

    init() throws {
        arena = try #require(SecretArena(slotCount: 16_384))
    }

    /// A host, and three members whom nothing connects but the host.
    private func room(
        seed: UInt64, body: (inout World, _ host: Node, _ members: [Node]) throws -> Void
    ) throws {
        var world = World(seed: seed, link: PairTests.good, arena: arena)
        let host = world.addHost(capacity: Limits.members)
        try #require(world.run(for: .seconds(10)) { !host.code.isEmpty })
        var members: [Node] = []
        for name in ["ben", "cleo", "dan"] {
            let node = try world.addJoiner(name: name, code: host.code)
            for other in members {
                world.network.setPartitioned(
                    true, node.endpoint.with(port: 0), other.endpoint.with(port: 0))
            }
            members.append(node)
            world.run(for: .seconds(2))
        }
        let all = members + [host]
        try #require(world.run(for: .seconds(10)) { all.allSatisfy { $0.isWithAll(4) } })
        try body(&world, host, members)
    }

    /// What the host does with packets that it should pass on unchanged.
    private func corrupt(
        _ world: inout World, _ host: Node, _ change: @escaping ([UInt8]) -> [[UInt8]]
    ) {
        world.tamper = { bytes, sender in
            sender === host && bytes[0] == PacketType.hostForward ? change(bytes) : [bytes]
        }
    }

    private func say(_ text: String, _ members: [Node], _ world: World) {
        for node in members {
            _ = node.machine.sendChat(DisplayText(message: text), now: world.now)
        }
    }

    @Test("it flips any bit of any packet: nothing of it is opened, and nothing is lost for good")
    func alters() throws {
        try room(seed: 1) { world, host, members in
            for node in members[..<2] { node.isTalking = true }
            let (ben, cleo) = (members[0], members[1])
            world.run(for: .seconds(1))
            let before = (ben.tallies[3]?.received, ben.machine.counters.unopened)
            var bit = 0
            corrupt(&world, host) { bytes in
                bit += 1
                var changed = bytes
                let place = bit % ((bytes.count - 3) * 8)
                changed[3 + place / 8] ^= 1 << UInt8(place % 8)
                return [changed]
            }
            say("while it was altered", [ben, cleo], world)
            world.run(for: .seconds(20))
            #expect(bit > 4_000, "each bit of a voice packet, several times")
            #expect(ben.tallies[3]?.received == before.0 && ben.chats.isEmpty)
            #expect(ben.machine.counters.unopened > before.1 + 1_500)
            world.tamper = nil
            world.run(for: .seconds(10))
            #expect(ben.chats == ["while it was altered"] && cleo.chats == ben.chats)
            #expect(members.allSatisfy { $0.end == nil })
        }
    }

    @Test("it drops, doubles and sends again what it recorded: chat is whole, voice comes once")
    func replays() throws {
        try room(seed: 2) { world, host, members in
            let (ben, cleo) = (members[0], members[1])
            cleo.isTalking = true
            var random = SplitMix64(seed: 5)
            var recorded: [[UInt8]] = []
            corrupt(&world, host) { bytes in
                recorded.append(bytes)
                let old = recorded[Int(random.next(below: UInt32(recorded.count)))]
                return switch random.next(below: 4) {
                case 0: []
                case 1: [bytes, bytes]
                case 2: [old, bytes]
                case _: [bytes]
                }
            }
            for count in 0..<40 {
                say("message \(count)", [ben, cleo], world)
                world.run(for: .milliseconds(300))
            }
            world.run(for: .seconds(20))
            let sent = (0..<40).map { "message \($0)" }
            #expect(ben.chats == sent && cleo.chats == sent)
            let frames = ben.heard.filter { $0.member == 3 }.map(\.sequence)
            #expect(Set(frames).count == frames.count && frames.count > 1_500)
        }
    }

    @Test("it writes other numbers on the envelopes: nobody is taken for somebody else")
    func swaps() throws {
        try room(seed: 3) { world, host, members in
            let (ben, cleo, dan) = (members[0], members[1], members[2])
            cleo.isTalking = true
            world.run(for: .seconds(1))
            // As if dan said what cleo says; dan gets what is for ben.
            let heard = ben.heard.count
            let opened = dan.machine.counters.opened
            var recorded: [[UInt8]] = []
            corrupt(&world, host) { bytes in
                guard bytes[1] == 2, bytes[2] == 3 else { return [] }
                recorded.append(Array(bytes[3...]))
                return [[bytes[0], 2, 4] + bytes[3...]]
            }
            world.run(for: .seconds(5))
            #expect(ben.heard.count == heard, "neither as dan's nor as cleo's")
            let ownTraffic = dan.machine.counters.opened - opened
            for bytes in recorded.suffix(200) {
                world.receive(
                    [PacketType.hostForward, 4, 3] + bytes, from: host.endpoint, at: dan)
            }
            #expect(dan.machine.counters.opened - opened == ownTraffic && recorded.count > 500)
        }
    }

    @Test("it seals packets itself, in the name of another: none of them opens")
    func forges() throws {
        try room(seed: 4) { world, host, members in
            let ben = members[0]
            world.run(for: .seconds(1))
            let known = ben.machine.peers[3].slots.currentIndex
            let index = try #require(known)
            let header = VoiceHeader(flags: 0, sequence: 9, timestamp: 0, level: 20)
            let frame = [UInt8](repeating: 1, count: 60)
            for counter in UInt64(0)..<200 {
                var packet = [UInt8](repeating: 0, count: Limits.datagram)
                let size = packet.withUnsafeMutableBytes { packet in
                    frame.withUnsafeBytes {
                        host.machine.sealVoice(header, $0, for: 2, into: packet, now: world.now)?
                            .size ?? 0
                    }
                }
                try #require(size > 60)
                var forged = Array(packet[..<size])
                // For the session of ben and cleo, under the keys of ben and the host.
                for place in 0..<4 {
                    forged[1 + place] = UInt8(truncatingIfNeeded: index >> UInt32(24 - 8 * place))
                }
                if counter % 2 == 0 { forged[12] = UInt8(counter) }
                let envelope: [UInt8] = [PacketType.hostForward, 2, 3]
                world.receive(envelope + forged, from: host.endpoint, at: ben)
                world.receive(forged, from: members[1].endpoint, at: ben)
            }
            #expect(!ben.heard.contains { $0.member == 3 })
            #expect(ben.end == nil)
        }
    }

    @Test("it answers handshakes with keys of its own: two members whom it keeps apart never meet")
    func handshakes() throws {
        var world = World(seed: 5, link: PairTests.good, arena: arena)
        let host = world.addHost(capacity: Limits.members)
        try #require(world.run(for: .seconds(10)) { !host.code.isEmpty })
        var forged = 0
        let ben = try world.addJoiner(name: "ben", code: host.code)
        world.run(for: .seconds(2))
        let cleo = try world.addJoiner(name: "cleo", code: host.code)
        world.network.setPartitioned(
            true, ben.endpoint.with(port: 0), cleo.endpoint.with(port: 0))
        // The host knows everything but the two secret keys: it speaks to each in the name of the
        // other one, and passes nothing on.
        var random = AnyRandomSource(SplitMix64(seed: 77))
        // The smaller key starts.
        var own = KeyPair(random: &random, arena: arena)
        while !(own.publicKey < min(ben.key, cleo.key)) {
            own = KeyPair(random: &random, arena: arena)
        }
        corrupt(&world, host) { _ in [] }
        for _ in 0..<20 {
            world.run(for: .milliseconds(500))
            guard host.machine.peers.count == 2 else { continue }
            for (name, victim) in [(UInt8(3), ben), (2, cleo)] {
                var rekey = Rekey(
                    .meeting, local: own.publicKey, remote: victim.key,
                    pairKey: host.machine.roomKey.duplicate(), room: host.machine.room,
                    random: &random, arena: arena)
                var slots = SessionSlots()
                let names = PairNumbers(local: name, remote: UInt8(name == 3 ? 2 : 3))
                _ = rekey.handleTimeout(
                    slots: &slots, local: own, names: names, freshIndex: 1, random: &random,
                    now: world.now)
                guard let message = rekey.pollTransmit() else { continue }
                forged += 1
                let envelope: [UInt8] = [PacketType.hostForward, names.remote, names.local]
                world.receive(envelope + message, from: host.endpoint, at: victim)
            }
        }
        #expect(forged > 5)
        #expect(!ben.machine.peers[3].hasMet && !cleo.machine.peers[2].hasMet)
        world.tamper = nil
        world.run(for: .seconds(10))
        #expect(ben.machine.peers[3].hasMet && cleo.machine.peers[2].hasMet, "it let them meet")
    }

    @Test("it shows two members different rosters: both are told, and seal nothing for the puppets")
    func equivocates() throws {
        for seed in seeds(100, reduced: 3) {
            try room(seed: seed) { world, host, members in
                let (ben, cleo) = (members[0], members[1])
                var random = AnyRandomSource(SplitMix64(seed: seed))
                let honest = host.machine.roster
                for (node, number) in [(ben, UInt8(2)), (cleo, 3)] {
                    let puppet = KeyPair(random: &random, arena: arena).publicKey
                    let shown = honest.adding(Roster.Entry(number: 9, key: puppet))
                    host.machine.send(.roster(shown, []), to: Int(number), now: world.now)
                    #expect(node.machine.roster == honest)
                }
                for node in members { node.isTalking = true }
                world.run(for: .seconds(3))
                #expect(ben.machine.roster != cleo.machine.roster, "each has its own puppet")
                for (node, other) in [(ben, UInt8(3)), (cleo, 2)] {
                    let isTold = node.events.contains(.warning(.rosterDisputed(member: other)))
                    #expect(isTold, "seed \(seed)")
                    let isDisputed = node.machine.peers[9].isDisputed
                    #expect(isDisputed && node.voiceDestinations[9] == nil, "seed \(seed)")
                    #expect(node.end == nil && !node.heard.isEmpty, "old friends still talk")
                }
            }
        }
    }

    @Test("after two rosters a newcomer gets nothing, until people have compared safety words")
    func disputed() throws {
        try room(seed: 8) { world, host, members in
            let ben = members[0]
            var random = AnyRandomSource(SplitMix64(seed: 8))
            let honest = host.machine.roster
            let puppet = KeyPair(random: &random, arena: arena).publicKey
            for (place, member) in [(UInt8(9), 2), (10, 3)] {
                let shown = honest.adding(Roster.Entry(number: place, key: puppet))
                host.machine.send(.roster(shown, []), to: member, now: world.now)
            }
            world.run(for: .seconds(3))
            // It shows everybody the same again.
            let next = honest.adding(Roster.Entry(number: 9, key: puppet)).removing(puppet)
            host.machine.publish(next, [], now: world.now)
            world.run(for: .seconds(3))
            let eve = try world.addJoiner(name: "eve", code: host.code)
            try #require(world.run(for: .seconds(10)) { eve.isWithAll(5) })
            let isDisputed = ben.machine.isDisputed
            #expect(isDisputed && ben.end == nil && host.end == nil)
            for node in members { node.isTalking = true }
            world.run(for: .seconds(3))
            let number = try #require(eve.machine.roster.number(of: ben.key))
            #expect(!eve.heard.contains { $0.member == number })

            ben.machine.verify(now: world.now)
            world.run(for: .seconds(2))
            for node in members + [host, eve] { node.machine.confirmSafety(now: world.now) }
            let isSettled = !ben.machine.isDisputed
            #expect(isSettled)
            world.run(for: .seconds(3))
            #expect(eve.heard.contains { $0.member == number })
        }
    }
}
