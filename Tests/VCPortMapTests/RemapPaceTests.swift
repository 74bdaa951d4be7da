import Testing
import VCCore

@testable import VCPortMap

@Suite("A mapping through which somebody is not reached")
struct RemapPaceTests {
    private func instant(_ seconds: Int) -> Instant {
        Instant.zero + .seconds(1_000 + seconds)
    }

    @Test("is made anew at once, and then each time after twice as long")
    func doubles() {
        var pace = RemapPace()
        let due = (0...1_000).filter { second in pace.isDue(now: instant(second)) }
        #expect(due == [0, 60, 180, 420, 900])
    }

    @Test("is made anew after a minute again once the network has changed")
    func reset() {
        var pace = RemapPace()
        _ = (0...420).filter { second in pace.isDue(now: instant(second)) }
        pace.reset()
        let due = (421...700).filter { second in pace.isDue(now: instant(second)) }
        #expect(due == [480, 600])
    }
}
