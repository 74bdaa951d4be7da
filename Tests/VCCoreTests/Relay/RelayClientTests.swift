import Testing
import VCTestKit

@testable import VCCore

/// A client, the messages it sends and what a relay would say to them.
private struct Rig: ~Copyable {
    static let server = Endpoint(ipv4: 0x0A00_0001, port: 4461)
    static let own = Endpoint(ipv4: 0xC000_0201, port: 40_000)

    var client: RelayClient
    let key = RelayFixture.key(2)
    var random = SplitMix64(seed: 3)
    var now: Instant

    init(at now: Instant = .zero) {
        self.now = now
        client = RelayClient(server: Self.server, random: &random, now: now)
    }

    /// What the client sends now.
    mutating func sent() -> [(transaction: UInt64, request: RelayRequest)] {
        var found: [(transaction: UInt64, request: RelayRequest)] = []
        while true {
            var isWritten = false
            let bytes = RelayFixture.bytes { isWritten = client.pollTransmit(into: &$0) }
            guard isWritten, let decoded = try? RelayRequest.decode(bytes.span.bytes) else {
                return found
            }
            found.append((decoded.header.transaction, decoded.request))
        }
    }

    mutating func give(_ write: (inout ByteWriter) -> Void) -> Bool {
        let bytes = [UInt8](writing: write)
        return client.handle(bytes.span.bytes, from: Self.server, key: key, now: now)
    }

    @discardableResult
    mutating func challenge(_ transaction: UInt64, isDraining: Bool = false) -> Bool {
        give {
            RelayAnswer.writeChallenge(
                transaction: transaction,
                RelayAnswer.Challenge(
                    cookie: Block16(high: 1, low: 2), observed: Self.own, tcpPort: 443,
                    isDraining: isDraining), into: &$0)
        }
    }

    @discardableResult
    mutating func notice(_ transaction: UInt64, _ notice: RelayAnswer.Notice) -> Bool {
        give { RelayAnswer.writeNotice(transaction: transaction, notice, into: &$0) }
    }

    @discardableResult
    mutating func bound(_ transaction: UInt64, session: UInt64 = 77) -> Bool {
        give {
            RelayAnswer.writeBound(
                transaction: transaction, session: session, idleSeconds: 300, into: &$0)
        }
    }

    @discardableResult
    mutating func kept(_ transaction: UInt64, isDraining: Bool = false) -> Bool {
        give {
            RelayAnswer.writeKept(
                transaction: transaction, session: 77, isDraining: isDraining, into: &$0)
        }
    }

    /// Jumps to the client's next deadline, at most to `limit`; false when it has none before.
    mutating func step(until limit: Instant = .distantFuture) -> Bool {
        guard let next = client.timeout, next <= limit else {
            now = max(now, limit)
            return false
        }
        now = max(now, next)
        client.handleTimeout(random: &random, now: now)
        return true
    }

    /// Lets time pass without answers; says when something was sent.
    mutating func silence(until limit: Instant) -> [Int] {
        var times: [Int] = []
        while step(until: limit) {
            for _ in sent() { times.append(Int((now - .zero).inMilliseconds)) }
        }
        return times
    }

    mutating func setTicket(_ ticket: Ticket = RelayFixture.ticket()) {
        client.setTicket(ticket, key: key, now: now)
    }

    /// Through BIND and ANSWER to a session, 40 ms each.
    mutating func bind() -> Bool {
        setTicket()
        guard let bind = sent().last, bind.request == .bind else { return false }
        now = now + .milliseconds(40)
        challenge(bind.transaction)
        guard let answer = sent().last, case .answer = answer.request else { return false }
        now = now + .milliseconds(40)
        return bound(answer.transaction) && client.pollEvent() == .bound(session: 77)
    }
}

@Suite struct RelayClientTests {
    private static let second = Instant.zero + .seconds(1)

