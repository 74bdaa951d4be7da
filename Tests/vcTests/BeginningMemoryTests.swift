import Testing

@testable import vc

@Suite("The memory of a beginning")
struct BeginningMemoryTests {
    @Test("is let go once, when nobody has come for a moment")
    func once() {
        var memory = BeginningMemory()
        var released = 0
        for _ in 0..<10 { memory.tick { released += 1 } }
        #expect(released == 1)
    }

    @Test("is let go again after somebody else came, and not before that is over")
    func again() {
        var memory = BeginningMemory()
        var released = 0
        for _ in 0..<10 {
            memory.begin()
            memory.tick { released += 1 }
        }
        #expect(released == 0)
        for _ in 0..<10 { memory.tick { released += 1 } }
        #expect(released == 1)
        memory.begin()
        for _ in 0..<10 { memory.tick { released += 1 } }
        #expect(released == 2)
    }

    @Test("holds code that still runs when it was let go")
    func goesOn() {
        var memory = BeginningMemory()
        var hasReleased = false
        while !hasReleased { hasReleased = memory.tick() }
        #expect("what is used again comes back".contains("comes back"))
    }
}
