import Testing
import VCCore
import VCTestKit

@testable import VCSignaling

@Suite("vc-signal finds leases by a bucket, and learns nothing else of a phrase")
struct TuneServerTests {
    private func endpoint(_ number: Int) -> Endpoint {
        Endpoint(ipv4: 0x0A00_0000 + UInt32(number) << 8, port: 1_000)
    }

    private func claim(
        _ world: SignalWorld, _ number: Int, from source: Endpoint, bucket: UInt16,
        wanted: UInt32 = 0, room: UInt64? = nil
    ) -> SignalAnswer? {
        let token = (0..<32).map { UInt8(truncatingIfNeeded: number >> (8 * ($0 % 4))) }
        let cookie = world.cookie(of: source)
        let bytes = SignalWorld.written {
            SignalRequest.writeTuneClaim(
                transaction: 1, cookie: cookie,
                roomID: Block16(high: room ?? UInt64(number), low: 0), token: token.span.bytes,
                bucket: bucket, wanted: wanted, into: &$0)
        }
        return answer(world, bytes, from: source)
    }

    private func answer(
        _ world: SignalWorld, _ bytes: [UInt8], from source: Endpoint
    ) -> SignalAnswer? {
        let answers = world.ask(bytes, from: source)
        #expect(answers.allSatisfy { $0.bytes.count <= bytes.count })
        return answers.first.flatMap { try? SignalAnswer.decode($0.bytes.span.bytes).answer }
    }

    private func granted(_ answer: SignalAnswer?) -> UInt32? {
        if case .lease(.granted, let lease, _) = answer { lease } else { nil }
    }

    private func list(
        _ world: SignalWorld, _ bucket: UInt16, from source: Endpoint? = nil
    ) -> [UInt32]? {
        let source = source ?? endpoint(60_000)
        let cookie = world.cookie(of: source)
        let bytes = SignalWorld.written {
            SignalRequest.writeTuneList(
                transaction: 1, cookie: cookie, bucket: bucket, into: &$0)
        }
        guard case .leases(bucket, let leases) = answer(world, bytes, from: source) else {
            return nil
        }
        return leases
    }

    @Test("a lease is found in its bucket and in no other, above all nameplates")
    func found() throws {
        let world = SignalWorld()
        let lease = try #require(granted(claim(world, 1, from: endpoint(1), bucket: 7)))
        #expect(SignalFormat.tuneLeases.contains(lease))
        #expect(list(world, 7) == [lease])
        #expect(list(world, 8) == [])
        #expect(world.service.leaseCount == 1)
    }

    @Test("without a cookie that holds there is neither lease nor list")
    func cookies() {
        let world = SignalWorld()
        let token = SignalWorld.token(1)
        let claim = SignalWorld.written {
            SignalRequest.writeTuneClaim(
                transaction: 1, cookie: .zero, roomID: .zero, token: token.span.bytes, bucket: 7,
                wanted: 0, into: &$0)
        }
        let list = SignalWorld.written {
            SignalRequest.writeTuneList(transaction: 1, cookie: .zero, bucket: 7, into: &$0)
        }
        for bytes in [claim, list] {
            guard case .cookie = answer(world, bytes, from: endpoint(1)) else {
                Issue.record("answered")
                continue
            }
        }
        #expect(world.service.leaseCount == 0)
    }

    @Test("the question for the longest list is as long as its answer")
    func sizes() {
        let leases = (0..<SignalFormat.leasesPerBucket).map { UInt32(1_000_000 + $0) }
        let question = SignalWorld.written {
            SignalRequest.writeTuneList(transaction: 1, cookie: .zero, bucket: 7, into: &$0)
        }
        let answer = SignalWorld.written {
            SignalAnswer.writeLeases(transaction: 1, bucket: 7, leases, into: &$0)
        }
        #expect(answer.count <= question.count)
    }

    @Test("a bucket holds 64 leases, 8 of them from one source")
    func bounds() {
        let world = SignalWorld()
        let crowd = endpoint(1)
        for number in 1...8 {
            #expect(granted(claim(world, number, from: crowd, bucket: 7)) != nil)
        }
        guard case .lease(.full, _, _) = claim(world, 9, from: crowd, bucket: 7) else {
            Issue.record("a ninth lease")
            return
        }
        #expect(granted(claim(world, 9, from: crowd, bucket: 8)) != nil)
        for number in 10..<66 {
            #expect(granted(claim(world, number, from: endpoint(number), bucket: 7)) != nil)
        }
        guard case .lease(.full, _, _) = claim(world, 99, from: endpoint(99), bucket: 7) else {
            Issue.record("a 65th lease")
            return
        }
        #expect(list(world, 7)?.count == 64)
    }

    @Test("leases that lapsed are among the eight of their source, so that nobody closes a bucket")
    func lapsed() {
        let world = SignalWorld()
        let crowd = endpoint(1)
        for number in 1...8 {
            #expect(granted(claim(world, number, from: crowd, bucket: 7)) != nil)
        }
        world.run(for: .seconds(31))
        #expect(list(world, 7) == [])
        guard case .lease(.full, _, _) = claim(world, 9, from: crowd, bucket: 7) else {
            Issue.record("a ninth lease")
            return
        }
        #expect(granted(claim(world, 10, from: endpoint(2), bucket: 7)) != nil)
        world.run(for: .seconds(600))
        #expect(granted(claim(world, 11, from: crowd, bucket: 7)) != nil)
    }

