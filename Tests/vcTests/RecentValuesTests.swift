import Testing
import VCCore

@testable import vc

@Suite("What was measured lately")
struct RecentValuesTests {
    @Test("is told by the values that half and 95 of 100 do not exceed")
    func percentiles() {
        var values = RecentValues()
        #expect(values.spread() == MemberStatistics.Spread())
        values.note(7)
        #expect(values.spread() == MemberStatistics.Spread(median: 7, most: 7))
        values = RecentValues()
        for value in (1...100).reversed() { values.note(Double(value)) }
        #expect(values.spread() == MemberStatistics.Spread(median: 50, most: 95))
        // Told once, and then another value comes.
        for _ in 0..<100 { values.note(400.05) }
        #expect(values.spread() == MemberStatistics.Spread(median: 100, most: 400.05))
    }

    @Test("forgets what is older than a minute", arguments: 0..<20)
    func forgets(seed: UInt64) {
        #expect(RecentValues.interval * RecentValues.capacity == .seconds(60))
        var random = SplitMix64(seed: seed)
        var values = RecentValues()
        var all: [Double] = []
        for _ in 0..<(1 + Int(random.next(below: 2_000))) {
            let value = Double(random.next(below: 1_000))
            values.note(value)
            all.append(value)
        }
        let sorted = all.suffix(RecentValues.capacity).sorted()
        let spread = values.spread()
        #expect(spread.median == sorted[(sorted.count + 1) / 2 - 1])
        #expect(spread.most == sorted[(sorted.count * 95 + 99) / 100 - 1])
    }

    @Test("whatever is measured")
    func limits() {
        var values = RecentValues()
        for value in [Double.nan, .infinity, -.infinity] { values.note(value) }
        #expect(values.spread().most == nil)
        values.note(-5)
        #expect(values.spread().most == 0)
        values.note(1e300)
        #expect(values.spread().most == 3_276.75)
    }

    @Test("stage by stage")
    func stages() {
        var delays = RecentDelays()
        for number in 1...100 {
            var now = MemberStatistics(number: 2)
            now.captureMilliseconds = Double(number)
            now.networkMilliseconds = Double(number + 100)
            now.bufferMilliseconds = Double(number + 200)
            now.decoderMilliseconds = Double(number + 300)
            now.playbackMilliseconds = Double(number + 400)
            now.mouthToEarMilliseconds = Double(number + 500)
            delays.note(now)
        }
        var told = MemberStatistics(number: 2)
        delays.tell(&told)
        let spreads = [
            told.captureSpread, told.networkSpread, told.bufferSpread, told.decoderSpread,
            told.playbackSpread, told.mouthToEarSpread,
        ]
        #expect(spreads.map(\.median) == [50, 150, 250, 350, 450, 550])
        #expect(spreads.map(\.most) == [95, 195, 295, 395, 495, 595])
    }
}
