import Testing
import VCTestKit

@testable import VCCore

/// Datagrams that nobody should have sent, at every stage of a room.
@Suite struct FuzzTests {
    enum Stage: CaseIterable {
        case hostAlone, joining, hostInCall, joinerInCall
    }

    let arena: SecretArena

    init() throws {
        arena = try #require(SecretArena())
    }

    /// A world at the stage, the node to attack, and what was sent to it so far.
    private func reach(_ stage: Stage) throws -> (world: World, target: Node, others: [Node]) {
        var world = World(
            seed: 11, link: VirtualNetwork.Link(latency: .milliseconds(5)), arena: arena)
        world.isRecording = true
        let host = world.addHost()
        try #require(world.run(for: .seconds(5)) { !host.code.isEmpty })
        if stage == .hostAlone { return (world, host, []) }
        let joiner = try world.addJoiner(code: host.code)
        if stage == .joining {
            world.run(for: .seconds(5)) { joiner.machine.phase == .joining }
            world.run(for: .milliseconds(12))
            try #require(joiner.machine.phase == .joining)
            return (world, joiner, [host])
        }
        try #require(world.run(for: .seconds(5)) { host.hasPath && joiner.hasPath })
        // Long enough for a re-handshake to be among what was recorded.
        world.run(for: .seconds(127))
        return stage == .hostInCall ? (world, host, [joiner]) : (world, joiner, [host])
    }

    private struct Forger {
        var random: SplitMix64
        let samples: [[UInt8]]
        let sources: [Endpoint]

        mutating func below(_ bound: Int) -> Int { Int(random.next(below: UInt32(bound))) }

        mutating func next() -> (bytes: [UInt8], source: Endpoint) {
            let source =
                below(4) == 0
                ? Endpoint(ipv4: random.next(), port: random.next())
                : sources[below(sources.count)]
            return (bytes(), source)
        }

        private mutating func bytes() -> [UInt8] {
            var sample = samples[below(samples.count)]
            switch below(5) {
            case 0:
                return (0..<below(1_300)).map { _ in random.next() }
            case 1:
                let head = [UInt8(0xC0 + below(7)), UInt8(below(8)) | (below(2) == 0 ? 0x80 : 0)]
                return head + [1, UInt8(below(4))] + (0..<below(200)).map { _ in random.next() }
            case 2:
                sample.removeLast(1 + below(sample.count))
                return sample
            case 3:
                return sample + (0...below(20)).map { _ in random.next() }
            default:
                for _ in 0...below(6) { sample = sample.flipping(bit: below(sample.count * 8)) }
                return sample
            }
        }
    }

    /// Whether the bytes could change something by right: they carry the transaction that only who
    /// sees our packets knows, or are what was really sent.
    private func isPrivileged(_ bytes: [UInt8], _ samples: Set<[UInt8]>) -> Bool {
        if samples.contains(bytes) { return true }
        guard bytes.first == PacketType.signal, bytes.count >= 11 else { return false }
        return samples.contains { $0.first == PacketType.signal && $0[3..<11] == bytes[3..<11] }
    }

