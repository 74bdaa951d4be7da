import Testing

@testable import VCCore

@Suite struct ReplayWindowTests {
    @Test("each counter is accepted once, in any order within the window")
    func onceEach() {
        var random = SplitMix64(seed: 3)
        for _ in 0..<200 {
            var window = ReplayWindow()
            var accepted = Set<UInt64>()
            var highest: UInt64 = 0
            for _ in 0..<4_000 {
                let jump = random.next(below: 50) == 0 ? UInt64(random.next(below: 3_000)) : 3
                let low = highest > 900 ? highest - 900 : 0
                let counter = low + UInt64(random.next(below: UInt32(highest - low + jump + 1)))
                let isNew = window.isNew(counter)
                #expect(isNew == !accepted.contains(counter))
                guard isNew else { continue }
                window.accept(counter)
                accepted.insert(counter)
                highest = max(highest, counter)
            }
        }
    }

    @Test("what is older than the window is refused, also after a jump")
    func old() {
        var window = ReplayWindow()
        window.accept(0)
        window.accept(100_000)
        #expect(!window.isNew(0))
        #expect(!window.isNew(100_000 - ReplayWindow.size))
        #expect(window.isNew(100_001 - ReplayWindow.size))
        #expect(!window.isNew(100_000))
        #expect(!window.isNew(.max))
        window.accept(5_000)
        #expect(!window.isNew(5_000))
    }

    @Test("a jump forgets no counter that is still inside and remembers none that is new")
    func everyJump() {
        for jump in UInt64(1)...2_200 {
            var window = ReplayWindow()
            for counter in UInt64(0)..<70 { window.accept(counter) }
            window.accept(69 + jump)
            for counter in UInt64(0)...(69 + jump) {
                let inside = 69 + jump + 1 - counter <= ReplayWindow.size
                let seen = counter < 70 || counter == 69 + jump
                #expect(window.isNew(counter) == (inside && !seen))
            }
        }
    }
}
