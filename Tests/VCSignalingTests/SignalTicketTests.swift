import Testing
import VCTestKit

@testable import VCCore
@testable import VCSignaling

/// Tickets for relays: only for members that the host of a room vouches for.
@Suite struct SignalTicketTests {
    private static let member = SignalWorld.verifyKey(7)
    private static let grant = SignalRequest.Grant(member: 2, generation: 5)

    /// A world with a host that answers every body, with or without a grant, and its joiner.
    private static func joined(
        signs: Bool = true, relayKey: VerifyKey = member, grant: SignalRequest.Grant? = grant
    ) -> (world: SignalWorld, host: SignalWorld.Client, joiner: SignalWorld.Client) {
        let world = SignalWorld(signs: signs)
        let host = world.host(1)
        host.react = { host, event, now in
            guard case .message(let mailbox, _, let body) = event else { return }
            host.post(body, mailbox: mailbox, grant: grant, now: now)
        }
        world.run(for: .seconds(1))
        let joiner = world.joiner(1, relayKey: relayKey)
        joiner.post([1], now: world.now)
        world.run(for: .seconds(1))
        return (world, host, joiner)
    }

    @Test("a joiner that the host grants a number has its ticket before the message")
    func grantedTicket() throws {
        let (world, _, joiner) = Self.joined()
        let events = joiner.events.suffix(2)
        let ticket = try #require(joiner.tickets.first)
        #expect(events == [.ticket(ticket), .message(mailbox: 0, sourceTag: 0, body: [1])])
        #expect(ticket.roomID == Block16(high: 1, low: 0))
        #expect(ticket.member == 2 && ticket.generation == 5 && ticket.memberKey == Self.member)
        let start = SignalWorld.unixSeconds
        #expect((start + 86_400...start + 86_402).contains(ticket.expiry))
        #expect(throws: Never.self) {
            try ticket.check(against: [SignalWorld.verifyKey(1)], unixSeconds: start + 86_000)
        }
        #expect(world.service.counters.tickets == 1)
    }

    @Test("without a grant, a key of the joiner or a key of the server there is no ticket")
    func noTicket() {
        for (world, _, joiner) in [
            Self.joined(grant: nil), Self.joined(relayKey: .none), Self.joined(signs: false),
        ] {
            #expect(joiner.tickets.isEmpty)
            #expect(joiner.bodies == [[1]])
            #expect(world.service.counters.tickets == 0)
        }
    }

    @Test("the key of a run is the one of its first body, whatever later bodies say")
    func keyStays() throws {
        let world = SignalWorld(signs: true)
        let host = world.host(1)
        world.run(for: .seconds(1))
        let source = Endpoint(ipv4: 0x0C00_0001, port: 1)
        let cookie = world.cookie(of: source)
        func post(_ key: VerifyKey) -> [UInt8] {
            let body: [UInt8] = [1]
            return SignalWorld.written {
                SignalRequest.writePost(
                    transaction: 3, cookie: cookie, nameplate: 1, run: 9, relayKey: key,
                    body: body.span.bytes, into: &$0)
            }
        }
        guard
            case .toHost(let mailbox, _, _) = Self.read(
                world.ask(post(Self.member), from: source)
            ).first
        else {
            Issue.record("the run was not opened")
            return
        }
        _ = world.ask(post(SignalWorld.verifyKey(8)), from: source)
        let ticket = Self.reply(world, from: host, mailbox: mailbox)
        #expect(ticket?.memberKey == Self.member)
    }

    @Test("a grant for a mailbox of another room gets nothing, and the joiner neither")
    func foreignMailbox() {
        let (world, host, joiner) = Self.joined(grant: nil)
        guard case .message(let mailbox, _, _) = host.events.last else {
            Issue.record("the body did not arrive")
            return
        }
        let stranger = world.host(2)
        world.run(for: .seconds(1))
        stranger.post([6], mailbox: mailbox, grant: Self.grant, now: world.now)
        world.run(for: .seconds(1))
        #expect(stranger.events.last == .mailboxClosed(mailbox: mailbox))
        #expect(joiner.tickets.isEmpty && joiner.bodies == [[1]])
        #expect(world.service.counters.tickets == 0)
    }

    @Test("the holder of a lease gets tickets for its members, over a network that loses a fifth")
    func askedTickets() throws {
        let world = SignalWorld(
            link: .init(latency: .milliseconds(20), loss: 0.2, duplication: 0.1), signs: true)
        let host = world.host(1)
        world.run(for: .seconds(5))
        for member in 2...16 as ClosedRange<UInt8> {
            host.machine.requestTicket(
                SignalRequest.Grant(member: member, generation: 3),
                key: SignalWorld.verifyKey(member), now: world.now)
        }
        world.run(for: .seconds(20))
        #expect(host.tickets.map(\.member).sorted() == Array(2...16))
        for ticket in host.tickets {
            #expect(ticket.memberKey == SignalWorld.verifyKey(ticket.member))
            #expect(ticket.generation == 3)
            #expect(throws: Never.self) {
                try ticket.check(
                    against: [SignalWorld.verifyKey(1)], unixSeconds: SignalWorld.unixSeconds)
            }
        }
    }

    @Test("no ticket for an unknown token, one whose lease was lost, or from a server without key")
    func refusedTickets() {
        func ask(
            _ world: SignalWorld, token: UInt8, as host: SignalWorld.Client? = nil
        ) -> [SignalAnswer] {
            let transaction = host?.machine.transaction ?? 1
            let source = Endpoint(ipv4: 0x0C00_0001, port: 1)
            let cookie = world.cookie(of: source)
            let token = SignalWorld.token(token)
            let message = SignalWorld.written {
                SignalRequest.writeTicket(
                    transaction: transaction, cookie: cookie, token: token.span.bytes,
                    grant: Self.grant,
                    relayKey: Self.member, into: &$0)
            }
            return Self.read(world.ask(message, from: source))
        }
        let world = SignalWorld(signs: true)
        let host = world.host(1)
        world.run(for: .seconds(1))
        #expect(ask(world, token: 9) == [.ticket(.unknownLease, member: 2, nil)])
        // Who knows the token and is not the host that holds the lease is told so.
        guard case .kept(.displaced, _) = ask(world, token: 1).first else {
            Issue.record("another client than the holder was served")
            return
        }
        guard case .ticket(.signed, member: 2, _) = ask(world, token: 1, as: host).first else {
            Issue.record("the holder was refused")
            return
        }
        host.machine.release(now: world.now)
        world.run(for: .seconds(1))
        #expect(ask(world, token: 1) == [.ticket(.unknownLease, member: 2, nil)])
        let keyless = SignalWorld()
        let other = keyless.host(1)
        keyless.run(for: .seconds(1))
        #expect(ask(keyless, token: 1, as: other) == [.ticket(.noKey, member: 2, nil)])
    }

    @Test("without a valid cookie neither tickets nor relays are told")
    func noCookie() {
        let world = SignalWorld(signs: true)
        _ = world.host(1)
        world.run(for: .seconds(1))
        let source = Endpoint(ipv4: 0x0C00_0001, port: 1)
        let elsewhere = world.cookie(of: source.with(port: 2))
        let overTCP = world.cookie(of: source.over(.tcp))
        let token = SignalWorld.token(1)
        for cookie in [Block16.zero, elsewhere, overTCP] {
            let messages = [
                SignalWorld.written {
                    SignalRequest.writeTicket(
                        transaction: 1, cookie: cookie, token: token.span.bytes,
                        grant: Self.grant, relayKey: Self.member, into: &$0)
                },
                SignalWorld.written {
                    SignalRequest.writeRelays(
                        transaction: 1, cookie: cookie, nameplate: 1, into: &$0)
                },
            ]
            for message in messages {
                let answers = Self.read(world.ask(message, from: source))
                guard answers.count == 1, case .cookie = answers[0] else {
                    Issue.record("\(answers)")
                    return
                }
            }
        }
        #expect(world.service.counters.tickets == 0)
    }

    private static func reply(
        _ world: SignalWorld, from host: SignalWorld.Client, mailbox: UInt32
    ) -> Ticket? {
        let cookie = world.cookie(of: host.endpoint)
        let transaction = host.machine.transaction
        let (token, body) = (SignalWorld.token(1), [UInt8](repeating: 1, count: 4))
        let message = SignalWorld.written {
            SignalRequest.writeReply(
                transaction: transaction, cookie: cookie, token: token.span.bytes,
                mailbox: mailbox, grant: grant, body: body.span.bytes, into: &$0)
        }
        guard
            case .toJoiner(_, let ticket, _) = read(world.ask(message, from: host.endpoint)).first
        else { return nil }
        return ticket
    }

    private static func read(
        _ answers: [(bytes: [UInt8], destination: Endpoint, second: Bool)]
    ) -> [SignalAnswer] {
        answers.compactMap { try? SignalAnswer.decode($0.bytes.span.bytes).answer }
    }
}