    @Test("a relay is asked at 0, 250, 500 ms, 1 s, 2 s, then each 5 s to 30 s, and told as lost")
    func schedule() throws {
        var rig = Rig()
        let first = rig.sent().map(\.request)
        #expect(first == [.bind])
        let times = rig.silence(until: .zero + .seconds(120))
        #expect(Array(times.prefix(4)) == [250, 500, 1_000, 2_000])
        let gaps = zip(times.dropFirst(3), times.dropFirst(4)).map { $1 - $0 }
        for (gap, expected) in zip(gaps, [5_000, 10_000, 20_000, 30_000, 30_000]) {
            #expect(gap >= expected && gap <= expected * 9 / 8)
        }
        #expect(gaps.count >= 4)
        #expect(rig.client.pollEvent() == .lost)
        #expect(rig.client.pollEvent() == nil, "it is told once")
    }

    @Test("a relay that is lost is told so 5 s after the first question without answer")
    func lostTime() {
        var rig = Rig()
        while rig.client.pollEvent() == nil, rig.step() { _ = rig.sent() }
        #expect(rig.now == .zero + .seconds(5))
    }

    @Test("the round trip is measured without a ticket too, and again each 30 s")
    func measuring() {
        var rig = Rig()
        let bind = rig.sent()[0]
        rig.now = .zero + .milliseconds(40)
        let isTaken = rig.challenge(bind.transaction)
        #expect(isTaken)
        var (roundTrip, port) = (rig.client.roundTrip, rig.client.tcpPort)
        #expect(roundTrip == .milliseconds(40) && port == 443)
        let (observed, session) = (rig.client.observed, rig.client.session)
        #expect(observed == Rig.own && session == nil)
        let next = rig.client.timeout
        #expect(next.map { $0 >= .zero + .seconds(29) && $0 <= .zero + .seconds(31) } == true)
        let isAsked = rig.step()
        #expect(isAsked)
        let again = rig.sent()[0]
        #expect(again.request == .bind)
        rig.now = rig.now + .milliseconds(120)
        rig.challenge(again.transaction)
        (roundTrip, port) = (rig.client.roundTrip, rig.client.tcpPort)
        #expect(roundTrip == .milliseconds(50))
    }

    @Test("with a ticket the challenge is answered at once, signed, and the session is told")
    func binding() throws {
        var rig = Rig()
        rig.setTicket()
        let bind = rig.sent()[0]
        rig.challenge(bind.transaction)
        let sent = rig.sent()
        guard sent.count == 1, case .answer(let answer) = sent[0].request else {
            return #expect(Bool(false))
        }
        #expect(answer.isProven && answer.relay == Rig.server && answer.own == Rig.own)
        #expect(answer.ticket == RelayFixture.ticket())
        let isBound = rig.bound(sent[0].transaction)
        let (event, session) = (rig.client.pollEvent(), rig.client.session)
        #expect(isBound && event == .bound(session: 77) && session == 77)
    }

    @Test("a ticket that comes after a fresh challenge saves the round trip, after an old one not")
    func earlyCookie() {
        for (wait, isAnswer) in [(5, true), (99, true), (101, false)] {
            var rig = Rig()
            rig.challenge(rig.sent()[0].transaction)
            rig.now = .zero + .seconds(wait)
            rig.setTicket()
            let sent = rig.sent().map(\.request)
            #expect(sent.count == 1)
            #expect((sent.first != .bind) == isAnswer, "after \(wait) s")
        }
    }

    @Test("only answers from the relay to a question of the last 5 s are heard, and once")
    func forged() {
        var rig = Rig(at: Self.second)
        rig.setTicket()
        let bind = rig.sent()[0].transaction
        let bytes = RelayFixture.bytes {
            RelayAnswer.writeChallenge(
                transaction: bind,
                RelayAnswer.Challenge(
                    cookie: .zero, observed: Rig.own, tcpPort: 0, isDraining: false), into: &$0)
        }
        for source in [Rig.server.with(port: 1), Rig.server.over(.tcp), Rig.own] {
            let isTaken = rig.client.handle(
                bytes.span.bytes, from: source, key: rig.key, now: rig.now)
            #expect(!isTaken)
        }
        let foreign = [
            rig.challenge(bind &+ 1), rig.challenge(bind &- 1), rig.notice(0, .bindAgain),
            rig.bound(bind &+ 1),
        ]
        #expect(foreign == [false, false, false, false])
        let cut = Array(bytes.dropLast())
        let isCutTaken = rig.client.handle(
            cut.span.bytes, from: Rig.server, key: rig.key, now: rig.now)
        #expect(!isCutTaken)
        rig.now = rig.now + .seconds(5)
        let isLate = rig.challenge(bind)
        #expect(!isLate)
        rig.now = rig.now + .seconds(-1)
        var fresh = Rig(at: Self.second)
        let transaction = fresh.sent()[0].transaction
        let taken = [fresh.challenge(transaction), fresh.challenge(transaction)]
        #expect(taken == [true, false])
    }

