internal import VCCore
internal import VCNet

/// Opens a room as `vc host` does, asks for relays and a ticket, binds at each relay, and takes all
/// of it back.
///
///     claiming ──leased──> asking ──relays, ticket──> binding ──all settled──> leaving ──> done
///         └── refused ──────────────────────────────────────────────────────────┘
struct RoomProbe: DoctorProbe, ~Copyable {
    /// What became of the room.
    enum Room: Equatable {
        case unanswered
        case leased
        case refused(SignalEvent)
    }

    /// Claim, ticket and binding take a round trip or two each.
    static let duration = Duration.seconds(8)
    /// After the lease; the relays' answers may need repeating.
    private static let bindingTime = Duration.seconds(4)
    /// Whether a server without relays signs tickets is worth no more than this.
    private static let ticketTime = Duration.seconds(1)
    /// No more relays than the server names: four, in both families.
    private static let maximumRelays = 8

    private(set) var room = Room.unanswered
    /// Nil while the server did not answer RELAYS.
    private(set) var relays: [RelayProbe]?
    private(set) var hasTicket = false
    private var client: SignalClient
    private let key: SigningKey
    private var ticket: Ticket?
    private var random: SystemRandom
    private var deadline: Instant
    private var isLeaving = false

    init(servers: [Endpoint], hostToken: HostToken?, arena: SecretArena, now: Instant) {
        var random = SystemRandom()
        var source = AnyRandomSource(SystemRandom())
        let token = SecretBytes(
            random: &source, count: SignalFormat.claimTokenSize, in: arena)
        client = SignalClient(
            servers: servers, hosting: Block16(random: &random), claimToken: token.span,
            arena: arena, hostToken: hostToken, random: &random, now: now)
        key = SigningKey(random: &source, arena: arena)
        self.random = random
        deadline = now + Self.duration
    }

    var isDone: Bool {
        isLeaving && client.isClosed && (relays ?? []).allSatisfy(\.isClosed)
    }

    var timeout: Instant? {
        let waits = [client.pollTimeout(), isLeaving ? nil : deadline]
        return (waits + (relays ?? []).map(\.timeout)).compactMap { $0 }.min()
    }

    mutating func handle(_ datagram: RawSpan, from source: Endpoint, now: Instant) {
        for relay in relays ?? [] {
            if relay.handle(datagram, from: source, key, now: now) {
                leaveWhenSettled(now: now)
                return
            }
        }
        if client.handle(datagram, from: source, now: now) { takeEvents(now: now) }
    }

    /// The clients try again by themselves.
    mutating func handleClosed(_ endpoint: Endpoint) {}

    mutating func handleTimeout(now: Instant) {
        if let due = client.pollTimeout(), due <= now { client.handleTimeout(now: now) }
        for relay in relays ?? [] { relay.handleTimeout(random: &random, now: now) }
        takeEvents(now: now)
        if now >= deadline { leave(now: now) }
    }

    mutating func pollTransmit(
        into writer: inout ByteWriter, now: Instant
    ) -> (destination: Endpoint, size: Int)? {
        if let (destination, size) = client.pollTransmit(into: &writer) {
            return (destination, size)
        }
        for relay in relays ?? [] {
            if let size = relay.pollTransmit(into: &writer) { return (relay.endpoint, size) }
        }
        return nil
    }

    private mutating func takeEvents(now: Instant) {
        while let event = client.pollEvent() {
            switch event {
            case .leased:
                room = .leased
                deadline = min(deadline, now + Self.bindingTime)
                client.requestTicket(
                    SignalRequest.Grant(member: 1, generation: 0), key: key.verifyKey, now: now)
            case .relays(let list):
                if relays == nil || relays?.isEmpty == true { meet(list, now: now) }
            case .ticket(let ticket):
                self.ticket = ticket
                hasTicket = true
                bind(now: now)
            case .unreachable: leave(now: now)
            case .serverFull, .rateLimited, .serverDraining, .claimRefused, .tokenNeeded,
                .unsupportedVersion:
                if room == .unanswered { room = .refused(event) }
                leave(now: now)
            case .reachable, .leaseLost, .nameplateTaken, .released, .message, .noSuchRoom, .leases,
                .sight, .sightVerified, .mailboxClosed, .displaced, .leaseHeld, .tokenRotated:
                break
            }
        }
        leaveWhenSettled(now: now)
    }

    private mutating func meet(_ list: [RelayServer], now: Instant) {
        var probes: [RelayProbe] = []
        for server in list.prefix(Self.maximumRelays) {
            for endpoint in [server.endpoint, server.overTCP].compactMap({ $0 }) {
                probes.append(RelayProbe(server, at: endpoint, random: &random, now: now))
            }
        }
        relays = probes
        if probes.isEmpty { deadline = min(deadline, now + Self.ticketTime) }
        bind(now: now)
    }

    private func bind(now: Instant) {
        guard let ticket else { return }
        for relay in relays ?? [] { relay.bind(ticket, key, now: now) }
    }

    private mutating func leaveWhenSettled(now: Instant) {
        guard room == .leased, hasTicket, let relays, relays.allSatisfy(\.isSettled) else {
            return
        }
        leave(now: now)
    }

    private mutating func leave(now: Instant) {
        guard !isLeaving else { return }
        isLeaving = true
        for relay in relays ?? [] { relay.unbind(now: now) }
        client.release(now: now)
    }
}
