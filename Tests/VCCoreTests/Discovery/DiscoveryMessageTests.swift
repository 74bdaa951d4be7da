import Testing

@testable import VCCore

@Suite("Questions and answers in the local network")
struct DiscoveryMessageTests {
    static func bytes(_ query: DiscoveryQuery) -> [UInt8] {
        [UInt8](capacity: DiscoveryFormat.querySize) { query.encode(into: &$0) }
    }

    static func bytes(_ answer: DiscoveryAnswer) -> [UInt8] {
        [UInt8](capacity: DiscoveryFormat.answerSize) { answer.encode(into: &$0) }
    }

    static func query(knowing count: Int) -> DiscoveryQuery {
        DiscoveryQuery(
            transaction: 0x0102_0304_0506_0708, nameplate: 123_456,
            known: (0..<count).map { UInt64($0) << 32 | 9 })
    }

    private static let answer = DiscoveryAnswer(transaction: 77, host: 0xAABB_CCDD_0011_2233)

    @Test("are read as they were written, and have the sizes that are documented")
    func roundTrip() throws {
        for count in 0...DiscoveryFormat.maximumKnown {
            let bytes = Self.bytes(Self.query(knowing: count))
            #expect(bytes.count == 64)
            #expect(try DiscoveryQuery(bytes.span.bytes) == Self.query(knowing: count))
        }
        let bytes = Self.bytes(Self.answer)
        #expect(bytes.count == 19)
        #expect(try DiscoveryAnswer(bytes.span.bytes) == Self.answer)
        #expect(Array(bytes[..<3]) == [0xC6, 0x81, protocolVersion])
    }

    @Test("name as many hosts as there is room for")
    func manyKnown() throws {
        let query = Self.query(knowing: 20)
        #expect(query.known.count == DiscoveryFormat.maximumKnown)
        #expect(try DiscoveryQuery(Self.bytes(query).span.bytes) == query)
    }

    @Test("an answer is never longer than its question")
    func amplification() {
        #expect(DiscoveryFormat.answerSize <= DiscoveryFormat.querySize)
    }

    @Test("of any other length are none, whatever they hold")
    func lengths() {
        let query = Self.bytes(Self.query(knowing: 6))
        for size in 0...1_300 where size != query.count {
            let other = (0..<size).map { $0 < query.count ? query[$0] : 0 }
            #expect(throws: DecodeError.self) { try DiscoveryQuery(other.span.bytes) }
        }
        let answer = Self.bytes(Self.answer)
        for size in 0...200 where size != answer.count {
            let other = (0..<size).map { $0 < answer.count ? answer[$0] : 0 }
            #expect(throws: DecodeError.self) { try DiscoveryAnswer(other.span.bytes) }
        }
    }

    @Test("with one bit changed are none, or say something else: exactly one datagram says each")
    func bits() throws {
        for count in 0...DiscoveryFormat.maximumKnown {
            let query = Self.query(knowing: count)
            let bytes = Self.bytes(query)
            for bit in 0..<8 * bytes.count {
                let changed = bytes.flipping(bit: bit)
                guard let read = try? DiscoveryQuery(changed.span.bytes) else { continue }
                #expect(read != query, "bit \(bit)")
                #expect(Self.bytes(read) == changed, "bit \(bit)")
                // Magic, type and version are what they are.
                #expect(bit >= 24)
            }
        }
        let bytes = Self.bytes(Self.answer)
        for bit in 0..<8 * bytes.count {
            let changed = bytes.flipping(bit: bit)
            guard let read = try? DiscoveryAnswer(changed.span.bytes) else { continue }
            #expect(read != Self.answer && bit >= 24, "bit \(bit)")
        }
    }

    @Test("for a number that no room can have are none")
    func nameplates() {
        for nameplate in [0, 1_000_000, UInt32.max] {
            let bytes = Self.bytes(DiscoveryQuery(transaction: 1, nameplate: nameplate))
            #expect(throws: DecodeError.unexpectedValue) { try DiscoveryQuery(bytes.span.bytes) }
        }
    }

    @Test("of random bytes never trap")
    func fuzz() {
        var random = SplitMix64(seed: 6)
        let query = Self.bytes(Self.query(knowing: 3))
        for _ in 0..<20_000 {
            var bytes = query
            for _ in 0..<1 + random.next(below: 6) {
                bytes[Int(random.next(below: 64))] = UInt8(truncatingIfNeeded: random.next())
            }
            if let read = try? DiscoveryQuery(bytes.span.bytes) {
                #expect(Self.bytes(read) == bytes)
            }
            _ = try? DiscoveryAnswer(bytes.span.bytes)
        }
    }
}
