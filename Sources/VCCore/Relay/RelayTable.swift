/// The relays that vc-signal names, and our binding at each.
///
/// ```
///   named --answers--> measured --ticket--> binding --> bound --(UDP silent for 2 s)--> over TCP
/// ```
///
/// A relay with an address in each IP family is bound at one of them only: a second binding of the
/// same member takes the place of the first. For the same reason TCP ends where UDP begins.
struct RelayTable {
    /// Addresses that are measured at once.
    static let maximumEntries = 16
    /// A second address of the same relay may be this much slower to answer and still be seen.
    static let electionPatience = Duration.milliseconds(100)

    /// What the room must know.
    enum Event: Equatable {
        case bound(Endpoint)
        /// The relay there does not know us any more, or we do not want it any more.
        case gone(Endpoint)
        case draining(Endpoint)
        /// The relay does not take our ticket.
        case refused(RelayAnswer.Notice)
    }

    private struct Entry {
        let number: UInt8
        var client: RelayClient
        var isElected = false

        var isTCP: Bool { client.server.transport == .tcp }
    }

    private var entries: [Entry] = []
    private var servers: [RelayServer] = []
    private var ticket: Ticket?
    private var events: [Event] = []
    /// Sessions by endpoint, for each packet.
    private var bound: [(endpoint: Endpoint, session: UInt64)] = []
    /// When a relay first answered at one of its addresses.
    private var firstAnswers: [(number: UInt8, time: Instant)] = []
    private(set) var usesTCP = false
    private var tcpSince = Instant.zero
    /// When our own addresses last changed: another address of a relay may be the one that answers.
    private var contestedSince = Instant.zero

    /// Whether there is any relay.
    var isEmpty: Bool { servers.isEmpty }
    var hasTicket: Bool { ticket != nil }
    /// Of our ticket: it rises when somebody is removed.
    var generation: UInt32? { ticket?.generation }
    /// Where we are bound.
    var endpoints: [Endpoint] { bound.map(\.endpoint) }

    // MARK: Input

    mutating func setServers(
        _ servers: [RelayServer], random: inout AnyRandomSource, now: Instant
    ) {
        guard servers != self.servers, !servers.isEmpty else { return }
        self.servers = servers
        for server in servers
        where !entries.contains(where: { $0.client.server == server.endpoint })
            && entries.count < RelayTable.maximumEntries
        {
            let client = RelayClient(server: server.endpoint, random: &random, now: now)
            entries.append(Entry(number: server.number, client: client))
        }
    }

    mutating func setTicket(_ ticket: Ticket, key: borrowing SigningKey, now: Instant) {
        self.ticket = ticket
        for index in entries.indices where entries[index].isElected {
            entries[index].client.setTicket(ticket, key: key, now: now)
        }
    }

    /// Our address changed, or we have a new port: bind again.
    mutating func rebind(now: Instant) {
        contestedSince = now
        for index in entries.indices where !entries[index].isTCP {
            entries[index].client.rebind(now: now)
        }
    }

    /// A path through the relay is in doubt: it is asked at once whether it still knows us.
    mutating func check(_ endpoint: Endpoint, now: Instant) {
        for index in entries.indices where entries[index].client.server == endpoint {
            entries[index].client.check(now: now)
        }
    }

    /// No UDP passes, or it does again.
    mutating func setUsesTCP(
        _ on: Bool, key: borrowing SigningKey, random: inout AnyRandomSource, now: Instant
    ) {
        if on {
            if !usesTCP { tcpSince = now }
            addTCP(key: key, random: &random, now: now)
        } else if usesTCP {
            removeTCP { _ in true }
        }
        usesTCP = on
    }

    /// When a relay last answered anything.
    var lastAnswer: Instant { entries.compactMap(\.client.lastAnswer).max() ?? .zero }

    /// Whether a relay is reached over TCP, or asked.
    var hasTCP: Bool { entries.contains { $0.isTCP } }

    /// When a relay last answered anything over UDP.
    var lastUDPAnswer: Instant {
        entries.filter { !$0.isTCP }.compactMap(\.client.lastAnswer).max() ?? .zero
    }

    mutating func handle(
        _ datagram: RawSpan, from source: Endpoint, key: borrowing SigningKey, now: Instant
    ) -> Bool {
        for index in entries.indices where entries[index].client.server == source {
            let taken = entries[index].client.handle(datagram, from: source, key: key, now: now)
            if taken {
                drain(index, now: now)
                removeDisplacedTCP()
            }
            return taken
        }
        return false
    }

    // MARK: Output

    mutating func pollEvent() -> Event? { events.isEmpty ? nil : events.removeFirst() }

    mutating func pollTransmit(into writer: inout ByteWriter) -> Transmit? {
        for index in entries.indices where entries[index].client.pollTransmit(into: &writer) {
            return Transmit(destination: entries[index].client.server, size: writer.count)
        }
        return nil
    }

    mutating func handleTimeout(
        key: borrowing SigningKey, random: inout AnyRandomSource, now: Instant
    ) {
        for index in entries.indices {
            entries[index].client.handleTimeout(random: &random, now: now)
            drain(index, now: now)
        }
        removeDisplacedTCP()
        elect(key: key, random: &random, now: now)
    }