    @Test("a session is kept alive each 9 to 10 s, and lost 5 s after the first unanswered one")
    func keepalive() {
        var rig = Rig()
        let isBound = rig.bind()
        #expect(isBound)
        for _ in 0..<20 {
            let start = rig.now
            let isDue = rig.step()
            let sent = rig.sent()
            #expect(isDue && sent.map(\.request) == [.keepalive(session: 77)])
            #expect(rig.now - start >= .seconds(9) && rig.now - start <= .seconds(10))
            let isKept = rig.kept(sent[0].transaction)
            #expect(isKept)
        }
        let start = rig.now
        var event: RelayEvent?
        while event == nil, rig.step() {
            _ = rig.sent()
            event = rig.client.pollEvent()
        }
        let session = rig.client.session
        #expect(event == .lost && session == nil)
        #expect(rig.now - start >= .seconds(14) && rig.now - start <= .seconds(15))
        var rest: [RelayRequest] = []
        while rest.isEmpty, rig.step() { rest = rig.sent().map(\.request) }
        #expect(rest == [.bind], "it goes on asking")
    }

    @Test("a check asks at once, but not again while a question is out")
    func check() {
        var rig = Rig()
        let isBound = rig.bind()
        #expect(isBound)
        rig.now = rig.now + .seconds(3)
        rig.client.check(now: rig.now)
        var sent = rig.sent().map(\.request)
        #expect(sent == [.keepalive(session: 77)])
        rig.client.check(now: rig.now)
        sent = rig.sent().map(\.request)
        #expect(sent.isEmpty)
        let times = rig.silence(until: rig.now + .seconds(3))
        #expect(times.count == 4)
    }

    @Test("a NOTICE for the session leads to BIND at once, at most each 250 ms")
    func bindAgain() {
        var rig = Rig()
        let isBound = rig.bind()
        #expect(isBound)
        rig.now = rig.now + .seconds(1)
        let isTaken = rig.notice(77, .bindAgain)
        let session = rig.client.session
        #expect(isTaken && session == nil)
        let bind = rig.sent()
        #expect(bind.map(\.request) == [.bind])
        rig.challenge(bind[0].transaction)
        let answer = rig.sent()
        // The relay does not take its own cookies.
        rig.notice(answer[0].transaction, .bindAgain)
        let atOnce = rig.sent()
        #expect(atOnce.isEmpty)
        let start = rig.now
        let isAsked = rig.step()
        let later = rig.sent().map(\.request)
        #expect(isAsked && later == [.bind] && rig.now - start == .milliseconds(250))
    }

    @Test("another ticket binds again while the old session goes on; the same one does nothing")
    func renewal() {
        var rig = Rig()
        let isBound = rig.bind()
        #expect(isBound)
        rig.setTicket()
        var sent = rig.sent()
        #expect(sent.isEmpty)
        rig.setTicket(RelayFixture.ticket(generation: 2))
        sent = rig.sent()
        guard sent.count == 1, case .answer(let answer) = sent[0].request else {
            return #expect(Bool(false))
        }
        var session = rig.client.session
        #expect(answer.ticket.generation == 2 && session == 77)
        rig.bound(sent[0].transaction, session: 78)
        session = rig.client.session
        let event = rig.client.pollEvent()
        #expect(session == 78 && event == .bound(session: 78))
    }

    @Test("a refused ticket is not shown again; another one is")
    func refused() {
        for notice in [RelayAnswer.Notice.ticketRefused, .ticketExpired] {
            var rig = Rig()
            rig.setTicket()
            rig.challenge(rig.sent()[0].transaction)
            rig.notice(rig.sent()[0].transaction, notice)
            let event = rig.client.pollEvent()
            #expect(event == .refused(notice))
            let isAsked = rig.step()
            let bind = rig.sent()
            #expect(isAsked && bind.map(\.request) == [.bind])
            rig.challenge(bind[0].transaction)
            var sent = rig.sent()
            #expect(sent.isEmpty)
            rig.setTicket(RelayFixture.ticket(expiry: 200_000))
            sent = rig.sent()
            #expect(sent.count == 1)
        }
    }

