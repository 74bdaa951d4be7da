import Testing

@testable import VCCore

@Suite("Looking for a room in the local network")
struct DiscoverySearchTests {
    private static let start = Instant(nanoseconds: 5_000_000_000)

    private static func at(_ milliseconds: Int64) -> Instant {
        start + .milliseconds(milliseconds)
    }

    private static func place(_ number: UInt32, port: UInt16 = 4_460) -> Endpoint {
        Endpoint(ipv4: 0xC0A8_0100 + number, port: port)
    }

    private var search: DiscoverySearch = {
        var random = SplitMix64(seed: 4)
        return DiscoverySearch(nameplate: 7, limit: 3, random: &random, now: start)
    }()
    /// What an answer has to repeat.
    private var transaction: UInt64

    init() throws {
        var copy = search
        let query = copy.pollQuery(now: Self.start)
        transaction = try #require(query).transaction
    }

    private mutating func answer(
        _ host: UInt64, from source: Endpoint, at milliseconds: Int64, transaction: UInt64? = nil
    ) -> Bool {
        let answer = DiscoveryAnswer(transaction: transaction ?? self.transaction, host: host)
        return search.handle(
            DiscoveryMessageTests.bytes(answer).span.bytes, from: source,
            now: Self.at(milliseconds))
    }

    @Test("asks at 0, 100, 300 and 700 ms, and names who has answered")
    mutating func schedule() {
        var asked: [Int64] = []
        for milliseconds in Int64(0)..<3_000 {
            if milliseconds == 150 {
                let isNew = answer(9, from: Self.place(1), at: 150)
                #expect(isNew)
            }
            guard let query = search.pollQuery(now: Self.at(milliseconds)) else { continue }
            asked.append(milliseconds)
            #expect(query.nameplate == 7 && query.transaction == transaction)
            #expect(query.known == (milliseconds < 150 ? [] : [9]))
        }
        #expect(asked == [0, 100, 300, 700])
    }

    @Test("asks once after a sleep, not for each time that was missed")
    mutating func asleep() {
        let first = search.pollQuery(now: Self.at(900))
        let second = search.pollQuery(now: Self.at(900))
        #expect(first != nil && second == nil)
    }

    @Test("is over after 1.2 s where nobody answers, and is woken for it")
    mutating func nobody() {
        var now = Self.start
        while !search.isOver(now: now) {
            _ = search.pollQuery(now: now)
            let next = search.timeout(isTrying: false)
            #expect(next > now)
            now = next
        }
        #expect(now == Self.at(1_200))
        let late = answer(9, from: Self.place(1), at: 1_200)
        #expect(!late)
    }

    @Test("believes no answer to another question")
    mutating func transactions() {
        let other = answer(9, from: Self.place(1), at: 1, transaction: transaction ^ 1)
        #expect(!other)
        let host = search.nextHost(now: Self.at(1_000))
        #expect(host == nil)
        let isOver = search.isOver(now: Self.at(1_200))
        #expect(isOver)
    }

    @Test("gives each host once, with all of its addresses, in the order in which they answered")
    mutating func order() {
        let near = Endpoint(high: 0xFE80_0000_0000_0000, low: 7, port: 4_460, scope: 2)
        for (host, place) in [
            (9, Self.place(1)), (8, Self.place(2)), (9, near), (8, Self.place(2)),
        ] {
            _ = answer(UInt64(host), from: place, at: 3)
        }
        let early = search.nextHost(now: Self.at(52))
        #expect(early == nil)
        let first = search.nextHost(now: Self.at(53))
        let second = search.nextHost(now: Self.at(53))
        let third = search.nextHost(now: Self.at(1_300))
        #expect(first == [Self.place(1), near] && second == [Self.place(2)] && third == nil)
    }

    @Test("tries three hosts at most, however many answer")
    mutating func limit() {
        for host in 1...20 { _ = answer(UInt64(host), from: Self.place(UInt32(host)), at: 3) }
        var hosts: [[Endpoint]] = []
        while let host = search.nextHost(now: Self.at(100)) { hosts.append(host) }
        #expect(hosts == [[Self.place(1)], [Self.place(2)], [Self.place(3)]])
        // Nobody else is waited for.
        let isOver = search.isOver(now: Self.at(100))
        #expect(isOver)
    }

    @Test("takes an address for one host, whatever it calls itself, and four of one at most")
    mutating func addresses() {
        for host in 1...9 { _ = answer(UInt64(host), from: Self.place(1), at: 3) }
        for number in 2...9 { _ = answer(1, from: Self.place(UInt32(number)), at: 4) }
        let first = search.nextHost(now: Self.at(100))
        let second = search.nextHost(now: Self.at(100))
        #expect(first?.count == DiscoverySearch.maximumAddresses && second == nil)
    }

    @Test("leaves out loopback where the host has other addresses")
    mutating func loopback() {
        let loopback = Endpoint(ipv4: 0x7F00_0001, port: 4_460)
        _ = answer(9, from: loopback, at: 1)
        _ = answer(8, from: loopback.with(port: 4_470), at: 1)
        _ = answer(9, from: Self.place(1), at: 2)
        let first = search.nextHost(now: Self.at(100))
        let second = search.nextHost(now: Self.at(100))
        #expect(first == [Self.place(1)] && second == [loopback.with(port: 4_470)])
    }

    @Test("never traps, nor waits for ever, whatever is answered and when")
    func fuzz() {
        for seed in UInt64(1)...300 {
            var random = SplitMix64(seed: seed)
            var search = DiscoverySearch(
                nameplate: 7, limit: 1 + Int(seed % 3), random: &random, now: Self.start)
            var now = Self.start
            var given = 0
            while !search.isOver(now: now), now < Self.at(5_000) {
                if let query = search.pollQuery(now: now) { transactionCheck(query) }
                for _ in 0..<random.next(below: 4) {
                    var bytes = DiscoveryMessageTests.bytes(
                        DiscoveryAnswer(
                            transaction: transaction(of: search, now), host: random.next() % 5))
                    if random.next(below: 3) == 0 { bytes[Int(random.next(below: 19))] ^= 0x10 }
                    _ = search.handle(
                        bytes.span.bytes, from: Self.place(random.next(below: 6)), now: now)
                }
                while search.nextHost(now: now) != nil { given += 1 }
                now = now + .milliseconds(Int64(random.next(below: 90)))
            }
            #expect(given <= 1 + Int(seed % 3))
            #expect(search.isOver(now: max(now, Self.at(1_300))))
        }
    }

    private func transactionCheck(_ query: DiscoveryQuery) {
        #expect(query.nameplate == 7 && query.known.count <= 3)
    }

    /// What the search asks with, without asking.
    private func transaction(of search: DiscoverySearch, _ now: Instant) -> UInt64 {
        var copy = search
        return copy.pollQuery(now: now + .seconds(1))?.transaction ?? 0
    }
}
