import Testing
import VCCore

@testable import VCAudio

@Suite struct DecodeBudgetTests {
    /// 5 ms, as a block of 240 samples plays.
    private static let block: UInt64 = 5_000_000

    /// A machine that needs so long for each member it decodes.
    private func run(
        _ budget: inout DecodeBudget, busy: UInt32, cost: UInt64, blocks: Int
    ) -> (chosen: UInt32, warnings: [Int]) {
        var chosen: UInt32 = 0
        var warnings: [Int] = []
        for _ in 0..<blocks {
            chosen = budget.choose(among: busy)
            let used = cost * UInt64(chosen.nonzeroBitCount)
            let leftOut = budget.note(used: used, sound: Self.block)
            if leftOut > 0 { warnings.append(leftOut) }
        }
        return (chosen, warnings)
    }

    private func expectChosen(
        _ budget: inout DecodeBudget, _ expected: UInt32,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let chosen = budget.choose(among: 0b1111)
        #expect(chosen == expected, sourceLocation: sourceLocation)
    }

    @Test("where there is time everybody is decoded")
    func all() {
        var budget = DecodeBudget()
        let (chosen, warnings) = run(&budget, busy: 0xFFFF, cost: 40_000, blocks: 2_000)
        #expect(chosen == 0xFFFF)
        #expect(warnings.isEmpty)
    }

    @Test("where there is not, the loudest are, as many as fit, and the person is told once")
    func loudest() {
        var budget = DecodeBudget()
        for _ in 0..<20 {
            for slot in 0..<16 { budget.note(level: UInt8(20 + slot * 3), slot: slot) }
        }
        // A millisecond each: three fit into 70 % of five.
        let (chosen, warnings) = run(&budget, busy: 0xFFFF, cost: 1_000_000, blocks: 1_000)
        #expect(chosen == 0b111)
        #expect(budget.capacity == 3)
        #expect(warnings == [4], "told when it began")
    }

    @Test("who becomes louder is heard in place of the softest, not at each syllable")
    func order() {
        var budget = DecodeBudget()
        for _ in 0..<20 {
            for slot in 0..<4 { budget.note(level: UInt8(30 + slot), slot: slot) }
        }
        _ = run(&budget, busy: 0b1111, cost: 2_000_000, blocks: 400)
        #expect(budget.capacity == 1)
        expectChosen(&budget, 0b0001)
        // 4 dB louder is not enough to take its place, 10 dB are.
        for _ in 0..<20 { budget.note(level: 26, slot: 3) }
        expectChosen(&budget, 0b0001)
        for _ in 0..<20 { budget.note(level: 20, slot: 3) }
        expectChosen(&budget, 0b1000)
    }

    @Test("a block that took long by chance changes nothing")
    func chance() {
        var budget = DecodeBudget()
        for number in 0..<4_000 {
            _ = budget.choose(among: 0b111)
            let used: UInt64 = number % 7 == 0 ? 30_000_000 : 300_000
            let leftOut = budget.note(used: used, sound: Self.block)
            #expect(leftOut == 0)
        }
        #expect(budget.capacity == 16)
    }

    @Test("when the machine is free again everybody comes back, and the next time is told again")
    func recovery() {
        var budget = DecodeBudget()
        let (_, first) = run(&budget, busy: 0xFF, cost: 1_000_000, blocks: 1_000)
        #expect(first.count == 1)
        let (chosen, second) = run(&budget, busy: 0xFF, cost: 50_000, blocks: 4_000)
        #expect(chosen == 0xFF)
        #expect(second.isEmpty)
        let (_, third) = run(&budget, busy: 0xFF, cost: 1_000_000, blocks: 400)
        #expect(third.isEmpty, "less than a minute later that is no news")
        _ = run(&budget, busy: 0xFF, cost: 50_000, blocks: 20_000)
        let (_, fourth) = run(&budget, busy: 0xFF, cost: 1_000_000, blocks: 400)
        #expect(fourth.count == 1)
    }

    @Test("one is heard on the slowest machine")
    func one() {
        var budget = DecodeBudget()
        let (chosen, _) = run(&budget, busy: 0b1010_0000, cost: 60_000_000, blocks: 1_000)
        #expect(chosen.nonzeroBitCount == 1)
    }
}
