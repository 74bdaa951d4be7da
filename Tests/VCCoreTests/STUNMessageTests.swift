import Testing
import VCCore

@Suite struct STUNMessageTests {
    private static func written(_ body: (inout ByteWriter) -> Void) -> [UInt8] {
        var storage = [UInt8](repeating: 0, count: 1_300)
        var count = 0
        do {
            var span = storage.mutableSpan
            var writer = ByteWriter(span.mutableBytes)
            body(&writer)
            count = writer.count
        }
        return Array(storage[..<count])
    }

    private static func request(_ bytes: [UInt8]) -> STUNMessage.TransactionID? {
        try? STUNMessage.decodeRequest(bytes.span.bytes)
    }

    private static let transaction = STUNMessage.TransactionID(
        high: 0xB7E7_A701, low: 0xBC34_D686_FA87_DFAE)

    @Test("the sample responses of RFC 5769 sections 2.2 and 2.3 are read")
    func sampleResponses() throws {
        let header: [UInt8] = [0x01, 0x01, 0x00, 0x3C, 0x21, 0x12, 0xA4, 0x42]
        let identifier: [UInt8] = [
            0xB7, 0xE7, 0xA7, 0x01, 0xBC, 0x34, 0xD6, 0x86, 0xFA, 0x87, 0xDF, 0xAE,
        ]
        let software: [UInt8] = [0x80, 0x22, 0x00, 0x0B] + Array("test vector ".utf8)
        let ipv4: [UInt8] = [
            0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xA1, 0x47, 0xE1, 0x12, 0xA6, 0x43,
        ]
        var bytes = header + identifier + software + ipv4
        bytes[3] = UInt8(bytes.count - 20)
        let response4 = try STUNMessage.decodeResponse(bytes.span.bytes)
        #expect(response4.transaction == Self.transaction)
        #expect(response4.observed == Endpoint(ipv4: 0xC000_0201, port: 32_853))
        let ipv6: [UInt8] = [
            0x00, 0x20, 0x00, 0x14, 0x00, 0x02, 0xA1, 0x47, 0x01, 0x13, 0xA9, 0xFA, 0xA5, 0xD3,
            0xF1, 0x79, 0xBC, 0x25, 0xF4, 0xB5, 0xBE, 0xD2, 0xB9, 0xD9,
        ]
        bytes = header + identifier + software + ipv6
        bytes[3] = UInt8(bytes.count - 20)
        let response6 = try STUNMessage.decodeResponse(bytes.span.bytes)
        #expect(
            response6.observed
                == Endpoint(
                    high: 0x2001_0DB8_1234_5678, low: 0x0011_2233_4455_6677, port: 32_853))
    }

    @Test("our answers are never longer than our questions")
    func sizes() throws {
        let question = Self.written { STUNMessage.writeRequest(Self.transaction, into: &$0) }
        #expect(question.count == STUNMessage.paddedRequestSize)
        #expect(Self.request(question) == Self.transaction)
        for observed in [Endpoint(ipv4: 7, port: 1), Endpoint(high: 1, low: 2, port: 3)] {
            let answer = Self.written {
                STUNMessage.writeResponse(Self.transaction, observed: observed, into: &$0)
            }
            #expect(answer.count <= question.count)
            let read = try STUNMessage.decodeResponse(answer.span.bytes)
            #expect(read.observed == observed)
        }
    }

    @Test("a request with an attribute that must be understood is not answered")
    func unknownAttribute() {
        var bytes = Self.written { STUNMessage.writeRequest(Self.transaction, into: &$0) }
        bytes[20] = 0x7F
        #expect(Self.request(bytes) == nil)
    }

    @Test("only the asked server's answer to this very question counts")
    func exchange() {
        var random = SplitMix64(seed: 1)
        let server = Endpoint(ipv4: 1, port: 3478)
        let observed = Endpoint(ipv4: 9, port: 9)
        var exchange = BindingExchange(server: server, random: &random, now: .zero)
        var requests: [[UInt8]] = []
        var now = Instant.zero
        while true {
            var size: Int?
            let bytes = Self.written { size = exchange.pollTransmit(into: &$0) }
            if size != nil { requests.append(bytes) }
            guard requests.count < 3, let next = exchange.pollTimeout() else { break }
            now = next
            exchange.handleTimeout(now: now)
        }
        #expect(requests.count == 3)
        #expect(Set(requests).count == 1)
        #expect(now == .zero + .milliseconds(1_500))
        func answer(_ transaction: STUNMessage.TransactionID) -> [UInt8] {
            Self.written {
                STUNMessage.writeResponse(transaction, observed: observed, into: &$0)
            }
        }
        func takes(_ bytes: [UInt8], from source: Endpoint) -> Bool {
            exchange.handle(bytes.span.bytes, from: source)
        }
        let right = answer(Self.request(requests[0]) ?? Self.transaction)
        #expect(!takes(answer(Self.transaction), from: server))
        #expect(!takes(right, from: server.with(port: 1)))
        #expect(!takes(requests[0], from: server))
        #expect(exchange.state == .asking)
        #expect(takes(right, from: server))
        #expect(exchange.state == .answered(observed))
        #expect(exchange.pollTimeout() == nil)
    }

    @Test("a server that never answers fails the exchange after 7.5 s")
    func silence() {
        var random = SplitMix64(seed: 1)
        var exchange = BindingExchange(
            server: Endpoint(ipv4: 1, port: 1), random: &random, now: .zero)
        exchange.handleTimeout(now: .zero + .milliseconds(7_499))
        #expect(exchange.state == .asking)
        exchange.handleTimeout(now: .zero + .milliseconds(7_500))
        #expect(exchange.state == .failed)
    }

    @Test("no bytes trap the parsers: 100,000 changed, cut and random datagrams")
    func fuzz() {
        var random = SplitMix64(seed: 0x57)
        let seeds = [
            Self.written { STUNMessage.writeRequest(Self.transaction, into: &$0) },
            Self.written {
                STUNMessage.writeResponse(
                    Self.transaction, observed: Endpoint(high: 1, low: 2, port: 3), into: &$0)
            },
            Self.written {
                STUNMessage.writeResponse(
                    Self.transaction, observed: Endpoint(ipv4: 2, port: 3), into: &$0)
            },
        ]
        var accepted = 0
        for _ in 0..<100_000 {
            var bytes = seeds[Int(random.next(below: 3))]
            for _ in 0..<random.next(below: 4) {
                bytes[Int(random.next(below: UInt32(bytes.count)))] = random.next(UInt8.self)
            }
            bytes.removeLast(Int(random.next(below: 4)) == 0 ? Int(random.next(below: 20)) : 0)
            if Self.request(bytes) != nil { accepted += 1 }
            if (try? STUNMessage.decodeResponse(bytes.span.bytes)) != nil { accepted += 1 }
        }
        #expect(accepted > 1_000)
    }
}
