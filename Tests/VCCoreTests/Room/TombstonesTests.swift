import Testing

@testable import VCCore

@Suite struct TombstonesTests {
    private func key(_ number: UInt64) -> PublicKey { SafetyRig.key(words: [number, 2, 3, 4]) }

    @Test("a key stands there once, in the order of going, and the oldest goes where all are taken")
    func bound() {
        let most = UInt64(Tombstones.maximumCount)
        var tombstones = Tombstones([key(1), key(2), key(1)])
        #expect(tombstones.keys == [key(1), key(2)])
        for number in 3...most { tombstones.add(key(number)) }
        #expect(tombstones.contains(key(1)) && tombstones.keys.count == Int(most))
        tombstones.add(key(most + 1))
        #expect(!tombstones.contains(key(1)) && tombstones.contains(key(2)))
        #expect(tombstones.keys.count == Int(most) && tombstones.keys.last == key(most + 1))
    }
}
