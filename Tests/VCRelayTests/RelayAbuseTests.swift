import CAllocationCounter
import Testing
import VCCore
import VCTestKit

@testable import VCRelay

/// What people do who are not members.
@Suite struct RelayAbuseTests {
    /// A datagram of some kind from nobody we know.
    private static func spoofed(
        _ number: Int, _ random: inout SplitMix64, _ answer: [UInt8]
    ) -> [UInt8] {
        let transaction = random.next(UInt64.self)
        switch number % 5 {
        case 0:
            return [UInt8](writing: { RelayRequest.writeBind(transaction: transaction, into: &$0) })
        case 1: return answer
        case 2:
            return [UInt8](writing: {
                RelayRequest.writeKeepalive(transaction: transaction, session: 5, into: &$0)
            })
        case 3:
            return [UInt8](writing: {
                RelayRequest.writeUnbind(transaction: transaction, session: 5, into: &$0)
            })
        default: return RelayWorld.data(transaction, to: 2, [1, 2, 3])
        }
    }

    @Test("100,000 spoofed packets leave nothing behind and are answered with fewer bytes")
    func spoofed() {
        let world = RelayWorld()
        let answer = RelayBindAnswer(
            cookie: .zero, relay: RelayWorld.address, own: Endpoint(ipv4: 1, port: 1),
            ticket: world.ticket(1, for: world.key(3).verifyKey), signedWith: world.key(3))
        let bytes = [UInt8](writing: {
            RelayRequest.writeAnswer(transaction: 1, answer, into: &$0)
        })
        var random = SplitMix64(seed: 4)
        var answered = 0
        for number in 0..<100_000 {
            let datagram = Self.spoofed(number, &random, bytes)
            let source = Endpoint(ipv4: random.next(), port: random.next())
            world.give(datagram, from: source)
            var size = 0
            while let sent = world.answer() { size += sent.bytes.count }
            #expect(size <= datagram.count)
            answered += size
            if number % 100 == 0 { world.now = world.now + .milliseconds(1) }
        }
        world.pump()
        #expect(world.sessionCount == 0 && world.roomCount == 0)
        #expect(world.counters.receivedBytes > UInt64(answered) && answered > 0)
        #expect(world.counters.forwarded == 0)
    }

    @Test("spoofed requests take no memory, each")
    func memory() {
        guard vc_allocation_counter_works() == 1 else { return }
        let world = RelayWorld()
        let bind = [UInt8](writing: { RelayRequest.writeBind(transaction: 1, into: &$0) })
        var data = RelayWorld.data(1, to: 2, [1, 2, 3])
        var memory = [UInt8](repeating: 0, count: Limits.datagram)
        var random = SplitMix64(seed: 4)
        var allocations: UInt64 = 0
        for number in 0..<20_000 {
            let source = Endpoint(ipv4: random.next(), port: random.next())
            let before = vc_allocation_count()
            world.service.handle(
                bind.span.bytes, from: source, now: world.now, unixSeconds: 1)
            _ = data.withUnsafeMutableBytes {
                world.service.forward($0, from: source, now: world.now)
            }
            var isEmpty = false
            while !isEmpty {
                var span = memory.mutableSpan
                var writer = ByteWriter(span.mutableBytes)
                isEmpty = world.service.pollTransmit(into: &writer) == nil
            }
            if number >= 20 { allocations += vc_allocation_count() - before }
        }
        #expect(allocations == 0)
    }

    @Test(
        "bindings of one source, with valid cookies and bad tickets, are looked at 8 times a second"
    )
    func bindingRate() {
        let world = RelayWorld()
        let source = Endpoint(ipv4: 0x0A00_0001, port: 5_000)
        world.give(
            [UInt8](writing: { RelayRequest.writeBind(transaction: 3, into: &$0) }), from: source)
        guard let challenge = world.answer(),
            case .challenge(let asked) = try? RelayWorld.decode(challenge.bytes).answer
        else { return #expect(Bool(false)) }
        let answer = RelayBindAnswer(
            cookie: asked.cookie, relay: RelayWorld.address, own: source,
            ticket: world.ticket(1, for: world.key(3).verifyKey), signedWith: world.key(4))
        let bytes = [UInt8](writing: {
            RelayRequest.writeAnswer(transaction: 1, answer, into: &$0)
        })
        var refusals: [RelayAnswer.Notice: Int] = [:]
        for _ in 0..<1_000 {
            world.now = world.now + .milliseconds(10)
            world.give(bytes, from: source)
            guard let sent = world.answer(),
                case .notice(let notice) = try? RelayWorld.decode(sent.bytes).answer
            else { continue }
            refusals[notice, default: 0] += 1
        }
        let looked = refusals[.ticketRefused, default: 0]
        #expect(looked >= 140 && looked <= 146)
        #expect(refusals[.rateLimited, default: 0] == 1_000 - looked)
    }

    @Test("a message of another version is told ours; an answer is never answered")
    func versions() throws {
        let world = RelayWorld()
        let source = Endpoint(ipv4: 1, port: 1)
        var bind = [UInt8](writing: { RelayRequest.writeBind(transaction: 8, into: &$0) })
        bind[2] = 9
        world.give(bind, from: source)
        let sent = try #require(world.answer())
        let notice = try RelayWorld.decode(sent.bytes)
        #expect(notice.answer == .notice(.unsupportedVersion) && notice.header.transaction == 8)
        world.give(sent.bytes, from: source)
        bind[1] |= 0x80
        world.give(bind, from: source)
        #expect(world.answer() == nil)
    }

    @Test("no datagram makes the relay trap, and none makes a session")
    func fuzz() {
        let world = RelayWorld()
        let members = [world.member(1), world.member(2)]
        var random = SplitMix64(seed: 12)
        let answer = RelayBindAnswer(
            cookie: .zero, relay: RelayWorld.address, own: members[0].endpoint,
            ticket: world.ticket(1, for: world.key(3).verifyKey), signedWith: world.key(3))
        let bytes = [UInt8](writing: {
            RelayRequest.writeAnswer(transaction: 1, answer, into: &$0)
        })
        for number in 0..<30_000 {
            var datagram = Self.spoofed(number, &random, bytes)
            if number % 5 == 4, let session = members[0].session {
                datagram = RelayWorld.data(session, to: 2, [1, 2, 3])
            }
            for _ in 0..<random.next(below: 4) {
                let index = Int(random.next(below: UInt32(datagram.count)))
                datagram[index] = random.next()
            }
            datagram.removeLast(Int(random.next(below: UInt32(datagram.count))))
            world.give(datagram, from: members[Int(random.next(below: 2))].endpoint)
            while world.answer() != nil {}
            if random.next(below: 50) == 0 { world.now = world.now + .milliseconds(5) }
        }
        #expect(world.sessionCount <= 2)
        #expect(world.counters.outboxOverflows == 0)
    }
}
