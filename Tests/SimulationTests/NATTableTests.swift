import Testing
import VCCore
import VCTestKit

/// Every pair of NAT kinds: members behind them meet, and end on the rung that is the best one
/// there.
@Suite struct NATTableTests {
    let arena: SecretArena

    init() throws {
        arena = try #require(SecretArena())
    }

    @Test(
        "behind every pair of NATs: voice in the first second, and the best rung there is",
        arguments: Cell.all.filter { $0.expected != .tcp } + Cell.families)
    func cell(_ cell: Cell) throws {
        // What many ports find comes later: `BirthdayTests`.
        let rungs = [RungPolicy](repeating: RungPolicy(allowsBirthday: false), count: 2)
        for seed in seeds(200, reduced: 3) {
            var call = try Call(
                cell.one, cell.other, seed: seed, slowest: 75, rungs: rungs, arena: arena)
            call.run(untilAfterStart: .seconds(1))
            let hasVoice = call.hasVoice
            #expect(hasVoice, call.label)
            call.run(untilAfterStart: .seconds(3))
            let rung = cell.expected == .direct ? Rung.direct : .relay
            let early = call.rungs
            #expect(early == [rung, rung], call.label)
            call.run(untilAfterStart: .seconds(6))
            let late = call.rungs
            #expect(late == [rung, rung], call.label)
            let silence = call.silence(since: call.start + .seconds(1))
            #expect(silence < Call.patience, call.label)
            call.finish()
        }
        #expect(arena.slotsInUse == 0)
    }

    @Test(
        "where UDP does not pass: in the room, with voice, over TCP within 5 s",
        arguments: Cell.all.filter { $0.expected == .tcp })
    func udpBlocked(_ cell: Cell) throws {
        for seed in seeds(200, reduced: 5) {
            var call = try Call(cell.one, cell.other, seed: seed, slowest: 75, arena: arena)
            call.run(for: call.departure + .seconds(5) - call.world.now)
            let hasVoice = call.hasVoice
            #expect(hasVoice, call.label)
            call.run(for: .seconds(3))
            let (one, other) = call.members(seed: seed)
            let rungs = (call.rung(of: one), call.rung(of: other))
            #expect(rungs == (.relay, .tcp), call.label)
            let silence = call.silence(since: call.departure + .seconds(5))
            #expect(silence < Call.patience, call.label)
            call.finish()
        }
    }

    @Test("UDP blocked on both sides: over TCP, too")
    func udpBlockedTwice() throws {
        for seed in seeds(200, reduced: 5) {
            var call = try Call(.udpBlocked, .udpBlocked, seed: seed, arena: arena)
            call.run(for: call.departure + .seconds(5) - call.world.now)
            let (hasVoice, rungs) = (call.hasVoice, call.rungs)
            #expect(hasVoice && rungs == [.tcp, .tcp], call.label)
            call.finish()
        }
    }

    @Test("where nothing passes, the joiner is told so")
    func blocked() throws {
        for seed in seeds(200, reduced: 5) {
            var world = World(seed: seed, link: Call.link(seed: seed), arena: arena, relays: 2)
            let host = world.addHost()
            world.run(for: .seconds(5)) { !host.code.isEmpty }
            let site = world.addSite(Surroundings.blocked.behaviour)
            let joiner = try world.addJoiner(code: host.code, at: site)
            world.run(for: .seconds(10)) { joiner.end != nil }
            #expect(joiner.end == .signalUnreachable, "seed \(seed)")
        }
    }

    @Test("the same seed twice gives the same trace")
    func determinism() throws {
        let pairs: [(Surroundings, Surroundings)] = [
            (.symmetric, .addressRestricted), (.symmetric, .symmetric),
            (.portRestricted, .udpBlocked),
        ]
        for seed in seeds(20, reduced: 2) {
            for (one, other) in pairs {
                let traces = try (0..<2).map { _ in
                    var call = try Call(one, other, seed: seed, arena: arena)
                    call.run(untilAfterStart: .seconds(3))
                    return call.world.network.trace
                }
                #expect(traces[0] == traces[1], "seed \(seed)")
            }
        }
    }
}
