import Testing
import VCTestKit

@testable import VCCore

/// Members to whom nothing leads but somebody who hears them.
@Suite struct CourierTests {
    let arena: SecretArena

    init() throws {
        arena = try #require(SecretArena(slotCount: 32_768))
    }

    /// A host and those who joined it, in a world without relays. The host lets the third and the
    /// fourth never hear of each other.
    private func room(
        of size: Int, seed: UInt64, link: VirtualNetwork.Link = PairTests.good
    ) throws -> (world: World, nodes: [Node]) {
        var world = World(seed: seed, link: link, arena: arena, relays: 0)
        let host = world.addHost(name: "m1", capacity: 4)
        world.tamper = { bytes, sender in
            let isBetweenThem =
                sender === host && bytes[0] == PacketType.hostForward
                && Set(bytes[1...2]) == [3, 4]
            return isBetweenThem ? [] : [bytes]
        }
        try #require(world.run(for: .seconds(20)) { !host.code.isEmpty })
        var nodes = [host]
        for number in 2...size {
            let node = try world.addJoiner(name: "m\(number)", code: host.code)
            try #require(world.run(for: .seconds(20)) { node.company != nil })
            nodes.append(node)
        }
        return (world, nodes)
    }

    @Test("two whom no host introduces meet through who hears both, and find a path of their own")
    func meeting() throws {
        for seed in seeds(100, reduced: 8) {
            let link = seed % 2 == 0 ? PairTests.good : PairTests.bad
            var (world, nodes) = try room(of: 4, seed: seed, link: link)
            let haveMet = world.run(for: .seconds(30)) { nodes.allSatisfy { $0.isWithAll(4) } }
            #expect(haveMet, "seed \(seed)")
            let route = nodes[2].machine.connection(of: nodes[3].machine.number)?.route
            #expect(route?.rung == .direct, "seed \(seed)")
        }
    }

    @Test("a member carries so much and no more, only for members, and only to those it hears")
    func bounds() throws {
        var (world, nodes) = try room(of: 3, seed: 3)
        let haveMet = world.run(for: .seconds(20)) { nodes.allSatisfy { $0.isWithAll(3) } }
        try #require(haveMet)
        let (from, courier, target) = (nodes[0], nodes[1], nodes[2])
        let number = Int(from.machine.number)
        // Of nobody: the target counts it.
        let datagram = [PacketType.handshake] + [UInt8](repeating: 0xFF, count: 100)
        func carry(_ count: Int, _ datagram: [UInt8], to key: PublicKey) {
            for _ in 0..<count {
                courier.machine.takeCarry(datagram, to: key, from: number, now: world.now)
            }
        }
        func arrived() -> UInt64 {
            let before = target.machine.counters.strayHandshakes
            world.run(for: .milliseconds(900))
            return target.machine.counters.strayHandshakes - before
        }
        carry(200, datagram, to: target.key)
        #expect(arrived() == UInt64(RoomMachine.carriedPerSecond))
        world.run(for: .seconds(2))
        carry(1, [PacketType.signal] + datagram, to: target.key)
        carry(1, [], to: target.key)
        #expect(arrived() == 0)
        // Only what the courier says comes from a member.
        var random = AnyRandomSource(SplitMix64(seed: 4))
        let nobody = KeyPair(random: &random, arena: arena).publicKey
        target.machine.takeCarried(datagram, from: nobody, by: 1, now: world.now)
        #expect(arrived() == 0)
        world.network.setUp(false, target.host)
        world.run(for: .seconds(7))
        carry(1, datagram, to: target.key)
        let waits = courier.machine.peers[Int(target.machine.number)].stream.hasWork
        #expect(!waits)
    }

    @Test("what is carried is a datagram of a mailbox, and no larger")
    func codec() throws {
        var random = AnyRandomSource(SplitMix64(seed: 5))
        let key = KeyPair(random: &random, arena: arena).publicKey
        let datagram = [UInt8](repeating: 7, count: SignalFormat.maximumBody)
        for message in [StreamMessage.carry(to: key, datagram), .carried(from: key, datagram)] {
            let bytes = message.encode()
            switch (message, try StreamMessage.decode(bytes.span.bytes)) {
            case (.carry, .carry(let to, let read)?), (.carried, .carried(let to, let read)?):
                #expect(to == key && read == datagram)
            default: Issue.record("it is read as something else")
            }
            #expect(throws: DecodeError.tooLong) {
                _ = try StreamMessage.decode((bytes + [0]).span.bytes)
            }
            #expect(throws: DecodeError.self) {
                _ = try StreamMessage.decode(Array(bytes.prefix(20)).span.bytes)
            }
        }
    }
}