    @Test("a full, draining or busy relay is asked again after 30 s")
    func later() {
        for notice in [RelayAnswer.Notice.full, .draining, .rateLimited, .unsupportedVersion] {
            var rig = Rig()
            rig.setTicket()
            rig.challenge(rig.sent()[0].transaction)
            rig.notice(rig.sent()[0].transaction, notice)
            let event = rig.client.pollEvent()
            #expect(event == .refused(notice))
            let start = rig.now
            let isAsked = rig.step()
            #expect(isAsked && rig.now - start >= .seconds(29))
            rig.challenge(rig.sent()[0].transaction)
            guard case .answer = rig.sent().first?.request else { return #expect(Bool(false)) }
        }
    }

    @Test("a draining relay is told once and not bound to; its session goes on")
    func draining() {
        var rig = Rig()
        let isBound = rig.bind()
        #expect(isBound)
        for seconds: UInt16 in [10, 9] {
            let isTaken = rig.give {
                RelayAnswer.writeDraining(session: 77, seconds: seconds, into: &$0)
            }
            #expect(isTaken)
        }
        let isForeign = rig.give {
            RelayAnswer.writeDraining(session: 78, seconds: 3, into: &$0)
        }
        var (event, session) = (rig.client.pollEvent(), rig.client.session)
        #expect(!isForeign && event == .draining(seconds: 10) && session == 77)
        event = rig.client.pollEvent()
        #expect(event == nil)

        var other = Rig()
        other.setTicket()
        other.challenge(other.sent()[0].transaction, isDraining: true)
        let sent = other.sent()
        (event, session) = (other.client.pollEvent(), other.client.session)
        #expect(sent.isEmpty && event == .draining(seconds: 0) && session == nil)
    }

    @Test("after a change of our address the relay is asked at once, and the session goes on")
    func rebind() {
        var rig = Rig()
        let isBound = rig.bind()
        #expect(isBound)
        rig.now = rig.now + .seconds(1)
        rig.client.rebind(now: rig.now)
        let session = rig.client.session
        let sent = rig.sent().map(\.request)
        #expect(session != nil && sent == [.bind])
    }

    @Test("the end of a session is said until the relay does not know it any more")
    func unbind() {
        var rig = Rig()
        let isBound = rig.bind()
        #expect(isBound)
        rig.now = rig.now + .seconds(1)
        rig.client.unbind(now: rig.now)
        let sent = rig.sent()
        #expect(sent.map(\.request) == [.unbind(session: 77)])
        let again = rig.silence(until: rig.now + .seconds(1))
        #expect(again.count == 3)
        rig.notice(77, .bindAgain)
        var (isClosed, timeout) = (rig.client.isClosed, rig.client.timeout)
        #expect(isClosed && timeout == nil)

        var silent = Rig()
        _ = silent.bind()
        silent.client.unbind(now: silent.now)
        _ = silent.silence(until: silent.now + .seconds(20))
        (isClosed, timeout) = (silent.client.isClosed, silent.client.timeout)
        #expect(isClosed && timeout == nil, "nobody answers")
    }

    @Test("no datagram makes the client trap")
    func fuzz() {
        var rig = Rig()
        let isBound = rig.bind()
        #expect(isBound)
        var random = SplitMix64(seed: 11)
        for _ in 0..<20_000 {
            var bytes = RelayMessageTests.answers[Int(random.next(below: 10))].bytes
            for _ in 0..<random.next(below: 4) {
                let index = Int(random.next(below: UInt32(bytes.count)))
                bytes[index] = random.next()
            }
            if random.next(below: 4) == 0 { bytes.removeLast(Int(random.next(below: 12))) }
            _ = rig.client.handle(bytes.span.bytes, from: Rig.server, key: rig.key, now: rig.now)
            _ = rig.sent()
            if random.next(below: 20) == 0 { _ = rig.step() }
        }
    }
}
