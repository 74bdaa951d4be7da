import Testing

@testable import VCCore

@Suite struct SignalCodecTests {
    static func written(_ body: (inout ByteWriter) -> Void) -> [UInt8] {
        var storage = [UInt8](repeating: 0, count: 1_300)
        var count = 0
        do {
            var span = storage.mutableSpan
            var writer = ByteWriter(span.mutableBytes)
            body(&writer)
            count = writer.overflowed ? 0 : writer.count
        }
        return Array(storage[..<count])
    }

    private static let cookie = Block16(high: 1, low: 2)
    private static let room = Block16(high: 3, low: 4)
    private static let token = [UInt8](0..<32)

    static func requests(body: [UInt8]) -> [[UInt8]] {
        let token = Self.token.span.bytes
        return [
            written { SignalRequest.writeHello(transaction: 9, into: &$0) },
            written {
                SignalRequest.writeClaim(
                    transaction: 9, cookie: cookie, roomID: room, token: token, wanted: 7,
                    into: &$0)
            },
            written {
                SignalRequest.writeKeepalive(
                    transaction: 9, cookie: cookie, token: token, into: &$0)
            },
            written {
                SignalRequest.writeRelease(
                    transaction: 9, cookie: cookie, token: token, into: &$0)
            },
            written {
                SignalRequest.writePost(
                    transaction: 9, cookie: cookie, nameplate: 7, run: 8, body: body.span.bytes,
                    into: &$0)
            },
            written {
                SignalRequest.writeReply(
                    transaction: 9, cookie: cookie, token: token, mailbox: 5,
                    body: body.span.bytes, into: &$0)
            },
        ]
    }

    static func answers(body: [UInt8]) -> [[UInt8]] {
        let observed = Endpoint(ipv4: 0x0102_0304, port: 5)
        return [
            written {
                SignalAnswer.writeCookie(
                    transaction: 9, cookie: cookie, observed: observed, secondPort: 3478,
                    into: &$0)
            },
            written {
                SignalAnswer.writeLease(
                    transaction: 9, status: .granted, nameplate: 7, seconds: 30, into: &$0)
            },
            written {
                SignalAnswer.writeKept(
                    transaction: 9, status: .kept, observed: observed, into: &$0)
            },
            written {
                SignalAnswer.writeToHost(
                    transaction: 9, mailbox: 5, sourceTag: 6, body: body.span.bytes, into: &$0)
            },
            written {
                SignalAnswer.writeToJoiner(
                    transaction: 9, run: 8, body: body.span.bytes, into: &$0)
            },
            written {
                SignalAnswer.writeNotice(
                    transaction: 9, status: .noSuchNameplate, subject: 7, into: &$0)
            },
        ]
    }

