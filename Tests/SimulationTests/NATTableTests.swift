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
        arguments: Cell.all.filter { $0.expected == .direct && !$0.needsPriming })
    func cell(_ cell: Cell) throws {
        for seed in seeds(200, reduced: 5) {
            var call = try Call(cell.one, cell.other, seed: seed, arena: arena)
            call.run(untilAfterStart: .seconds(1))
            let hasVoice = !call.host.heard.isEmpty && !call.joiner.heard.isEmpty
            #expect(hasVoice, call.label)
            call.run(untilAfterStart: .seconds(3))
            #expect(call.rungs == [.direct, .direct], call.label)
            call.run(untilAfterStart: .seconds(6))
            #expect(call.rungs == [.direct, .direct], call.label)
            #expect(call.silence(since: call.start + .seconds(1)) < Call.patience, call.label)
            call.finish()
        }
        #expect(arena.slotsInUse == 0)
    }

    @Test("the same seed twice gives the same trace")
    func determinism() throws {
        for seed in seeds(20, reduced: 2) {
            let traces = try (0..<2).map { _ in
                var call = try Call(
                    .symmetric, .addressRestricted, seed: seed, arena: arena)
                call.run(untilAfterStart: .seconds(3))
                return call.world.network.trace
            }
            #expect(traces[0] == traces[1], "seed \(seed)")
        }
    }
}
