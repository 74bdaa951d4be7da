import Testing

@testable import VCCore

@Suite("Answering in the local network")
struct DiscoveryAnswererTests {
    static let links = LinkPrefixes([
        LinkPrefixes.Prefix(Endpoint(ipv4: 0xC0A8_0114, port: 0), length: 24),
        LinkPrefixes.Prefix(Endpoint(high: 0xFD00_0000_0000_0001, low: 5, port: 0), length: 64),
    ])
    static let neighbour = Endpoint(ipv4: 0xC0A8_0163, port: 40_000)
    static let stranger = Endpoint(ipv4: 0xC0A8_0263, port: 40_000)

    static func at(_ seconds: Double) -> Instant {
        Instant(nanoseconds: 1_000_000_000 + UInt64((seconds * 1_000).rounded()) * 1_000_000)
    }

    private var answerer: DiscoveryAnswerer = {
        var random = SplitMix64(seed: 1)
        return DiscoveryAnswerer(random: &random)
    }()

    private mutating func ask(
        _ nameplate: UInt32, transaction: UInt64 = 1, known: [UInt64] = [],
        from source: Endpoint = DiscoveryAnswererTests.neighbour, at seconds: Double
    ) -> DiscoveryAnswer? {
        let query = DiscoveryQuery(transaction: transaction, nameplate: nameplate, known: known)
        let bytes = DiscoveryMessageTests.bytes(query)
        return answerer.answer(
            bytes.span.bytes, from: source, links: Self.links, now: Self.at(seconds)
        ) { $0 == 7 }
    }

    @Test("only a question for a room that is here has an answer, which repeats its transaction")
    mutating func nameplate() {
        #expect(ask(7, transaction: 99, at: 0)?.transaction == 99)
        #expect(ask(8, at: 0) == nil)
        #expect(ask(70, at: 0) == nil)
        #expect(answerer.counters.otherRooms == 2)
    }

    @Test("who stands behind a router is not answered")
    mutating func offLink() {
        #expect(ask(7, from: Self.stranger, at: 0) == nil)
        #expect(ask(7, from: Endpoint(ipv4: 0x0808_0808, port: 53), at: 0) == nil)
        let global = Endpoint(high: 0x2001_0DB8_0000_0000, low: 1, port: 9)
        #expect(ask(7, from: global, at: 0) == nil)
        #expect(answerer.counters.offLink == 3)
        let near = Endpoint(high: 0xFE80_0000_0000_0000, low: 7, port: 9, scope: 2)
        #expect(ask(7, from: near, at: 0) != nil)
    }

    @Test("who has the answer already gets no other one")
    mutating func known() throws {
        let answer = ask(7, at: 0)
        let host = try #require(answer).host
        #expect(ask(7, known: [1, host], at: 0.1) == nil)
        #expect(ask(7, known: [1, host + 1], at: 0.1) != nil)
    }

    @Test("a flood of questions has five answers in any second, whoever asks")
    mutating func rate() {
        var random = SplitMix64(seed: 3)
        var times: [UInt32] = []
        var milliseconds: UInt32 = 0
        while milliseconds < 20_000 {
            milliseconds += random.next(below: 40)
            let source = Endpoint(ipv4: 0xC0A8_0100 + random.next(below: 255), port: 9)
            let answer = ask(
                7, transaction: random.next(), from: source, at: Double(milliseconds) / 1_000)
            if answer != nil { times.append(milliseconds) }
        }
        for time in times {
            #expect(times.count { $0 >= time && $0 < time + 1_000 } <= 5)
        }
        // It does not stop answering either.
        #expect(times.count >= 90)
        #expect(answerer.counters.answered == UInt64(times.count))
    }

    @Test("what is no question takes nothing away from those that are")
    mutating func garbage() {
        let garbage = [UInt8](repeating: 0xC6, count: 64)
        for _ in 0..<100 {
            let answer = answerer.answer(
                garbage.span.bytes, from: Self.neighbour, links: Self.links, now: Self.at(0)
            ) { _ in true }
            #expect(answer == nil)
        }
        for _ in 0..<5 {
            let answer = ask(7, at: 0)
            #expect(answer != nil)
        }
    }
}

@Suite("Who is in the same network")
struct LinkPrefixesTests {
    private static func ipv4(_ address: UInt32, _ length: Int) -> LinkPrefixes {
        LinkPrefixes([LinkPrefixes.Prefix(Endpoint(ipv4: address, port: 0), length: length)])
    }

    @Test("is who shares the prefix of an interface, to the bit")
    func lengths() {
        for length in 8...32 {
            let links = Self.ipv4(0x0A14_1E28, length)
            for bit in 0..<32 {
                let other = Endpoint(ipv4: 0x0A14_1E28 ^ (1 << UInt32(bit)), port: 5)
                #expect(links.contains(other) == (bit < 32 - length), "/\(length), bit \(bit)")
            }
        }
        for length in 32...128 {
            let own = Endpoint(high: 0x2001_0DB8_0000_0000, low: 0x1234, port: 0)
            let links = LinkPrefixes([LinkPrefixes.Prefix(own, length: length)])
            for bit in 0..<128 {
                let other = Endpoint(
                    high: own.high ^ (bit < 64 ? 0 : 1 << UInt64(bit - 64)),
                    low: own.low ^ (bit < 64 ? 1 << UInt64(bit) : 0), port: 5)
                #expect(links.contains(other) == (bit < 128 - length), "/\(length), bit \(bit)")
            }
        }
    }

    @Test("is not everybody, even where an interface says so")
    func wide() {
        for length in [-1, 0, 1, 7, 33, 200] {
            #expect(!Self.ipv4(0x0A14_1E28, length).contains(Endpoint(ipv4: 0x0A14_1E28, port: 1)))
        }
        #expect(!LinkPrefixes().contains(Endpoint(ipv4: 0x0A14_1E28, port: 1)))
    }

    @Test("is who has a link-local IPv6 address, which no router forwards")
    func linkLocal() {
        #expect(LinkPrefixes().contains(Endpoint(high: 0xFE80_0000_0000_0000, low: 1, port: 1)))
        #expect(!LinkPrefixes().contains(Endpoint(high: 0xFEC0_0000_0000_0000, low: 1, port: 1)))
        #expect(!LinkPrefixes().contains(Endpoint(ipv4: 0xA9FE_0001, port: 1)))
    }

    @Test("does not mix the families")
    func families() {
        let everyIPv4AsIPv6 = LinkPrefixes([
            LinkPrefixes.Prefix(Endpoint(high: 0, low: 1, port: 0), length: 80)
        ])
        #expect(!everyIPv4AsIPv6.contains(Endpoint(ipv4: 0x0808_0808, port: 1)))
    }
}
