/// Host: who was removed, until every member has heard of it.
///
/// The roster says so too, on the stream of each pair. A lost update there would leave a removed
/// member among the others for as long as a path is broken, so the removal also goes out by itself,
/// on every way that leads to a member, until the member says that it has it.
struct RemovalNotices {
    /// How often it is sent again.
    static let interval = Duration.milliseconds(100)
    /// Who has not answered by then is out of the room itself.
    static let lifetime = Peer.removedAfter

    /// Who was removed, for who has not heard of all of them.
    private(set) var departures: [Departure] = []
    /// Who has not answered yet, and from which version of the roster on it has.
    private var waiting: [(member: PublicKey, version: UInt32)] = []
    private var next = Instant.distantFuture
    private var end = Instant.zero

    /// - Parameters:
    ///   - version: of the first roster without the member.
    ///   - members: who has to hear of it.
    mutating func add(
        _ departure: Departure, version: UInt32, members: [PublicKey], now: Instant
    ) {
        departures.append(departure)
        if departures.count > Departure.maximumCount { departures.removeFirst() }
        waiting = members.map { ($0, version) }
        end = now + RemovalNotices.lifetime
        next = waiting.isEmpty ? .distantFuture : now
        if waiting.isEmpty { departures = [] }
    }

    /// A member has the roster of this version.
    mutating func acknowledged(by member: PublicKey, version: UInt32) {
        waiting.removeAll { $0.member == member && version >= $0.version }
        settle()
    }

    /// A member is not in the room any more, or we are not its host.
    mutating func forget(_ member: PublicKey) {
        waiting.removeAll { $0.member == member }
        settle()
    }

    /// Somebody else is host now.
    mutating func clear() {
        waiting = []
        settle()
    }

    /// Whom it is sent to now.
    mutating func take(now: Instant) -> [PublicKey] {
        guard now >= next else { return [] }
        if now >= end { clear() }
        guard !waiting.isEmpty else { return [] }
        next = now + RemovalNotices.interval
        return waiting.map(\.member)
    }

    var timeout: Instant { next }

    private mutating func settle() {
        guard waiting.isEmpty else { return }
        next = .distantFuture
        departures = []
    }
}

/// The last packets for somebody who was removed. They are sealed while there are keys for it;
/// after that only the sealed bytes are left, and are sent a few times. So no key outlives the
/// removal for the sake of politeness.
struct Farewell {
    static let interval = Duration.milliseconds(100)
    static let count = 5

    /// A sealed datagram for each way that led to it.
    let datagrams: [(bytes: [UInt8], destination: Endpoint)]
    private(set) var sent = 0
    private(set) var next: Instant

    init(_ datagrams: [(bytes: [UInt8], destination: Endpoint)], now: Instant) {
        self.datagrams = datagrams
        next = now
    }

    var isOver: Bool { sent == Farewell.count || datagrams.isEmpty }

    /// Whether it is time to send them; counts.
    mutating func take(now: Instant) -> Bool {
        guard !isOver, now >= next else { return false }
        sent += 1
        next = now + Farewell.interval
        return true
    }
}