    @Test("every request is read as it was written", arguments: [0, 1, 6, 7, 8, 100, 1_040])
    func requestRoundTrip(size: Int) throws {
        let body = [UInt8](repeating: 0xAB, count: size)
        let decoded = try Self.requests(body: body).map {
            let (header, request) = try SignalRequest.decode($0.span.bytes)
            #expect(header.transaction == 9 && header.isRequest)
            #expect($0.count <= Limits.datagram)
            #expect($0.count >= SignalFormat.minimumRequest)
            return request
        }
        #expect(
            decoded == [
                .hello,
                .claim(cookie: Self.cookie, roomID: Self.room, token: 43..<75, wanted: 7),
                .keepalive(cookie: Self.cookie, token: 27..<59),
                .release(cookie: Self.cookie, token: 27..<59),
                .post(cookie: Self.cookie, nameplate: 7, run: 8, body: 41..<41 + size),
                .reply(cookie: Self.cookie, token: 27..<59, mailbox: 5, body: 63..<63 + size),
            ])
        let post = Self.requests(body: body)[4]
        #expect(Array(post[41..<41 + size]) == body)
        #expect(Array(Self.requests(body: body)[1][43..<75]) == Self.token)
    }

    @Test("every answer is read as it was written", arguments: [0, 1, 1_040])
    func answerRoundTrip(size: Int) throws {
        let observed = Endpoint(ipv4: 0x0102_0304, port: 5)
        let decoded = try Self.answers(body: [UInt8](repeating: 1, count: size)).map {
            try SignalAnswer.decode($0.span.bytes).answer
        }
        #expect(
            decoded == [
                .cookie(Self.cookie, observed: observed, secondPort: 3478),
                .lease(.granted, nameplate: 7, seconds: 30),
                .kept(.kept, observed: observed),
                .toHost(mailbox: 5, sourceTag: 6, body: 23..<23 + size),
                .toJoiner(run: 8, body: 19..<19 + size),
                .notice(.noSuchNameplate, subject: 7),
            ])
    }

    @Test("no answer or forwarded datagram is longer than the request that causes it")
    func neverLonger() {
        for size in 0...SignalFormat.maximumBody {
            let body = [UInt8](repeating: 0, count: size)
            let requests = Self.requests(body: body)
            let answers = Self.answers(body: body)
            let (cookie, lease, kept, toHost, toJoiner, notice) = (
                answers[0].count, answers[1].count, answers[2].count, answers[3].count,
                answers[4].count, answers[5].count
            )
            #expect(requests.allSatisfy { $0.count >= max(cookie, notice, lease, kept) })
            #expect(requests[4].count >= toHost)
            #expect(requests[5].count >= toJoiner)
        }
    }

    @Test("cut or lengthened messages, other versions and bad nameplates are refused")
    func refusals() {
        let fixed = Self.requests(body: [1, 2, 3]).prefix(5)
        for bytes in fixed {
            #expect(throws: DecodeError.self) {
                try SignalRequest.decode(Array(bytes.dropLast()).span.bytes)
            }
            #expect(throws: DecodeError.trailingBytes) {
                try SignalRequest.decode((bytes + [0]).span.bytes)
            }
            var other = bytes
            other[2] = 2
            #expect(throws: DecodeError.unsupportedVersion) {
                try SignalRequest.decode(other.span.bytes)
            }
        }
        let tooLong = Self.requests(body: [UInt8](repeating: 0, count: 1_040))
        #expect(throws: DecodeError.tooLong) {
            try SignalRequest.decode((tooLong[5] + [0]).span.bytes)
        }
        let empty: [UInt8] = []
        for nameplate: UInt32 in [0, 1_000_000] {
            let post = Self.written {
                SignalRequest.writePost(
                    transaction: 9, cookie: Self.cookie, nameplate: nameplate, run: 8,
                    body: empty.span.bytes, into: &$0)
            }
            #expect(throws: DecodeError.unexpectedValue) {
                try SignalRequest.decode(post.span.bytes)
            }
        }
    }

    @Test("the observed address does not stand in the answer as it is")
    func observedIsHidden() {
        let cookie = Self.answers(body: [])[0]
        #expect(
            !cookie.indices.dropLast(3).contains { Array(cookie[$0..<$0 + 4]) == [1, 2, 3, 4] })
    }

    @Test("no bytes trap the parsers: 100,000 changed, cut and random datagrams")
    func fuzz() {
        var random = SplitMix64(seed: 0xC0)
        let seeds = Self.requests(body: [1, 2, 3, 4]) + Self.answers(body: [1, 2, 3, 4])
        var accepted = 0
        for _ in 0..<100_000 {
            var bytes = seeds[Int(random.next(below: UInt32(seeds.count)))]
            for _ in 0..<random.next(below: 4) {
                bytes[Int(random.next(below: UInt32(bytes.count)))] = random.next(UInt8.self)
            }
            if random.next(below: 4) == 0 {
                bytes.removeLast(Int(random.next(below: UInt32(bytes.count))))
            }
            if let decoded = try? SignalRequest.decode(bytes.span.bytes) {
                accepted += 1
                switch decoded.request {
                case .post(_, _, _, let body): #expect(body.upperBound <= bytes.count)
                case .reply(_, _, _, let body): #expect(body.upperBound <= bytes.count)
                default: break
                }
            }
            if (try? SignalAnswer.decode(bytes.span.bytes)) != nil { accepted += 1 }
        }
        #expect(accepted > 10_000)
    }
}
