import Testing
import VCCore

@testable import VCRelay

@Suite struct SessionTableTests {
    private static func session(_ id: UInt64) -> RelaySession {
        RelaySession(
            id: id, endpoint: Endpoint(ipv4: 1, port: 1), room: 0, member: 1, generation: 1,
            lastHeard: 0, expiry: 0, memberKey: .none)
    }

    @Test("a session of a pair takes at most 256 bytes, with its part of the index and its room")
    func size() {
        // A quarter of the index may be in use, and rooms of two have half a room each; the
        // dictionary of rooms holds 20 bytes each, and is half full at worst.
        let bytes =
            MemoryLayout<RelaySession>.stride + 2 * MemoryLayout<SessionTable.Entry>.stride
            + MemoryLayout<RelayRoom>.stride / 2 + 20
        #expect(bytes <= 256, "\(bytes)")
        #expect(MemoryLayout<RelaySession>.stride <= 104)
        #expect(MemoryLayout<RelayRoom>.stride <= 144)
    }

    @Test("every session is found by its id and by no other, whatever comes and goes")
    func table() {
        var table = SessionTable()
        var random = SplitMix64(seed: 5)
        var slots: [UInt64: Int] = [:]
        for step in 0..<20_000 {
            if slots.isEmpty || random.next(below: 5) > 1 {
                let id = table.drawID(&random)
                #expect(table.slot(of: id) == nil)
                slots[id] = table.insert(Self.session(id))
            } else if let id = slots.keys.min(by: { $0 ^ UInt64(step) < $1 ^ UInt64(step) }),
                let slot = slots.removeValue(forKey: id)
            {
                table.remove(slot)
                #expect(table.slot(of: id) == nil)
            }
            if step % 1_000 == 0 {
                for (id, slot) in slots {
                    #expect(table.slot(of: id) == slot && table[slot].id == id)
                }
            }
        }
        #expect(table.count == slots.count && table.count > 1_000)
        #expect(Set(slots.values).count == slots.count)
        #expect(table.slot(of: 0) == nil)
        for slot in slots.values { table.remove(slot) }
        #expect(table.count == 0)
    }
}
