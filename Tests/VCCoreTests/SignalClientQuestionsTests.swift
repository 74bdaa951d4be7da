import Testing
import VCTestKit

@testable import VCCore

/// What a client asks a server beside the lease: relays, tickets, and with which proof.
@Suite struct SignalClientQuestionsTests {
    private typealias Base = SignalClientTests
    private static let relay = RelayServer(
        endpoint: Endpoint(ipv4: 0x0A00_0009, port: 4461), tcpPort: 443)

    private static func joiner() -> SignalClient {
        var random = SplitMix64(seed: 1)
        var client = SignalClient(
            servers: [Base.server], joining: 7, relayKey: SignalCodecTests.memberKey,
            random: &random, now: .zero)
        _ = Base.transmits(&client)
        _ = Base.give(Base.cookie(1, client.transaction), to: &client)
        _ = client.pollEvent()
        return client
    }

    private static func host() -> SignalClient {
        var client = Base.host([Base.server])
        _ = Base.transmits(&client)
        _ = Base.give(Base.cookie(1, client.transaction), to: &client)
        lease(&client)
        while client.pollEvent() != nil {}
        _ = Base.transmits(&client)
        return client
    }

    private static func lease(_ client: inout SignalClient) {
        let lease = SignalCodecTests.written {
            SignalAnswer.writeLease(
                transaction: client.transaction, status: .granted, nameplate: 7, seconds: 30,
                into: &$0)
        }
        _ = Base.give(lease, to: &client)
    }

    private static func requests(_ client: inout SignalClient) -> [SignalRequest] {
        Base.transmits(&client).compactMap { try? SignalRequest.decode($0.1.span.bytes).request }
    }

    /// Times of RELAYS within `seconds`, each answered with `answer` at once.
    private static func relayTimes(
        _ client: inout SignalClient, seconds: Int, answer: [RelayServer]?
    ) -> [Int] {
        var times: [Int] = []
        for step in 0..<seconds * 4 {
            let time = Duration.milliseconds(250 * step)
            client.handleTimeout(now: .zero + time)
            for request in requests(&client) {
                guard case .relays(_, let nameplate) = request else { continue }
                #expect(nameplate == 7)
                times.append(250 * step)
                guard let answer else { continue }
                let bytes = SignalCodecTests.written {
                    SignalAnswer.writeRelays(transaction: client.transaction, answer, into: &$0)
                }
                _ = Base.give(bytes, to: &client, at: time)
            }
        }
        return times
    }

    @Test("relays are asked for with the first cookie, again each 5 minutes, and told once")
    func relays() {
        var client = Self.joiner()
        let times = Self.relayTimes(&client, seconds: 700, answer: [Self.relay])
        #expect(times == [0, 300_000, 600_000])
        #expect(client.pollEvent() == .relays([Self.relay]))
        #expect(client.pollEvent() == nil)
    }

