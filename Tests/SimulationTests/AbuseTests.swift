import Testing
import VCTestKit

@testable import VCCore

/// People and servers that do what they should not, end to end.
@Suite struct AbuseTests {
    let arena: SecretArena
    static let link = VirtualNetwork.Link(latency: .milliseconds(10), jitter: .milliseconds(3))

    init() throws {
        arena = try #require(SecretArena(slotCount: 32_768))
    }

    private func open(seed: UInt64 = 1, capacity: Int = 2) throws -> (World, Node) {
        var world = World(seed: seed, link: AbuseTests.link, arena: arena)
        let host = world.addHost(capacity: capacity)
        try #require(world.run(for: .seconds(5)) { !host.code.isEmpty })
        return (world, host)
    }

    private func join(_ world: inout World, _ host: Node) throws -> Node {
        let joiner = try world.addJoiner(code: host.code)
        try #require(world.run(for: .seconds(5)) { joiner.hasPath })
        return joiner
    }

    /// The code with another third word.
    private func wrong(_ code: [UInt8]) -> [UInt8] {
        let parts = String(decoding: code, as: UTF8.self).split(separator: "-")
        let other = parts[1] == parts[3] ? parts[2] : parts[1]
        return Array("\(parts[0])-\(parts[1])-\(parts[2])-\(other)".utf8)
    }

    @Test("a wrong code: refused within three seconds, the host is told, the members hear nothing")
    func wrongCode() throws {
        var (world, host) = try open(capacity: 3)
        let member = try join(&world, host)
        host.isTalking = true
        world.run(for: .seconds(1))
        let events = member.events.count
        let start = world.now
        let guesser = try world.addJoiner(code: wrong(host.code))
        world.run(for: .seconds(3)) { guesser.end != nil }
        #expect(guesser.end == .refused(.refused) && world.now - start < .seconds(3))
        world.run(for: .seconds(1))
        #expect(host.events.contains(.guess(failed: 1, budget: 1_000)))
        #expect(member.events.count == events && host.machine.memberNumbers == [2])
        let late = member.heard.filter { $0.time > start }
        #expect(zip(late, late.dropFirst()).allSatisfy { $1.time - $0.time < .milliseconds(30) })
    }

    @Test("an unknown nameplate: no such room; and after its host left, none either")
    func noSuchRoom() throws {
        var (world, host) = try open()
        let code = host.code
        let stranger = try world.addJoiner(code: Array("9".utf8) + code)
        world.run(for: .seconds(3)) { stranger.end != nil }
        #expect(stranger.end == .noSuchRoom)
        host.machine.leave(now: world.now)
        world.run(for: .seconds(2)) { host.end != nil }
        #expect(host.end == .left)
        let late = try world.addJoiner(code: code)
        world.run(for: .seconds(3)) { late.end != nil }
        #expect(late.end == .noSuchRoom)
    }

    @Test("no server: the joiner ends and says so")
    func noServer() throws {
        var (world, host) = try open()
        world.serverIsUp = false
        let joiner = try world.addJoiner(code: host.code)
        world.run(for: .seconds(6)) { joiner.end != nil }
        #expect(joiner.end == .signalUnreachable)
    }