/// `--host-token`: who may open rooms.
@Suite struct SignalHostTokenTests {
    private static let secret = "a secret of sixteen bytes"

    @Test("only who knows the host token opens a room; joiners need none")
    func claims() {
        let world = SignalWorld(hostToken: SignalWorld.hostToken(Self.secret))
        let host = world.host(1, hostToken: SignalWorld.hostToken(Self.secret))
        let wrong = world.host(2, hostToken: SignalWorld.hostToken(Self.secret + "!"))
        let without = world.host(3)
        world.run(for: .seconds(5))
        #expect(host.nameplate == 1)
        for refused in [wrong, without] {
            #expect(refused.nameplate == nil)
            #expect(refused.events.filter { $0 == .tokenNeeded }.count == 1)
        }
        let joiner = world.joiner(1)
        joiner.post([4], now: world.now)
        world.run(for: .seconds(1))
        #expect(host.bodies == [[4]])
        #expect(world.service.leaseCount == 1)
    }

    @Test("a host that has a room keeps it, whatever proof comes with its claim")
    func knownToken() {
        let world = SignalWorld(hostToken: SignalWorld.hostToken(Self.secret))
        let host = world.host(1, hostToken: SignalWorld.hostToken(Self.secret))
        world.run(for: .seconds(1))
        #expect(host.nameplate == 1)
        world.clients = []
        let again = world.host(1, at: 0x0D00_0001)
        world.run(for: .seconds(9))
        #expect(again.nameplate == 1)
        // A new server knows no token, and wants to see the proof again.
        #expect(!again.events.contains(.tokenNeeded))
    }

