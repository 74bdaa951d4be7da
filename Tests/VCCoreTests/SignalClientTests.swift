import Testing
import VCTestKit

@testable import VCCore

@Suite struct SignalClientTests {
    static let server = Endpoint(ipv4: 0x0A00_0001, port: 4460)
    static let other = Endpoint(ipv4: 0x0A00_0002, port: 4460)
    static let observed = Endpoint(ipv4: 1, port: 2)
    static let token = [UInt8](repeating: 3, count: 32)

    static func host(_ servers: [Endpoint]) -> SignalClient {
        var random = SplitMix64(seed: 1)
        return SignalClient(
            servers: servers, hosting: .zero, claimToken: token.span.bytes,
            arena: TestSecrets.arena, random: &random,
            now: .zero)
    }

    static func transmits(_ client: inout SignalClient) -> [(Endpoint, [UInt8])] {
        var found: [(Endpoint, [UInt8])] = []
        while true {
            var destination: Endpoint?
            let bytes = SignalCodecTests.written {
                destination = client.pollTransmit(into: &$0)?.destination
            }
            guard let destination else { return found }
            found.append((destination, bytes))
        }
    }

    static func cookie(_ number: UInt64, _ transaction: UInt64) -> [UInt8] {
        SignalCodecTests.written {
            SignalAnswer.writeCookie(
                transaction: transaction, cookie: Block16(high: number, low: 0),
                observed: observed, secondPort: 9, into: &$0)
        }
    }

    static func give(
        _ bytes: [UInt8], to client: inout SignalClient, from source: Endpoint = server,
        at time: Duration = .zero
    ) -> Bool {
        client.handle(bytes.span.bytes, from: source, now: .zero + time)
    }

