import Testing
import VCCore

@testable import VCRelay

@Suite struct BatchPaceTests {
    private static let start = Instant.zero + .seconds(10)

    /// What is done when packets come at this rate, `count` at a time, over and over.
    private static func next(
        packetsPerSecond rate: Int, count: Int, turns: Int = 1_000
    ) -> [BatchPace.Next] {
        var pace = BatchPace()
        var now = start
        var found: [BatchPace.Next] = []
        for _ in 0..<turns {
            found.append(pace.next(count: count, capacity: 64, now: now))
            now = now + .nanoseconds(1_000_000_000 / rate * count)
        }
        return found
    }

    @Test("a relay of one call sleeps until anything happens, one of some until a packet comes")
    func quiet() {
        #expect(Self.next(packetsPerSecond: 200, count: 1).allSatisfy { $0 == .wait })
        #expect(Self.next(packetsPerSecond: 1_900, count: 1).allSatisfy { $0 == .wait })
        #expect(Self.next(packetsPerSecond: 7_000, count: 1).last == .block)
    }

    @Test("a busy one pauses for at most 250 us, and now and then sees what a wake-up brings")
    func busy() {
        let singles = Self.next(packetsPerSecond: 20_000, count: 1)
        #expect(singles.count { $0 == .pause(250_000) } >= 970)
        #expect(singles.count { $0 == .block } >= 10)
        #expect(
            singles.allSatisfy { if case .pause(let time) = $0 { time <= 250_000 } else { true } })
        // What it may have to take after it stays at half of what it can.
        #expect(Self.next(packetsPerSecond: 250_000, count: 30, turns: 60).last == .pause(128_000))
    }

    @Test("where several packets come with each wake-up anyway, it does not pause")
    func bursts() {
        #expect(
            Self.next(packetsPerSecond: 20_000, count: 7).suffix(100).allSatisfy { $0 == .block })
    }

    @Test("a core that has its hands full does not pause, and none without packets")
    func extremes() {
        #expect(Self.next(packetsPerSecond: 300_000, count: 64).last == .again)
        #expect(Self.next(packetsPerSecond: 20_000, count: 0).allSatisfy { $0 == .wait })
    }

    @Test("when the packets end it sleeps within a few turns; a late clock does no harm")
    func silence() {
        var pace = BatchPace()
        for step in 0..<100 {
            _ = pace.next(count: 5, capacity: 64, now: Self.start + .microseconds(250 * step))
        }
        var turns = 0
        while pace.next(count: 0, capacity: 64, now: Self.start + .milliseconds(30)) != .wait {
            turns += 1
        }
        #expect(turns <= 66)
        #expect(pace.next(count: 1, capacity: 64, now: Self.start + .seconds(5)) == .wait)
        #expect(pace.next(count: 1, capacity: 64, now: .zero) == .wait)
    }
}