    @Test("an empty list is asked for again each second at first, then each 10 s for a minute")
    func noRelays() {
        var client = Self.joiner()
        #expect(
            Self.relayTimes(&client, seconds: 120, answer: [])
                == (0...8).map { 1_000 * $0 } + (1...6).map { 8_000 + 10_000 * $0 })
        #expect(client.pollEvent() == .relays([]))
        #expect(client.pollEvent() == nil)
        var other = Self.joiner()
        #expect(
            Self.relayTimes(&other, seconds: 20, answer: nil)
                == [0, 500, 1_500, 3_500, 7_500, 17_500])
    }

    @Test("a host asks for the relays of its own nameplate, once it has one")
    func hostRelays() {
        var client = Base.host([Base.server])
        _ = Base.transmits(&client)
        _ = Base.give(Base.cookie(1, client.transaction), to: &client)
        #expect(Self.requests(&client).count == 1)
        Self.lease(&client)
        #expect(Self.requests(&client) == [.relays(cookie: Block16(high: 1, low: 0), nameplate: 7)])
    }

    @Test("a ticket is asked for until it comes; only the one that was asked for counts")
    func tickets() {
        var client = Self.host()
        let key = SignalCodecTests.memberKey
        let grant = SignalRequest.Grant(member: 3, generation: 0x0102_0304)
        client.requestTicket(
            SignalRequest.Grant(member: 3, generation: 1), key: key, now: .zero)
        client.requestTicket(grant, key: key, now: .zero)
        client.requestTicket(SignalRequest.Grant(member: 4, generation: 1), key: key, now: .zero)
        var times: [Int] = []
        for step in 0..<28 {
            client.handleTimeout(now: .zero + .milliseconds(250 * step))
            for request in Self.requests(&client) {
                guard case .ticket(_, _, let asked, let askedKey) = request else { continue }
                #expect(askedKey == key)
                if asked == grant { times.append(250 * step) } else { #expect(asked.member == 4) }
            }
            let kept = SignalCodecTests.written {
                SignalAnswer.writeKept(
                    transaction: client.transaction, status: .kept, observed: Base.observed,
                    into: &$0)
            }
            _ = Base.give(kept, to: &client, at: .milliseconds(250 * step))
        }
        #expect(times == [0, 250, 750, 1_750, 3_750, 5_750])
        let foreign = Ticket(
            roomID: .zero, generation: 9, member: 3, memberKey: key, expiry: 1,
            signedWith: SignalCodecTests.signingKey(2))
        for ticket in [foreign, SignalCodecTests.ticket, SignalCodecTests.ticket] {
            let answer = SignalCodecTests.written {
                SignalAnswer.writeTicket(
                    transaction: client.transaction, status: .signed, member: 3, ticket: ticket,
                    into: &$0)
            }
            _ = Base.give(answer, to: &client, at: .seconds(7))
        }
        #expect(client.pollEvent() == .ticket(SignalCodecTests.ticket))
        #expect(client.pollEvent() == nil)
        client.handleTimeout(now: .zero + .seconds(20))
        let asked = Self.requests(&client).compactMap {
            if case .ticket(_, _, let grant, _) = $0 { grant.member } else { nil }
        }
        #expect(asked.allSatisfy { $0 == 4 })
    }

    @Test("a server without a key is not asked again; one without the lease is claimed from")
    func refusedTickets() {
        var client = Self.host()
        let key = SignalCodecTests.memberKey
        func answer(_ status: SignalAnswer.TicketStatus) -> [UInt8] {
            SignalCodecTests.written {
                SignalAnswer.writeTicket(
                    transaction: client.transaction, status: status, member: 3, into: &$0)
            }
        }
        client.requestTicket(SignalRequest.Grant(member: 3, generation: 1), key: key, now: .zero)
        #expect(Self.requests(&client).count == 1)
        let (noKey, unknown) = (answer(.noKey), answer(.unknownLease))
        _ = Base.give(noKey, to: &client)
        client.handleTimeout(now: .zero + .seconds(1))
        #expect(Self.requests(&client).allSatisfy { if case .ticket = $0 { false } else { true } })
        client.requestTicket(SignalRequest.Grant(member: 3, generation: 1), key: key, now: .zero)
        _ = Base.transmits(&client)
        _ = Base.give(unknown, to: &client)
        #expect(client.pollEvent() == .leaseLost)
        Self.lease(&client)
        client.handleTimeout(now: .zero + .seconds(2))
        #expect(Self.requests(&client).contains { if case .ticket = $0 { true } else { false } })
    }

    @Test("a joiner's ticket comes before its message, and only if it is for its own key")
    func joinerTicket() {
        var client = Self.joiner()
        let body: [UInt8] = [1]
        let foreign = Ticket(
            roomID: .zero, generation: 1, member: 3, memberKey: SignalCodecTests.key(8), expiry: 1,
            signedWith: SignalCodecTests.signingKey(2))
        for ticket in [SignalCodecTests.ticket, foreign] {
            let delivery = SignalCodecTests.written {
                SignalAnswer.writeToJoiner(
                    transaction: client.transaction, run: client.run, ticket: ticket,
                    body: body.span.bytes, into: &$0)
            }
            _ = Base.give(delivery, to: &client)
        }
        #expect(client.pollEvent() == .ticket(SignalCodecTests.ticket))
        for _ in 0..<2 {
            #expect(client.pollEvent() == .message(mailbox: 0, sourceTag: 0, body: [1]))
        }
        #expect(client.pollEvent() == nil)
    }

    @Test("every post carries the joiner's relay key, a reply the grant it was given")
    func keysAndGrants() {
        var client = Self.joiner()
        let body: [UInt8] = [1]
        client.post(body.span.bytes, now: .zero)
        guard case .post(_, _, _, let key, _) = Self.requests(&client).first else {
            Issue.record("nothing was posted")
            return
        }
        #expect(key == SignalCodecTests.memberKey)
        var host = Self.host()
        let grant = SignalRequest.Grant(member: 2, generation: 5)
        host.post(body.span.bytes, mailbox: 9, grant: grant, now: .zero)
        guard case .reply(_, _, 9, let sent, _) = Self.requests(&host).first else {
            Issue.record("nothing was replied")
            return
        }
        #expect(sent == grant)
    }

    @Test("a claim proves the host token for its cookie; a server that wants one says so, once")
    func hostToken() {
        let arena = TestSecrets.arena
        let text = Array("correct horse battery".utf8)
        guard let secret = HostToken(text.span.bytes, in: arena) else {
            Issue.record("a token of 21 bytes was refused")
            return
        }
        var random = SplitMix64(seed: 1)
        let token = Base.token
        var client = SignalClient(
            servers: [Base.server], hosting: Block16(high: 1, low: 2),
            claimToken: token.span.bytes, arena: arena, hostToken: secret, random: &random,
            now: .zero)
        _ = Base.transmits(&client)
        _ = Base.give(Base.cookie(6, client.transaction), to: &client)
        _ = client.pollEvent()
        guard case .claim(let cookie, let room, _, _, let proof) = Self.requests(&client).first
        else {
            Issue.record("nothing was claimed")
            return
        }
        func isAccepted(
            _ proof: Block16, _ cookie: Block16, _ room: Block16, _ token: [UInt8]
        ) -> Bool {
            secret.accepts(proof, cookie: cookie, roomID: room, claimToken: token.span.bytes)
        }
        let other = [UInt8](repeating: 4, count: 32)
        #expect(isAccepted(proof, cookie, room, token))
        #expect(!isAccepted(.zero, cookie, room, token))
        #expect(!isAccepted(proof, .zero, room, token))
        #expect(!isAccepted(proof, cookie, .zero, token))
        #expect(!isAccepted(proof, cookie, room, other))
        let refusal = SignalCodecTests.written {
            SignalAnswer.writeLease(
                transaction: client.transaction, status: .tokenNeeded, nameplate: 0, seconds: 0,
                into: &$0)
        }
        for _ in 0..<3 { _ = Base.give(refusal, to: &client) }
        #expect(client.pollEvent() == .tokenNeeded)
        #expect(client.pollEvent() == nil)
    }

    @Test("a host token has 16 to 256 bytes")
    func tokenSizes() {
        for (size, isGood) in [(0, false), (15, false), (16, true), (256, true), (257, false)] {
            let bytes = [UInt8](repeating: 7, count: size)
            let isAccepted = HostToken(bytes.span.bytes, in: TestSecrets.arena) != nil
            #expect(isAccepted == isGood)
        }
    }
}