    @Test("all servers are asked at 0, 250 ms, each half second, later 2 s; the first wins")
    func racing() {
        var client = Self.host([Self.server, Self.other])
        var times: [Instant] = []
        var now = Instant.zero
        while times.count < 13 {
            let asked = Self.transmits(&client).map(\.0)
            if asked.prefix(2) == [Self.server, Self.other] { times.append(now) }
            now = client.pollTimeout() ?? .distantFuture
            client.handleTimeout(now: now)
        }
        #expect(
            times.map { Int(($0 - .zero).inMilliseconds) }
                == [0, 250] + (1...9).map { 500 * $0 } + [6_500, 8_500])
        #expect(client.pollEvent() == .unreachable)
        #expect(client.pollEvent() == nil)
        #expect(Self.give(Self.cookie(1, client.transaction), to: &client, from: Self.other))
        #expect(
            client.pollEvent()
                == .reachable(server: Self.other, observed: Self.observed, secondPort: 9))
        #expect(Self.transmits(&client).map(\.0) == [Self.other])
        // The slower one is not heard any more.
        #expect(!Self.give(Self.cookie(2, client.transaction), to: &client, from: Self.server))
    }

    @Test("answers from elsewhere, with another transaction or cut short change nothing")
    func forged() {
        var client = Self.host([Self.server])
        _ = Self.transmits(&client)
        let right = Self.cookie(1, client.transaction)
        #expect(!Self.give(right, to: &client, from: Self.other))
        #expect(!Self.give(right, to: &client, from: Self.server.with(port: 1)))
        #expect(!Self.give(Self.cookie(1, client.transaction &+ 1), to: &client))
        #expect(!Self.give(Array(right.dropLast()), to: &client))
        #expect(client.pollEvent() == nil)
        let phase = client.phase
        #expect(phase == .greeting)
        #expect(Self.transmits(&client).isEmpty)
        #expect(Self.give(right, to: &client))
    }

    @Test("a server that never accepts its own cookies cannot make the client send at line rate")
    func cookieLoop() {
        var client = Self.host([Self.server])
        _ = Self.transmits(&client)
        var sent = 0
        for step in 0..<1_000 as Range<UInt64> {
            let time = Duration.milliseconds(Int(step))
            _ = Self.give(
                Self.cookie(step + 1, client.transaction), to: &client, at: time)
            client.handleTimeout(now: .zero + time)
            sent += Self.transmits(&client).count
        }
        #expect(sent > 2)
        #expect(sent <= 10)
    }

    @Test("bodies that wait are bounded; the oldest go first")
    func boundedLetters() {
        var client = Self.host([Self.server])
        for index in 0..<100 as Range<UInt8> {
            let body = [index]
            client.post(body.span.bytes, mailbox: 1, now: .zero)
        }
        _ = Self.give(Self.cookie(1, client.transaction), to: &client)
        let lease = SignalCodecTests.written {
            SignalAnswer.writeLease(
                transaction: client.transaction, status: .granted, nameplate: 7, seconds: 30,
                into: &$0)
        }
        _ = Self.give(lease, to: &client)
        // Behind them the question for relays.
        let bodies = Self.transmits(&client).dropLast().compactMap { $0.1.last }
        #expect(bodies == Array(UInt8(100 - SignalClient.maximumLetters)..<100))
    }

    @Test("events are bounded, however much a server delivers")
    func boundedEvents() {
        var random = SplitMix64(seed: 1)
        var client = SignalClient(
            servers: [Self.server], joining: 7, random: &random, now: .zero)
        _ = Self.give(Self.cookie(1, client.transaction), to: &client)
        let body: [UInt8] = [1]
        let delivery = SignalCodecTests.written {
            SignalAnswer.writeToJoiner(
                transaction: client.transaction, run: client.run, body: body.span.bytes,
                into: &$0)
        }
        for _ in 0..<1_000 { _ = Self.give(delivery, to: &client) }
        var events = 0
        while client.pollEvent() != nil { events += 1 }
        #expect(events == 64)
    }

    @Test("a body for another run is not for us")
    func otherRun() {
        var random = SplitMix64(seed: 1)
        var client = SignalClient(
            servers: [Self.server], joining: 7, random: &random, now: .zero)
        _ = Self.give(Self.cookie(1, client.transaction), to: &client)
        while client.pollEvent() != nil {}
        let body: [UInt8] = [1]
        for run in [client.run &+ 1, client.run] {
            let delivery = SignalCodecTests.written {
                SignalAnswer.writeToJoiner(
                    transaction: client.transaction, run: run, body: body.span.bytes, into: &$0)
            }
            _ = Self.give(delivery, to: &client)
        }
        #expect(client.pollEvent() == .message(mailbox: 0, sourceTag: 0, body: [1]))
        #expect(client.pollEvent() == nil)
    }

    @Test("a machine that slept for hours asks once by each way, not all that it missed")
    func sleep() {
        var client = Self.host([Self.server])
        _ = Self.transmits(&client)
        client.handleTimeout(now: .zero + .seconds(36_000))
        #expect(Self.transmits(&client).count == 3)
        let next = client.pollTimeout() ?? .zero
        #expect(next > .zero + .seconds(36_000))
    }

    @Test("100,000 fuzzed answers trap nothing and grow nothing")
    func fuzz() {
        var random = SplitMix64(seed: 9)
        let answers = SignalCodecTests.answers(body: [1, 2, 3])
        var client = Self.host([Self.server])
        var posted = 0
        for step in 0..<100_000 {
            var bytes = answers[Int(random.next(below: UInt32(answers.count)))]
            withUnsafeBytes(of: client.transaction.bigEndian) {
                bytes.replaceSubrange(3..<11, with: $0)
            }
            for _ in 0..<random.next(below: 3) {
                bytes[Int(random.next(below: UInt32(bytes.count)))] = random.next(UInt8.self)
            }
            let time = Duration.milliseconds(step)
            _ = Self.give(bytes, to: &client, at: time)
            client.handleTimeout(now: .zero + time)
            if step % 100 == 0 {
                let body = answers[0]
                client.post(body.span.bytes, mailbox: 1, now: .zero + time)
            }
            posted += Self.transmits(&client).count
            if step % 1_000 == 0 { while client.pollEvent() != nil {} }
        }
        let (letters, events) = (client.letters.count, client.events.count)
        #expect(letters <= SignalClient.maximumLetters)
        #expect(events <= SignalClient.maximumEvents)
        #expect(posted < 2_000)
    }
}
