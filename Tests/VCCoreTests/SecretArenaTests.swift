import Foundation
import Testing

@testable import VCCore

@Suite struct SecretArenaTests {
    let arena: SecretArena

    init() throws {
        arena = try #require(SecretArena())
    }

    @Test("what is released is zeros at once, and its memory is given out again")
    func wiped() {
        var random = AnyRandomSource(SplitMix64(seed: 4))
        for size in [1, 32, 64, 65, 500] {
            let secret = SecretBytes(random: &random, count: size, in: arena)
            let memory = UnsafeRawBufferPointer(secret.mutableBytes)
            #expect(memory.contains { $0 != 0 })
            _ = consume secret
            #expect(memory.allSatisfy { $0 == 0 }, "\(size) bytes")
        }
        #expect(arena.slotsInUse == 0)
    }

    @Test("secrets stay out of swap, as far as the limit of the system allows")
    func locked() throws {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmLck:") }
        let locked = line?.split(whereSeparator: \.isWhitespace).dropFirst().first.map { Int($0) }
        #expect(arena.isLocked == ((locked ?? 0) ?? 0 > 0), "\(line ?? "no such line")")
    }
}
