import VCCore
import VCTestKit

@testable import VCSignaling

/// A service, any number of clients and the network between them, in virtual time from one seed.
final class SignalWorld {
    final class Client {
        var machine: SignalClient
        var endpoint: Endpoint
        /// Every event so far.
        var events: [SignalEvent] = []
        /// What it does when something happened.
        var react: ((Client, SignalEvent, Instant) -> Void)?

        init(_ machine: consuming SignalClient, at endpoint: Endpoint) {
            self.machine = machine
            self.endpoint = endpoint
        }

        func post(
            _ body: [UInt8], mailbox: UInt32 = 0, grant: SignalRequest.Grant? = nil, now: Instant
        ) {
            machine.post(body.span.bytes, mailbox: mailbox, grant: grant, now: now)
        }

        var isClosed: Bool { machine.isClosed }

        var nameplate: UInt32? {
            for event in events.reversed() {
                if case .leased(let nameplate) = event { return nameplate }
            }
            return nil
        }

        var tickets: [Ticket] {
            events.compactMap { if case .ticket(let ticket) = $0 { ticket } else { nil } }
        }

        var bodies: [[UInt8]] {
            events.compactMap {
                if case .message(_, _, let body) = $0 { body } else { nil }
            }
        }
    }

    static let server = Endpoint(ipv4: 0xC000_0201, port: 4460)
    static let secondPort: UInt16 = 3478

    var now = Instant.zero + .seconds(1_000)
    var random: SplitMix64
    var network: NetworkEmulator
    var service: SignalService
    var clients: [Client] = []
    /// Whether the server's process runs.
    var serverIsUp = true

    init(
        seed: UInt64 = 1, link: NetworkEmulator.Link = .init(latency: .milliseconds(10)),
        limits: SignalLimits = .standalone, signs: Bool = false, hostToken: HostToken? = nil
    ) {
        random = SplitMix64(seed: seed)
        network = NetworkEmulator(seed: seed ^ 0xABCD, link: link)
        service = SignalService(
            limits: limits, secondPort: Self.secondPort,
            signingKey: signs ? Self.signingKey(1) : nil, hostToken: hostToken, random: &random,
            now: now)
        service.setWallClock(unixSeconds: Self.unixSeconds, now: now)
    }

    /// The wall clock at the start.
    static let unixSeconds: UInt64 = 1_800_000_000

    static func signingKey(_ number: UInt8) -> SigningKey {
        let bytes = [UInt8](repeating: number, count: SigningKey.seedSize)
        return SigningKey(
            seed: SecretBytes(copying: bytes.span.bytes, in: TestSecrets.arena),
            arena: TestSecrets.arena)
    }

    static func verifyKey(_ number: UInt8) -> VerifyKey { signingKey(number).verifyKey }

    static func hostToken(_ text: String) -> HostToken? {
        let bytes = Array(text.utf8)
        return HostToken(bytes.span.bytes, in: TestSecrets.arena)
    }

    func isDrained(after time: Duration) -> Bool { service.isDrained(now: now + time) }

    func restartServer(limits: SignalLimits = .standalone) {
        service = SignalService(
            limits: limits, secondPort: Self.secondPort, isRestart: true, random: &random,
            now: now)
    }

    static func token(_ number: UInt8) -> [UInt8] { [UInt8](repeating: number, count: 32) }

    func host(
        _ number: UInt8, at address: UInt32? = nil, wanted: UInt32 = 0, room: UInt64? = nil,
        hostToken: HostToken? = nil
    ) -> Client {
        let token = Self.token(number)
        let client = Client(
            SignalClient(
                servers: [Self.server],
                hosting: Block16(high: room ?? UInt64(number), low: 0),
                claimToken: token.span.bytes, arena: TestSecrets.arena, wantedNameplate: wanted,
                hostToken: hostToken, random: &random, now: now),
            at: Endpoint(ipv4: address ?? 0x0A00_0000 + UInt32(number), port: 1_000))
        clients.append(client)
        return client
    }

