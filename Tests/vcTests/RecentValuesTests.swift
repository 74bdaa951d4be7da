import Testing
import VCCore

@testable import vc

@Suite("What was measured lately")
struct RecentValuesTests {
    @Test("is told by the values that half and 95 of 100 do not exceed")
    func percentiles() {
        var values = RecentValues()
        #expect(values.percentile(50) == nil)
        values.note(7)
        #expect(values.percentile(50) == 7 && values.percentile(95) == 7)
        values = RecentValues()
        for value in (1...100).reversed() { values.note(Double(value)) }
        #expect(values.percentile(50) == 50)
        #expect(values.percentile(95) == 95)
        #expect(values.percentile(100) == 100 && values.percentile(0) == 1)
    }

    @Test("forgets what is older than a minute", arguments: 0..<20)
    func forgets(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var values = RecentValues()
        var all: [Double] = []
        for _ in 0..<(1 + Int(random.next(below: 400))) {
            let value = Double(random.next(below: 1_000))
            values.note(value)
            all.append(value)
        }
        let sorted = all.suffix(RecentValues.capacity).sorted()
        #expect(values.percentile(100) == sorted.last)
        #expect(values.percentile(1) == sorted[max(0, (sorted.count + 99) / 100 - 1)])
        #expect(values.percentile(50) == sorted[(sorted.count + 1) / 2 - 1])
    }
}
