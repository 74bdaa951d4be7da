import Foundation
import Testing
import VCCore
import VCTestKit

/// The seeds that a simulation runs: all of them with VC_FULL=1, one alone with VC_SEED, to look at
/// what a failure named.
func seeds(_ full: Int, reduced: Int) -> ClosedRange<UInt64> {
    let environment = ProcessInfo.processInfo.environment
    if let only = environment["VC_SEED"].flatMap({ UInt64($0) }) { return only...only }
    return 1...UInt64(environment["VC_FULL"] == "1" ? full : reduced)
}

@Suite struct PairTests {
    let arena: SecretArena
    static let bad = VirtualNetwork.Link(
        latency: .milliseconds(20), jitter: .milliseconds(15), loss: 0.2, duplication: 0.05,
        reordering: 0.05)
    static let good = VirtualNetwork.Link(latency: .milliseconds(5))

    init() throws {
        arena = try #require(SecretArena(slotCount: 32_768))
    }

    /// A host and a joiner that are in a room together.
    private func pair(
        seed: UInt64, link: VirtualNetwork.Link, body: (inout World, Node, Node) throws -> Void
    ) throws {
        var world = World(seed: seed, link: link, arena: arena)
        let host = world.addHost()
        #expect(world.run(for: .seconds(30)) { !host.code.isEmpty }, "seed \(seed): no code")
        let joiner = try world.addJoiner(code: host.code)
        let joined = world.run(for: .seconds(60)) {
            host.hasPath && joiner.hasPath || joiner.end != nil
        }
        try #require(
            joined && joiner.end == nil, "seed \(seed): \(joiner.events) \(host.events)")
        try body(&world, host, joiner)
    }

    @Test("on a good network two people are in a room, talk, chat and leave")
    func good() throws {
        try pair(seed: 1, link: PairTests.good) { world, host, joiner in
            let start = world.now
            #expect(start < Instant(nanoseconds: 2_000_000_000))
            host.isTalking = true
            joiner.isTalking = true
            let id = joiner.machine.sendChat(DisplayText(message: "hello"), now: world.now)
            #expect(id == 1)
            world.run(for: .seconds(3))
            #expect(host.chats == ["hello"])
            #expect(joiner.deliveries == 1)
            #expect(joiner.heard.count >= 298 && host.heard.count >= 298)
            joiner.machine.leave(now: world.now)
            #expect(world.run(for: .seconds(1)) { joiner.end == .left })
            #expect(
                host.events.contains {
                    if case .member(let member, .left) = $0 {
                        member.name.text == "bob"
                    } else {
                        false
                    }
                })
            host.machine.leave(now: world.now)
            #expect(world.run(for: .seconds(2)) { host.end == .left })
        }
        #expect(arena.slotsInUse == 0, "everything secret was released")
    }

    @Test(
        "20 % loss, reordering, duplicates and 2 s outages: joined, chat whole, voice back at once")
    func bad() throws {
        for seed in seeds(1_000, reduced: 40) {
            let trace = try run(seed: seed)
            if seed % 20 == 0 {
                let again = try run(seed: seed)
                #expect(trace == again, "seed \(seed) runs in two ways")
            }
        }
        #expect(arena.slotsInUse == 0)
    }

    private func run(seed: UInt64) throws -> UInt64 {
        var trace: UInt64 = 0
        try pair(seed: seed, link: PairTests.bad) { world, host, joiner in
            host.isTalking = true
            joiner.isTalking = true
            var random = SplitMix64(seed: seed)
            var sent: [String] = []
            for round in 0..<3 {
                let outage = world.now + .seconds(1)
                world.network.addBlackout(from: outage, until: outage + .seconds(2))
                for message in 0..<5 {
                    let text =
                        "\(round).\(message) "
                        + String(repeating: "x", count: 1 + Int(random.next(below: 3_900)))
                    sent.append(text)
                    _ = host.machine.sendChat(DisplayText(message: text), now: world.now)
                    _ = joiner.machine.sendChat(DisplayText(message: text), now: world.now)
                    world.run(for: .milliseconds(Int64(random.next(below: 800))))
                }
                world.run(for: outage + .seconds(2) - world.now)
                let end = world.now
                world.run(for: .milliseconds(200))
                for node in [host, joiner] {
                    #expect(node.heard.contains { $0.time >= end }, "seed \(seed): no voice back")
                }
            }
            let whole = world.run(for: .seconds(60)) {
                host.chats.count >= sent.count && joiner.chats.count >= sent.count
                    && host.deliveries >= sent.count && joiner.deliveries >= sent.count
            }
            #expect(whole, "seed \(seed): chat incomplete")
            #expect(host.chats == sent && joiner.chats == sent, "seed \(seed): chat out of order")
            trace = world.network.trace
        }
        return trace
    }

    @Test("keys change every two minutes, and a call of ten minutes with loss never stops")
    func rekeys() throws {
        for seed in seeds(50, reduced: 2) {
            try pair(seed: seed, link: PairTests.bad) { world, host, joiner in
                host.isTalking = true
                joiner.isTalking = true
                world.run(for: .seconds(600))
                for node in [host, joiner] {
                    var last = node.heard.first?.time ?? .zero
                    for (time, _, _) in node.heard {
                        #expect(time - last < .milliseconds(400), "seed \(seed): a hole")
                        last = time
                    }
                    #expect(world.now - last < .milliseconds(400))
                    // 60,000 frames each way, a fifth lost: nothing is lost to the changes of keys.
                    #expect(node.heard.count > 47_000)
                    let indices = Set(node.sealed.map { Array($0[1..<5]) })
                    #expect(indices.count >= 5, "seed \(seed): keys did not change")
                }
            }
        }
    }

    @Test("a recorded call replayed or reflected gives no accepted packet")
    func replay() throws {
        try pair(seed: 7, link: PairTests.good) { world, host, joiner in
            host.isTalking = true
            joiner.isTalking = true
            _ = joiner.machine.sendChat(DisplayText(message: "once"), now: world.now)
            world.run(for: .seconds(130))
            host.isTalking = false
            joiner.isTalking = false
            world.run(for: .seconds(2))
            let recorded = (host.sealed, joiner.sealed)
            world.run(for: .seconds(2))
            let opened = (host.machine.counters.opened, joiner.machine.counters.opened)
            #expect(recorded.0.count > 13_000 && recorded.1.count > 13_000)
            for packet in recorded.0 {
                world.receive(packet, from: host.endpoint, at: joiner)
                world.receive(packet, from: joiner.endpoint, at: host)
            }
            for packet in recorded.1 {
                world.receive(packet, from: joiner.endpoint, at: host)
                world.receive(packet, from: host.endpoint, at: joiner)
            }
            #expect(host.machine.counters.opened == opened.0)
            #expect(joiner.machine.counters.opened == opened.1)
            #expect(host.chats == ["once"])
        }
    }

    @Test("no key and counter pair is ever used twice")
    func nonces() throws {
        for seed in seeds(20, reduced: 3) {
            try pair(seed: seed, link: PairTests.bad) { world, host, joiner in
                host.isTalking = true
                world.run(for: .seconds(300))
                for node in [host, joiner] {
                    // The receiver's index stands for the key: each session draws a fresh one.
                    let headers = node.sealed.map { Array($0[1..<13]) }
                    #expect(Set(headers).count == headers.count, "seed \(seed)")
                }
            }
        }
    }

    @Test("a minute without a path loses no chat; a longer one ends the pair and says so")
    func longOutage() throws {
        try pair(seed: 3, link: PairTests.good) { world, host, joiner in
            world.network.addBlackout(from: world.now, until: world.now + .seconds(55))
            _ = host.machine.sendChat(DisplayText(message: "are you there"), now: world.now)
            world.run(for: .seconds(54))
            #expect(joiner.chats.isEmpty && joiner.end == nil)
            world.run(for: .seconds(10))
            #expect(joiner.chats == ["are you there"] && host.deliveries == 1)
            world.network.addBlackout(from: world.now, until: world.now + .seconds(100))
            _ = host.machine.sendChat(DisplayText(message: "gone"), now: world.now)
            world.run(for: .seconds(70))
            #expect(joiner.end == .hostLost)
            // For so long it might have been in another part of the room.
            world.run(for: .seconds(60))
            #expect(host.events.contains(.delivery(id: 2, member: 2, isDelivered: false)))
        }
    }
}