    func joiner(
        _ nameplate: UInt32, at address: UInt32 = 0x0B00_0001, relayKey: VerifyKey = .none
    ) -> Client {
        let client = Client(
            SignalClient(
                servers: [Self.server], joining: nameplate, relayKey: relayKey, random: &random,
                now: now),
            at: Endpoint(ipv4: address, port: 2_000))
        clients.append(client)
        return client
    }

    /// Lets everything happen until `time` has passed or `condition` holds.
    @discardableResult
    func run(for time: Duration, until condition: () -> Bool = { false }) -> Bool {
        let end = now + time
        while true {
            pump()
            if condition() { return true }
            var next = network.nextDelivery ?? .distantFuture
            if serverIsUp { next = min(next, service.pollTimeout() ?? .distantFuture) }
            for client in clients {
                next = min(next, client.machine.pollTimeout() ?? .distantFuture)
            }
            guard next <= end else {
                now = end
                return false
            }
            now = max(now, next)
            deliver()
            if serverIsUp { service.handleTimeout(now: now) }
            for client in clients { client.machine.handleTimeout(now: now) }
        }
    }

    private func deliver() {
        while let delivery = network.popDelivery(now: now) {
            let bytes = delivery.bytes.span.bytes
            if delivery.destination.hasSameAddress(as: Self.server) {
                guard serverIsUp else { continue }
                _ = service.handle(
                    bytes, from: delivery.source,
                    onSecondPort: delivery.destination.port == Self.secondPort, now: now)
            } else {
                for client in clients where client.endpoint == delivery.destination {
                    _ = client.machine.handle(bytes, from: delivery.source, now: now)
                }
            }
        }
    }

    private func pump() {
        var isBusy = true
        while isBusy {
            isBusy = false
            for client in clients {
                while let (bytes, destination) = Self.transmit(client) {
                    network.send(bytes, from: client.endpoint, to: destination, now: now)
                    isBusy = true
                }
                while let event = client.machine.pollEvent() {
                    client.events.append(event)
                    client.react?(client, event, now)
                    isBusy = true
                }
            }
            while let (bytes, destination, second) = transmitService() {
                guard serverIsUp else { continue }
                let source = second ? Self.server.with(port: Self.secondPort) : Self.server
                network.send(bytes, from: source, to: destination, now: now)
            }
        }
        while service.pollEvent() != nil {}
    }

    static func written(_ body: (inout ByteWriter) -> Void) -> [UInt8] {
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

    static func transmit(_ client: Client) -> (bytes: [UInt8], destination: Endpoint)? {
        var destination: Endpoint?
        let bytes = written { destination = client.machine.pollTransmit(into: &$0)?.destination }
        return destination.map { (bytes, $0) }
    }

    func transmitService() -> (bytes: [UInt8], destination: Endpoint, second: Bool)? {
        var transmit: OutgoingDatagram?
        let bytes = Self.written { transmit = service.pollTransmit(into: &$0) }
        return transmit.map { (bytes, $0.destination, $0.fromSecondPort) }
    }

    /// Hands a datagram to the service, past the network, and returns its answers.
    func ask(
        _ bytes: [UInt8], from source: Endpoint, onSecondPort: Bool = false
    ) -> [(bytes: [UInt8], destination: Endpoint, second: Bool)] {
        _ = service.handle(
            bytes.span.bytes, from: source, onSecondPort: onSecondPort, now: now)
        var answers: [(bytes: [UInt8], destination: Endpoint, second: Bool)] = []
        while let answer = transmitService() { answers.append(answer) }
        return answers
    }

    /// A valid cookie of `source`.
    func cookie(of source: Endpoint) -> Block16 {
        let hello = Self.written { SignalRequest.writeHello(transaction: 1, into: &$0) }
        guard let answer = ask(hello, from: source).first,
            let decoded = try? SignalAnswer.decode(answer.bytes.span.bytes),
            case .cookie(let cookie, _, _) = decoded.answer
        else { return .zero }
        return cookie
    }
}
