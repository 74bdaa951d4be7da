import Testing
import VCTestKit

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
    private static let proof = Block16(high: 5, low: 6)
    private static let grant = SignalRequest.Grant(member: 3, generation: 0x0102_0304)
    private static let relays = (0..<UInt8(SignalFormat.maximumRelays)).map {
        RelayServer(
            endpoint: Endpoint(ipv4: 0x0A00_0000 + UInt32($0), port: 4461), tcpPort: 443,
            number: $0 / 2)
    }
    private static let sighting = Sighting(
        endpoint: Endpoint(ipv4: 0x0102_0304, port: 5), seal: Block16(high: 7, low: 8))
    static let memberKey = key(1)
    static let ticket = Ticket(
        roomID: room, generation: 0x0102_0304, member: 3, memberKey: memberKey, expiry: 1_000,
        signedWith: signingKey(2))

    static func signingKey(_ seed: UInt8) -> SigningKey {
        let bytes = [UInt8](repeating: seed, count: SigningKey.seedSize)
        let arena = TestSecrets.arena
        return SigningKey(seed: SecretBytes(copying: bytes.span.bytes, in: arena), arena: arena)
    }

    static func key(_ seed: UInt8) -> VerifyKey { signingKey(seed).verifyKey }

    static func requests(body: [UInt8]) -> [[UInt8]] {
        let token = Self.token.span.bytes
        return [
            written { SignalRequest.writeHello(transaction: 9, into: &$0) },
            written {
                SignalRequest.writeClaim(
                    transaction: 9, cookie: cookie, roomID: room, token: token, wanted: 7,
                    proof: proof, into: &$0)
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
                    transaction: 9, cookie: cookie, nameplate: 7, run: 8,
                    relayKey: memberKey, body: body.span.bytes, into: &$0)
            },
            written {
                SignalRequest.writeReply(
                    transaction: 9, cookie: cookie, token: token, mailbox: 5,
                    body: body.span.bytes, into: &$0)
            },
            written {
                SignalRequest.writeReply(
                    transaction: 9, cookie: cookie, token: token, mailbox: 5, grant: grant,
                    body: body.span.bytes, into: &$0)
            },
            written {
                SignalRequest.writeRelays(
                    transaction: 9, cookie: cookie, nameplate: 7, into: &$0)
            },
            written {
                SignalRequest.writeTicket(
                    transaction: 9, cookie: cookie, token: token, grant: grant,
                    relayKey: memberKey, into: &$0)
            },
            written {
                SignalRequest.writeSight(
                    transaction: 9, cookie: cookie, subject: room, into: &$0)
            },
            written {
                SignalRequest.writeVerify(
                    transaction: 9, cookie: cookie, subject: room, sighting: sighting, into: &$0)
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
            written {
                SignalAnswer.writeToJoiner(
                    transaction: 9, run: 8, ticket: ticket, body: body.span.bytes, into: &$0)
            },
            written { SignalAnswer.writeRelays(transaction: 9, relays, into: &$0) },
            written {
                SignalAnswer.writeTicket(
                    transaction: 9, status: .signed, member: 3, ticket: ticket, into: &$0)
            },
            written {
                SignalAnswer.writeSight(
                    transaction: 9, subject: room, sighting: sighting, into: &$0)
            },
            written {
                SignalAnswer.writeVerified(
                    transaction: 9, subject: room, seal: sighting.seal, isTrue: true, into: &$0)
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
                .claim(
                    cookie: Self.cookie, roomID: Self.room, token: 43..<75, wanted: 7,
                    proof: Self.proof),
                .keepalive(cookie: Self.cookie, token: 27..<59),
                .release(cookie: Self.cookie, token: 27..<59),
                .post(
                    cookie: Self.cookie, nameplate: 7, run: 8, relayKey: Self.memberKey,
                    body: 71..<71 + size),
                .reply(
                    cookie: Self.cookie, token: 27..<59, mailbox: 5, grant: nil,
                    body: 68..<68 + size),
                .reply(
                    cookie: Self.cookie, token: 27..<59, mailbox: 5, grant: Self.grant,
                    body: 151..<151 + size),
                .relays(cookie: Self.cookie, nameplate: 7),
                .ticket(
                    cookie: Self.cookie, token: 27..<59, grant: Self.grant,
                    relayKey: Self.memberKey),
                .sight(cookie: Self.cookie, subject: Self.room),
                .verify(cookie: Self.cookie, subject: Self.room, sighting: Self.sighting),
            ])
        let post = Self.requests(body: body)[4]
        #expect(Array(post[71..<71 + size]) == body)
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
                .toJoiner(run: 8, ticket: nil, body: 20..<20 + size),
                .notice(.noSuchNameplate, subject: 7),
                .toJoiner(run: 8, ticket: Self.ticket, body: 151..<151 + size),
                .relays(Self.relays),
                .ticket(.signed, member: 3, Self.ticket),
                .sight(subject: Self.room, Self.sighting),
                .verified(subject: Self.room, seal: Self.sighting.seal, isTrue: true),
            ])
    }

    @Test("no answer or forwarded datagram is longer than the request that causes it")
    func neverLonger() {
        for size in 0...SignalFormat.maximumBody {
            let body = [UInt8](repeating: 0, count: size)
            let requests = Self.requests(body: body)
            let answers = Self.answers(body: body)
            let small = [answers[0], answers[1], answers[2], answers[5]].map(\.count)
            #expect(requests.allSatisfy { $0.count >= (small.max() ?? 0) })
            #expect(requests[4].count >= answers[3].count)
            #expect(requests[5].count >= answers[4].count)
            // With a grant the answer carries a ticket.
            #expect(requests[6].count >= answers[6].count)
            #expect(requests[7].count >= answers[7].count)
            #expect(requests[8].count >= answers[8].count)
            #expect(requests[9].count >= answers[9].count)
            #expect(requests[10].count >= answers[10].count)
            #expect((requests + answers).allSatisfy { $0.count <= Limits.datagram })
        }
    }

    @Test("cut or lengthened messages, other versions and bad nameplates are refused")
    func refusals() {
        // What has a body may have one of any length.
        let all = Self.requests(body: [1, 2, 3])
        for bytes in all[..<4] + all[7...] {
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
        for bytes in tooLong[4...6] {
            #expect(throws: DecodeError.tooLong) {
                try SignalRequest.decode((bytes + [0]).span.bytes)
            }
        }
        // A grant names a member.
        for (index, offset) in [(6, 63), (8, 63)] {
            var bytes = all[index]
            bytes[offset] = 17
            #expect(throws: DecodeError.unexpectedValue) {
                try SignalRequest.decode(bytes.span.bytes)
            }
        }
        let empty: [UInt8] = []
        let post = Self.written {
            SignalRequest.writePost(
                transaction: 9, cookie: Self.cookie, nameplate: 0, run: 8, body: empty.span.bytes,
                into: &$0)
        }
        #expect(throws: DecodeError.unexpectedValue) {
            try SignalRequest.decode(post.span.bytes)
        }
    }

    @Test("the observed address does not stand in the answer as it is")
    func observedIsHidden() {
        let (requests, answers) = (Self.requests(body: []), Self.answers(body: []))
        let all = [answers[0], answers[9], requests[10]]
        for bytes in all {
            #expect(
                !bytes.indices.dropLast(3).contains { Array(bytes[$0..<$0 + 4]) == [1, 2, 3, 4] })
        }
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
                case .post(_, _, _, _, let body): #expect(body.upperBound <= bytes.count)
                case .reply(_, _, _, _, let body): #expect(body.upperBound <= bytes.count)
                default: break
                }
            }
            if (try? SignalAnswer.decode(bytes.span.bytes)) != nil { accepted += 1 }
        }
        #expect(accepted > 10_000)
    }
}
