import VCCore
import VCTestKit

@testable import VCRelay

/// A relay and any number of clients in virtual time, with nothing between them.
final class RelayWorld {
    final class Client {
        var machine: RelayClient
        let key: SigningKey
        var endpoint: Endpoint
        var events: [RelayEvent] = []
        /// Relayed datagrams: from whom, and what.
        var received: [(member: UInt8, inner: [UInt8])] = []
        /// Whether its datagrams and those to it get through.
        var isUp = true

        init(_ machine: consuming RelayClient, key: consuming SigningKey, at endpoint: Endpoint) {
            self.machine = machine
            self.key = key
            self.endpoint = endpoint
        }

        var session: UInt64? { machine.session }
        var verifyKey: VerifyKey { key.verifyKey }
    }

    static let address = Endpoint(ipv4: 0xC000_0201, port: 4461)
    static let room = Block16(high: 11, low: 12)
    /// The wall clock at the start.
    static let unixSeconds: UInt64 = 1_800_000_000

    var now = Instant.zero + .seconds(1_000)
    private let start = Instant.zero + .seconds(1_000)
    var random = SplitMix64(seed: 7)
    let signal: SigningKey
    var service: RelayService
    var clients: [Client] = []
    var events: [RelayServiceEvent] = []

    init(limits: RelayLimits = RelayLimits()) {
        var source = AnyRandomSource(SplitMix64(seed: 1))
        signal = SigningKey(random: &source, arena: TestSecrets.arena)
        service = RelayService(
            limits: limits, keys: [signal.verifyKey], addresses: [Self.address], tcpPort: 443,
            random: AnyRandomSource(SplitMix64(seed: 2)), now: now)
    }

    var unixSeconds: UInt64 {
        Self.unixSeconds + UInt64((now - start).components.seconds)
    }

    func key(_ seed: UInt64) -> SigningKey {
        var source = AnyRandomSource(SplitMix64(seed: seed))
        return SigningKey(random: &source, arena: TestSecrets.arena)
    }

    func ticket(
        _ member: UInt8, for key: VerifyKey, generation: UInt32 = 1, room: Block16 = room,
        seconds: UInt64 = Ticket.lifetimeSeconds
    ) -> Ticket {
        Ticket(
            roomID: room, generation: generation, member: member, memberKey: key,
            expiry: unixSeconds + seconds, signedWith: signal)
    }

    /// A client without a ticket.
    func client(
        at number: UInt32, key seed: UInt64? = nil, server: Endpoint = address
    ) -> Client {
        let client = Client(
            RelayClient(server: server, random: &random, now: now),
            key: key(seed ?? 1_000 + UInt64(number)),
            at: Endpoint(ipv4: 0x0A00_0000 + number, port: 5_000).over(server.transport))
        clients.append(client)
        return client
    }

    /// A member that is bound.
    func member(
        _ member: UInt8, at number: UInt32? = nil, generation: UInt32 = 1, room: Block16 = room
    ) -> Client {
        let client = client(at: number ?? UInt32(member))
        setTicket(
            of: client, ticket(member, for: client.verifyKey, generation: generation, room: room))
        pump()
        return client
    }

    func setTicket(of client: Client, _ ticket: Ticket) {
        client.machine.setTicket(ticket, key: client.key, now: now)
    }

    // MARK: Datagrams

    /// Delivers everything that wants to be sent, until nothing does.
    func pump() {
        for _ in 0..<1_000 {
            var isQuiet = true
            for client in clients {
                while let bytes = transmit(client) {
                    isQuiet = false
                    if client.isUp { _ = give(bytes, from: client.endpoint) }
                }
            }
            while let (destination, bytes) = answer() {
                isQuiet = false
                deliver(bytes, to: destination)
            }
            if isQuiet { break }
        }
        while let event = service.pollEvent() { events.append(event) }
    }

    private func transmit(_ client: Client) -> [UInt8]? {
        var isWritten = false
        let bytes = [UInt8](writing: { isWritten = client.machine.pollTransmit(into: &$0) })
        return isWritten ? bytes : nil
    }

    /// The next answer of the relay.
    func answer() -> (destination: Endpoint, bytes: [UInt8])? {
        var sent: (destination: Endpoint, count: Int)?
        let bytes = [UInt8](writing: { sent = service.pollTransmit(into: &$0) })
        return sent.map { ($0.destination, bytes) }
    }

    private func deliver(_ bytes: [UInt8], to destination: Endpoint) {
        for client in clients where client.endpoint == destination && client.isUp {
            _ = client.machine.handle(
                bytes.span.bytes, from: client.machine.server, key: client.key, now: now)
            while let event = client.machine.pollEvent() { client.events.append(event) }
        }
    }

    /// Gives a datagram to the relay, as a shell would; says where it went.
    @discardableResult
    func give(_ bytes: [UInt8], from source: Endpoint) -> Endpoint? {
        guard bytes.first == PacketType.relayData else {
            service.handle(bytes.span.bytes, from: source, now: now, unixSeconds: unixSeconds)
            return nil
        }
        var copy = bytes
        let target = copy.withUnsafeMutableBytes {
            service.forward($0, from: source, now: now)
        }
        guard let target else { return nil }
        for client in clients where client.endpoint == target.endpoint && client.isUp {
            var reader = ByteReader(copy.span.bytes)
            guard let header = try? RelayDataHeader(from: &reader),
                header.session == client.session
            else { continue }
            client.received.append((header.member, Array(copy[RelayFormat.dataOverhead...])))
        }
        return target.endpoint
    }

    static func data(_ session: UInt64, to member: UInt8, _ inner: [UInt8] = [1, 2]) -> [UInt8] {
        [UInt8](writing: { writer in
            RelayDataHeader(session: session, member: member).encode(into: &writer)
            for byte in inner { writer.write(byte) }
        })
    }

    static func decode(_ bytes: [UInt8]) throws -> (header: RelayHeader, answer: RelayAnswer) {
        try RelayAnswer.decode(bytes.span.bytes)
    }

    /// Sends from one client to a member; says where it went.
    @discardableResult
    func send(_ client: Client, to member: UInt8, _ inner: [UInt8] = [1, 2]) -> Endpoint? {
        guard let session = client.session else { return nil }
        return give(Self.data(session, to: member, inner), from: client.endpoint)
    }

    // MARK: Time

    /// Lets everything happen until `time` has passed.
    func run(for time: Duration) {
        let end = now + time
        while true {
            pump()
            var next = service.pollTimeout() ?? .distantFuture
            for client in clients {
                next = min(next, client.machine.timeout ?? .distantFuture)
            }
            guard next <= end else {
                now = end
                return
            }
            now = max(now, next)
            service.handleTimeout(now: now)
            for client in clients {
                client.machine.handleTimeout(random: &random, now: now)
                while let event = client.machine.pollEvent() { client.events.append(event) }
            }
        }
    }

    var sessionCount: Int { service.sessionCount }
    var roomCount: Int { service.roomCount }
    var counters: RelayCounters { service.counters }
}