    @Test("the server goes in mid-call: a warning at the host, the call goes on, and it comes back")
    func serverGone() throws {
        var (world, host) = try open()
        let joiner = try join(&world, host)
        host.isTalking = true
        joiner.isTalking = true
        world.serverIsUp = false
        world.run(for: .seconds(60))
        #expect(host.events.count { $0 == .warning(.signalUnreachable) } == 1)
        #expect(host.end == nil && joiner.end == nil)
        for node in [host, joiner] { #expect(node.heard.count > 5_900) }
        world.serverIsUp = true
        world.run(for: .seconds(10))
        #expect(host.events.contains(.warning(.signalBack)))
    }

    @Test("a third person at a room of two: full; a place that is given up can be taken")
    func full() throws {
        var (world, host) = try open()
        let joiner = try join(&world, host)
        let third = try world.addJoiner(code: host.code)
        world.run(for: .seconds(3)) { third.end != nil }
        #expect(third.end == .refused(.full))
        #expect(!host.events.contains { if case .guess = $0 { true } else { false } })
        joiner.machine.leave(now: world.now)
        world.run(for: .seconds(1))
        _ = try join(&world, host)
    }

    @Test("a host of sixteen: all come in at once, with a number each, and see the same roster")
    func sixteen() throws {
        for seed in seeds(20, reduced: 1) {
            var (world, host) = try open(seed: seed, capacity: 16)
            var joiners: [Node] = []
            for _ in 0..<15 {
                joiners.append(try world.addJoiner(code: host.code))
                world.run(for: .milliseconds(Int64(seed) * 7))
            }
            world.run(for: .seconds(20)) { joiners.allSatisfy { $0.hasPath } }
            #expect(Set(joiners.compactMap { $0.machine.memberNumber }) == Set(2...16))
            #expect(host.machine.memberNumbers == Array(2...16))
            _ = host.machine.sendChat(DisplayText(message: "all of you"), now: world.now)
            world.run(for: .seconds(2))
            for joiner in joiners {
                #expect(joiner.chats == ["all of you"] && joiner.end == nil)
                #expect(joiner.machine.roster == host.machine.roster, "seed \(seed)")
            }
            let seventeenth = try world.addJoiner(code: host.code)
            world.run(for: .seconds(3)) { seventeenth.end != nil }
            #expect(seventeenth.end == .refused(.full))
            joiners[4].machine.leave(now: world.now)
            world.run(for: .seconds(2))
            for (index, joiner) in joiners.enumerated() where index != 4 {
                #expect(joiner.machine.roster == host.machine.roster && joiner.end == nil)
            }
        }
        #expect(arena.slotsInUse == 0)
    }

    @Test("the host closes the room: the joiner is told so at once")
    func hostEnds() throws {
        var (world, host) = try open()
        let joiner = try join(&world, host)
        host.machine.endRoom(now: world.now)
        world.run(for: .milliseconds(500)) { joiner.end != nil }
        #expect(joiner.end == .hostLeft)
        world.run(for: .seconds(2))
        #expect(host.end == .left)
    }

    @Test("both leave at the same moment: both left by their own wish")
    func bothLeave() throws {
        var (world, host) = try open()
        let joiner = try join(&world, host)
        host.machine.leave(now: world.now)
        joiner.machine.leave(now: world.now)
        world.run(for: .seconds(2))
        #expect(joiner.end == .left && host.end == .left)
    }

    @Test("two rosters for one version: a warning that names the member, and the room ends")
    func disputedRoster() throws {
        var (world, host) = try open()
        let joiner = try join(&world, host)
        var other = host.machine.roster
        other = other.removing(joiner.machine.keys.publicKey)
        host.machine.send(
            .knows(
                RosterSummary(
                    term: other.term, version: host.machine.roster.version,
                    host: host.machine.keys.publicKey,
                    digest: other.digest(of: host.machine.room))), to: 2, now: world.now)
        world.run(for: .seconds(1))
        #expect(joiner.events.contains(.warning(.rosterDisputed(member: 1))))
        #expect(joiner.end == .protocolBroken)
    }

    @Test("a roster that drops us, or comes from no host, is not taken")
    func badRoster() throws {
        var (world, host) = try open(capacity: 3)
        let joiner = try join(&world, host)
        let before = (host.machine.roster, joiner.machine.roster)
        let next = host.machine.roster.removing(joiner.machine.keys.publicKey)
        host.machine.send(.roster(next, []), to: 2, now: world.now)
        joiner.machine.send(.roster(next.removing(next.entries[0].key), []), to: 1, now: world.now)
        joiner.machine.send(.roster(next, []), to: 1, now: world.now)
        world.run(for: .seconds(1))
        #expect(host.machine.roster == before.0 && joiner.machine.roster == before.1)
        #expect(joiner.events.contains(.warning(.protocolBroken(member: 1))))
        // What a member says of the roster is not even looked at.
        #expect(!host.events.contains(.warning(.protocolBroken(member: 2))))
        #expect(joiner.end == nil && host.end == nil)
    }

    @Test("a message above the limit ends the chat of its sender, not the call")
    func overLimit() throws {
        var (world, host) = try open()
        let joiner = try join(&world, host)
        let stream = joiner.machine.peers[1].stream.id
        world.run(for: .seconds(1))
        let next = try nextSequence(of: joiner, in: world)
        for offset in UInt32(0)..<6 {
            joiner.machine.seal(to: 1, now: world.now) { writer in
                writer.write(SealedKind.segment.rawValue)
                writer.write(stream)
                writer.write(next + offset)
                writer.write(UInt8(offset == 5 ? 1 : 0))
                for _ in 0..<1_000 { writer.write(UInt8(ascii: "x")) }
            }
        }
        host.isTalking = true
        joiner.isTalking = true
        world.run(for: .seconds(2))
        #expect(host.events.count { $0 == .warning(.protocolBroken(member: 2)) } == 1)
        #expect(host.chats.isEmpty && host.end == nil && joiner.end == nil)
        #expect(host.heard.count > 190)
    }

    /// The sequence number of the joiner's next segment: as many as it sent so far.
    private func nextSequence(of node: Node, in world: World) throws -> UInt32 {
        var copy = node.machine.peers[1].stream
        #expect(copy.isIdle)
        _ = copy.send([1], number: 0)
        let bytes = [UInt8](capacity: 64) { _ = copy.encodeNext(into: &$0, now: world.now) }
        var reader = ByteReader(bytes.span.bytes)
        try reader.skip(9)
        return try reader.readUInt32()
    }

    @Test("a message that nobody understands does not hold up those behind it")
    func unknownMessage() throws {
        var (world, host) = try open()
        let joiner = try join(&world, host)
        world.run(for: .seconds(1))
        let stream = joiner.machine.peers[1].stream.id
        let next = try nextSequence(of: joiner, in: world)
        let chat = StreamMessage.chat(id: 7, text: Array("behind".utf8)).encode()
        // The first one comes last, so that all three are there at once.
        for (offset, message) in [[0x04, 1, 2], [], chat].enumerated().reversed() {
            joiner.machine.seal(to: 1, now: world.now) { writer in
                writer.write(SealedKind.segment.rawValue)
                writer.write(stream)
                writer.write(next + UInt32(offset))
                writer.write(StreamPacket.isLast)
                for byte in message { writer.write(byte) }
            }
        }
        world.run(for: .seconds(1))
        #expect(host.chats == ["behind"])
    }

    @Test("two rooms at one server have two nameplates")
    func twoHosts() throws {
        var (world, host) = try open()
        let second = world.addHost(name: "eve")
        world.run(for: .seconds(5)) { !second.code.isEmpty }
        #expect(host.code.first != second.code.first && !second.code.isEmpty)
        let joiner = try join(&world, second)
        #expect(joiner.machine.room == second.machine.room)
    }

    @Test("a joiner that proved the words and then vanished leaves no member and no busy host")
    func vanished() throws {
        var (world, host) = try open()
        let joiner = try world.addJoiner(code: host.code)
        world.run(for: .seconds(5)) { !host.machine.peers.numbers.isEmpty }
        world.network.setPartitioned(
            true, joiner.endpoint.with(port: 0), host.endpoint.with(port: 0))
        world.network.setPartitioned(
            true, joiner.endpoint.with(port: 0), World.server.with(port: 0))
        let wakeups = host.wakeups
        world.run(for: .seconds(9))
        #expect(host.wakeups - wakeups < 300, "\(host.wakeups - wakeups) wake-ups in 9 s")
        world.run(for: .seconds(3))
        #expect(host.machine.peers.numbers.isEmpty)
        #expect(!host.events.contains { if case .member = $0 { true } else { false } })
    }

    @Test("a call at rest wakes its machine a few times a second")
    func quiet() throws {
        var (world, host) = try open()
        let joiner = try join(&world, host)
        world.run(for: .seconds(10))
        let before = (host.wakeups, joiner.wakeups)
        world.run(for: .seconds(100))
        #expect(host.wakeups - before.0 < 2_500 && joiner.wakeups - before.1 < 2_500)
    }

    @Test("the server speaks another version in mid-call: the call goes on")
    func otherServerVersion() throws {
        var (world, host) = try open()
        let joiner = try join(&world, host)
        for node in [host, joiner] {
            let transaction = node.machine.signal.transaction
            let notice = [UInt8](capacity: 64) {
                SignalAnswer.writeNotice(
                    transaction: transaction, status: .unsupportedVersion, subject: 2, into: &$0)
            }
            world.receive(notice, from: World.server, at: node)
        }
        world.run(for: .seconds(2))
        #expect(host.end == nil && joiner.end == nil)
        #expect(host.events.contains(.warning(.signalUnreachable)))
    }

    @Test("new addresses of this machine do not make the peers forget what the server saw")
    func observedStays() throws {
        var (world, host) = try open()
        let joiner = try join(&world, host)
        let seen = Endpoint(ipv4: 0xC000_0201, port: 9_999)
        let cookie = [UInt8](capacity: 64) {
            SignalAnswer.writeKept(
                transaction: host.machine.signal.transaction, status: .kept, observed: seen,
                into: &$0)
        }
        world.receive(cookie, from: World.server, at: host)
        world.run(for: .milliseconds(100))
        #expect(host.machine.candidates.first == seen)
        let fresh = Endpoint(ipv4: 0xCB00_71F0, port: 40_000)
        host.machine.addressesChanged(
            [fresh], local: LocalAddresses(addresses: [fresh], allowsLoopback: false),
            now: world.now)
        #expect(host.machine.candidates == [seen, seen.with(port: fresh.port), fresh])
        #expect(joiner.end == nil)
    }
}