    var timeout: Instant {
        var due = Instant.distantFuture
        for entry in entries { due = min(due, entry.client.timeout ?? .distantFuture) }
        if ticket != nil {
            for (number, time) in firstAnswers where !isElected(number) {
                due = min(due, time + RelayTable.electionPatience)
            }
        }
        return due
    }

    /// The session at a relay; nil while we are not bound. Called for each packet.
    func session(at endpoint: Endpoint) -> UInt64? {
        var index = 0
        while index < bound.count {
            if bound[index].endpoint == endpoint { return bound[index].session }
            index += 1
        }
        return nil
    }

    /// Says goodbye to all.
    mutating func unbind(now: Instant) {
        for index in entries.indices { entries[index].client.unbind(now: now) }
    }

    // MARK: Parts

    private func isElected(_ number: UInt8) -> Bool {
        entries.contains { $0.number == number && $0.isElected && !$0.isTCP }
    }

    /// Which address of each relay is bound: the fastest of those that answer.
    private mutating func elect(
        key: borrowing SigningKey, random: inout AnyRandomSource, now: Instant
    ) {
        guard let ticket else { return }
        releaseSilent(random: &random, now: now)
        for entry in entries where entry.client.roundTrip != nil && !entry.isTCP {
            if !firstAnswers.contains(where: { $0.number == entry.number }) {
                firstAnswers.append((entry.number, now))
            }
        }
        for (number, time) in firstAnswers where !isElected(number) {
            let candidates = entries.indices.filter {
                entries[$0].number == number && !entries[$0].isTCP
            }
            let answering = candidates.filter { hasAnswered(entries[$0].client) }
            let isPatient = now < time + RelayTable.electionPatience
            guard answering.count == candidates.count || !isPatient else { continue }
            let best = answering.min {
                (entries[$0].client.roundTrip ?? .zero) < (entries[$1].client.roundTrip ?? .zero)
            }
            guard let best else { continue }
            entries[best].isElected = true
            entries[best].client.setTicket(ticket, key: key, now: now)
        }
    }

    /// An address that fell silent gives way to another one of the same relay that answers.
    private mutating func releaseSilent(random: inout AnyRandomSource, now: Instant) {
        for index in entries.indices
        where entries[index].isElected && !entries[index].isTCP
            && !hasAnswered(entries[index].client)
        {
            let number = entries[index].number
            let hasOther = entries.contains {
                $0.number == number && !$0.isTCP && !$0.isElected && hasAnswered($0.client)
            }
            guard hasOther else { continue }
            // A new client, which only measures.
            entries[index].client = RelayClient(
                server: entries[index].client.server, random: &random, now: now)
            entries[index].isElected = false
        }
    }

    private func hasAnswered(_ client: RelayClient) -> Bool {
        client.roundTrip != nil && client.lastAnswer ?? .zero >= contestedSince
    }

    private mutating func drain(_ index: Int, now: Instant) {
        let endpoint = entries[index].client.server
        while let event = entries[index].client.pollEvent() {
            switch event {
            case .bound:
                events.append(.bound(endpoint))
            case .draining:
                events.append(.draining(endpoint))
            case .refused(let notice):
                events.append(.refused(notice))
            case .lost: break
            }
        }
        note(endpoint, entries[index].client.session)
    }

    private mutating func note(_ endpoint: Endpoint, _ session: UInt64?) {
        bound.removeAll { $0.endpoint == endpoint }
        if let session { bound.append((endpoint, session)) }
    }

    private mutating func addTCP(
        key: borrowing SigningKey, random: inout AnyRandomSource, now: Instant
    ) {
        for server in servers {
            guard let endpoint = server.overTCP,
                !entries.contains(where: { $0.client.server == endpoint }),
                // One connection to a relay is enough.
                !entries.contains(where: { $0.number == server.number && $0.isTCP }),
                !isReachedOverUDP(server.number),
                entries.count < RelayTable.maximumEntries
            else { continue }
            var client = RelayClient(server: endpoint, random: &random, now: now)
            if let ticket { client.setTicket(ticket, key: key, now: now) }
            entries.append(Entry(number: server.number, client: client, isElected: true))
        }
    }

    private mutating func removeDisplacedTCP() {
        guard entries.contains(where: { $0.isTCP }) else { return }
        let numbers = servers.map(\.number).filter { isReachedOverUDP($0) }
        removeTCP { numbers.contains($0.number) }
    }

    /// Whether a relay answered over UDP since TCP was needed, and we are bound there.
    private func isReachedOverUDP(_ number: UInt8) -> Bool {
        entries.contains {
            $0.number == number && !$0.isTCP && $0.client.session != nil
                && $0.client.lastAnswer ?? .zero >= tcpSince
        }
    }

    private mutating func removeTCP(where isOver: (Entry) -> Bool) {
        for index in entries.indices.reversed() where entries[index].isTCP && isOver(entries[index])
        {
            let endpoint = entries[index].client.server
            note(endpoint, nil)
            events.append(.gone(endpoint))
            entries.remove(at: index)
        }
    }
}