    @Test("the list is in another order each time, and complete")
    func order() throws {
        let world = SignalWorld()
        for number in 1...20 { _ = claim(world, number, from: endpoint(number), bucket: 7) }
        let lists = try (0..<20).map { _ in try #require(list(world, 7)) }
        #expect(Set(lists.map { $0.sorted() }).count == 1)
        #expect(Set(lists).count == 20)
        #expect(Set(lists.map { $0[0] }).count > 5)
    }

    @Test("numbers rise and come back to nobody: an older room has the smaller one")
    func numbers() throws {
        let world = SignalWorld()
        var last: UInt32 = 0
        for number in 1...5 {
            let lease = try #require(
                granted(claim(world, number, from: endpoint(number), bucket: UInt16(number))))
            #expect(lease > last)
            last = lease
            let cookie = world.cookie(of: endpoint(number))
            let token = (0..<32).map { UInt8(truncatingIfNeeded: number >> (8 * ($0 % 4))) }
            let release = SignalWorld.written {
                SignalRequest.writeRelease(
                    transaction: 1, cookie: cookie, token: token.span.bytes, into: &$0)
            }
            guard case .kept(.released, _) = answer(world, release, from: endpoint(number)) else {
                Issue.record("not released")
                continue
            }
            #expect(list(world, UInt16(number)) == [])
        }
        #expect(world.service.rememberedLeaseCount == 0)
    }

    @Test("a token gets its lease again, and another bucket or room with it is refused")
    func token() throws {
        let world = SignalWorld()
        let first = try #require(granted(claim(world, 1, from: endpoint(1), bucket: 7)))
        #expect(granted(claim(world, 1, from: endpoint(1), bucket: 7)) == first)
        for answer in [
            claim(world, 1, from: endpoint(1), bucket: 8),
            claim(world, 1, from: endpoint(1), bucket: 7, room: 99),
        ] {
            guard case .lease(.refused, _, _) = answer else {
                Issue.record("not refused")
                continue
            }
        }
        #expect(list(world, 7) == [first])
    }

    @Test("after a restart of the server a host has its old number back, if it is free")
    func wanted() throws {
        let world = SignalWorld()
        #expect(
            granted(claim(world, 1, from: endpoint(1), bucket: 7, wanted: 1_000_009)) == 1_000_009)
        let other = try #require(
            granted(claim(world, 2, from: endpoint(2), bucket: 7, wanted: 1_000_009)))
        #expect(other != 1_000_009)
    }

    @Test("a host that is silent for 7 s is not told, after 30 s it has no lease")
    func silent() {
        let world = SignalWorld()
        _ = claim(world, 1, from: endpoint(1), bucket: 7)
        world.run(for: .milliseconds(6_900))
        #expect(list(world, 7)?.count == 1)
        world.run(for: .milliseconds(200))
        #expect(list(world, 7) == [])
        #expect(world.service.leaseCount == 1)
        world.run(for: .seconds(25))
        #expect(world.service.leaseCount == 0)
        world.run(for: .seconds(601))
        #expect(world.service.rememberedLeaseCount == 0)
    }

    @Test("who asks for bucket after bucket is slowed down")
    func census() {
        let world = SignalWorld()
        let source = endpoint(1)
        var answered = 0
        for bucket in 0..<100 where list(world, UInt16(bucket), from: source) != nil {
            answered += 1
        }
        #expect(answered == 30)
        world.run(for: .seconds(2))
        #expect(list(world, 7, from: source) != nil)
    }

    @Test("no code can name a lease of a phrase, and no claim of a code can have its number")
    func apart() throws {
        #expect(!RoomCode.nameplates.overlaps(SignalFormat.tuneLeases))
        let token = SignalWorld.token(1)
        for wanted: UInt32 in [1_000_000, .max] {
            let bytes = SignalWorld.written {
                SignalRequest.writeClaim(
                    transaction: 1, cookie: .zero, roomID: .zero, token: token.span.bytes,
                    wanted: wanted, into: &$0)
            }
            #expect(throws: DecodeError.unexpectedValue) {
                try SignalRequest.decode(bytes.span.bytes)
            }
        }
        let bytes = SignalWorld.written {
            SignalRequest.writeTuneClaim(
                transaction: 1, cookie: .zero, roomID: .zero, token: token.span.bytes, bucket: 1,
                wanted: 999_999, into: &$0)
        }
        #expect(throws: DecodeError.unexpectedValue) {
            try SignalRequest.decode(bytes.span.bytes)
        }
    }

    @Test("the client asks until it is answered, and joins the host of a lease that it was told")
    func client() throws {
        let world = SignalWorld(link: .init(latency: .milliseconds(10), loss: 0.3))
        let token = SignalWorld.token(1)
        let host = SignalWorld.Client(
            SignalClient(
                servers: [SignalWorld.server], hosting: Block16(high: 1, low: 0),
                claimToken: token.span.bytes, arena: TestSecrets.arena, bucket: 7,
                random: &world.random, now: world.now), at: endpoint(1))
        world.clients.append(host)
        world.run(for: .seconds(20)) { host.nameplate != nil }
        let lease = try #require(host.nameplate)
        #expect(SignalFormat.tuneLeases.contains(lease))

        let seeker = world.joiner(0)
        seeker.machine.requestLeases(of: 7, now: world.now)
        world.run(for: .seconds(20)) {
            seeker.events.contains(.leases(bucket: 7, [lease]))
        }
        #expect(seeker.events.contains(.leases(bucket: 7, [lease])))

        let joiner = world.joiner(lease)
        for _ in 0..<10 where host.bodies.isEmpty {
            joiner.post([1, 2, 3], now: world.now)
            world.run(for: .seconds(1))
        }
        #expect(host.bodies.first == [1, 2, 3])
    }
}