    @Test("forged datagrams change nothing but counters, at every stage", arguments: Stage.allCases)
    func forged(stage: Stage) throws {
        var (world, target, others) = try reach(stage)
        let toTarget = world.recorded.filter { $0.destination == target.endpoint }.map(\.bytes)
        let known = Set(toTarget)
        let signals = toTarget.filter { $0.first == PacketType.signal }
        var forger = Forger(
            random: SplitMix64(seed: 5),
            samples: signals.suffix(20) + toTarget.suffix(60)
                + toTarget.filter { $0.first == PacketType.handshake },
            sources: [World.server] + others.map(\.endpoint))
        let events = target.events.count
        let phase = target.machine.phase
        let opened = target.machine.counters.opened
        let roster = target.machine.roster
        let secrets = arena.slotsInUse
        let path = others.isEmpty ? nil : target.machine.connection(of: other(target))?.route
        var given: UInt64 = 0
        let before = dropped(target)
        for _ in 0..<(runsEverything ? 250_000 : 25_000) {
            let (bytes, source) = forger.next()
            if isPrivileged(bytes, known) { continue }
            given += 1
            let isVoice = world.receive(bytes, from: source, at: target)
            #expect(!isVoice)
        }
        #expect(given > 7_000 && dropped(target) <= before + given)
        #expect(target.machine.counters.opened == opened && target.machine.phase == phase)
        #expect(target.machine.roster == roster && arena.slotsInUse == secrets)
        let nowPath = others.isEmpty ? nil : target.machine.connection(of: other(target))?.route
        #expect(nowPath == path)
        world.recorded = []
        world.settle()
        #expect(world.recorded.isEmpty, "nothing was answered")
        #expect(target.events.count == events)
        try goOn(&world, stage, target, others)
    }

    @Test(
        "a signaling server that sends anything at all does not end a call",
        arguments: [Stage.hostInCall, .joinerInCall])
    func hostileServer(stage: Stage) throws {
        var (world, target, others) = try reach(stage)
        let signals = world.recorded.filter {
            $0.destination == target.endpoint && $0.source == World.server
        }.map(\.bytes)
        var random = SplitMix64(seed: 6)
        for _ in 0..<(runsEverything ? 100_000 : 5_000) {
            let sample = signals[Int(random.next(below: UInt32(signals.count)))]
            var bytes = Array(sample[..<11])
            bytes[1] = 0x80 | UInt8(random.next(below: 8))
            if random.next(below: 8) == 0 { bytes[2] = random.next() }
            if random.next(below: 2) == 0 {
                bytes += sample[11...]
                bytes = bytes.enumerated().map { offset, byte in
                    offset < 11 || random.next(below: 12) > 0 ? byte : random.next()
                }
            } else {
                let sizes = [5, 7, 19, 36, 12, 8, 100, 94, 29]
                let size = sizes[Int(random.next(below: UInt32(sizes.count)))]
                bytes += (0..<size).map { _ in UInt8(random.next(below: 9)) }
            }
            world.receive(bytes, from: World.server, at: target)
            if random.next(below: 50) == 0 { world.run(for: .milliseconds(20)) }
        }
        #expect(target.end == nil && others.allSatisfy { $0.end == nil })
        #expect(target.machine.candidates.count < 10, "what it says it sees does not pile up")
        try goOn(&world, stage, target, others)
    }

    private func other(_ node: Node) -> UInt8 { node.machine.isHost ? 2 : 1 }

    private func dropped(_ node: Node) -> UInt64 {
        let counters = node.machine.counters
        return counters.unknown + counters.unopened + counters.strayHandshakes + counters.malformed
    }

    private func goOn(_ world: inout World, _ stage: Stage, _ target: Node, _ others: [Node]) throws
    {
        switch stage {
        case .hostAlone:
            let joiner = try world.addJoiner(code: target.code)
            #expect(world.run(for: .seconds(5)) { joiner.hasPath })
        case .joining:
            #expect(world.run(for: .seconds(5)) { target.hasPath })
        case .hostInCall, .joinerInCall:
            target.isTalking = true
            others[0].isTalking = true
            let heard = (target.heard.count, others[0].heard.count)
            _ = target.machine.sendChat(DisplayText(message: "still here"), now: world.now)
            world.run(for: .seconds(2))
            #expect(others[0].chats == ["still here"] && target.deliveries == 1)
            #expect(target.heard.count > heard.0 + 190)
            #expect(others[0].heard.count > heard.1 + 190)
        }
    }
}

private let runsEverything = seeds(2, reduced: 1).upperBound == 2

extension [UInt8] {
    fileprivate func flipping(bit: Int) -> [UInt8] {
        var bytes = self
        bytes[bit / 8] ^= 1 << UInt8(bit % 8)
        return bytes
    }
}