    @Test("a proof that was seen on the wire opens nothing: not from elsewhere, not for others")
    func replayed() throws {
        let token = try #require(SignalWorld.hostToken(Self.secret))
        let world = SignalWorld(hostToken: token)
        let source = Endpoint(ipv4: 0x0C00_0001, port: 1)
        let other = Endpoint(ipv4: 0x0C00_0002, port: 1)
        let cookie = world.cookie(of: source)
        let (claimToken, otherToken) = (SignalWorld.token(1), SignalWorld.token(2))
        let room = Block16(high: 1, low: 1)
        let proof = token.proof(
            cookie: cookie, roomID: room, claimToken: claimToken.span.bytes)
        func claim(
            _ cookie: Block16, _ room: Block16, _ token: [UInt8], from source: Endpoint
        ) -> SignalAnswer.LeaseStatus? {
            let message = SignalWorld.written {
                SignalRequest.writeClaim(
                    transaction: 1, cookie: cookie, roomID: room, token: token.span.bytes,
                    wanted: 0, proof: proof, into: &$0)
            }
            let answers = world.ask(message, from: source)
            guard let bytes = answers.first?.bytes,
                case .lease(let status, _, _) = try? SignalAnswer.decode(bytes.span.bytes).answer
            else { return nil }
            return status
        }
        let otherCookie = world.cookie(of: other)
        #expect(claim(otherCookie, room, claimToken, from: other) == .tokenNeeded)
        #expect(claim(cookie, room, claimToken, from: other) == nil)
        #expect(claim(cookie, room, otherToken, from: source) == .tokenNeeded)
        #expect(claim(cookie, .zero, claimToken, from: source) == .tokenNeeded)
        #expect(claim(cookie, room, claimToken, from: source) == .granted)
        // In the next slot of time the same address has another cookie.
        world.now = world.now + .seconds(600)
        let later = world.cookie(of: source)
        #expect(claim(later, room, otherToken, from: source) == .tokenNeeded)
        #expect(claim(cookie, room, otherToken, from: source) == nil)
    }

    @Test("who tries tokens gets no more tries than rooms")
    func guesses() {
        let world = SignalWorld(hostToken: SignalWorld.hostToken(Self.secret))
        let source = Endpoint(ipv4: 0x0C00_0001, port: 1)
        let cookie = world.cookie(of: source)
        var statuses: [SignalAnswer.LeaseStatus] = []
        for number in 1...30 as ClosedRange<UInt8> {
            let token = SignalWorld.token(number)
            let message = SignalWorld.written {
                SignalRequest.writeClaim(
                    transaction: 1, cookie: cookie, roomID: .zero, token: token.span.bytes,
                    wanted: 0, proof: Block16(high: 1, low: 1), into: &$0)
            }
            for answer in world.ask(message, from: source) {
                if case .lease(let status, _, _) = try? SignalAnswer.decode(
                    answer.bytes.span.bytes
                ).answer {
                    statuses.append(status)
                }
            }
        }
        #expect(statuses.filter { $0 == .tokenNeeded }.count == 20)
        #expect(statuses.filter { $0 == .rateLimited }.count == 10)
    }
}
