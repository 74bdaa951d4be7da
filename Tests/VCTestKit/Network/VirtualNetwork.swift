public import VCCore

/// An internet in virtual time: hosts with several addresses, behind chains of NATs or none, with
/// datagrams that have a number of hops, and TCP connections. A seeded machine: the same seed and
/// the same calls give the same deliveries.
///
/// ```
///   host - home network - NAT router -+
///   host -----/                       |
///                                     +- carrier's network - NAT router -+
///   host - home network - NAT router -+                                  |
///   host (an address of its own) ----------------------------------- internet
/// ```
///
/// A *realm* is one such network: addresses mean something inside it only. The internet is where
/// datagrams take their time and get lost (`links`, by the addresses that are seen there); the
/// other realms deliver at once.
///
/// Wherever endpoints are named, port 0 stands for all ports of the address.
public struct VirtualNetwork: Sendable {
    public typealias Link = LinkEmulator.Link

    /// A host.
    public struct HostID: Hashable, Sendable {
        let index: Int
    }

    /// A network.
    public struct RealmID: Hashable, Sendable {
        let index: Int
        public static let internet = RealmID(index: 0)
    }

    /// A router between two networks.
    public struct RouterID: Hashable, Sendable {
        let index: Int
    }

    /// A datagram that has arrived.
    public struct Delivery: Sendable, Equatable {
        public let host: HostID
        public let bytes: [UInt8]
        public let source: Endpoint
        /// The address and port of the host that it came to.
        public let destination: Endpoint
        public let time: Instant
    }

    /// Time on the way inside a realm that is not the internet.
    static let localLatency = Duration.microseconds(300)

    /// Who has an address in a realm.
    enum Attachment: Sendable {
        case host(Int)
        case router(Int)
    }

    struct Realm: Sendable {
        var attachments: [Endpoint: Attachment] = [:]
        /// The ways out, for each family of addresses.
        var gateway4: Int?
        var gateway6: Int?
    }

    struct Router: Sendable {
        var nat: NATRouter
        let inside: Int
        let outside: Int
    }

    struct Interface: Sendable {
        let address: Endpoint
        let realm: Int
    }

    struct Host: Sendable {
        var interfaces: [Interface] = []
        var udpPorts: Set<UInt16>
        var tcpPorts: Set<UInt16>
        var isUp = true
    }

    /// A packet in a realm.
    struct Flight: Sendable {
        var packet: Packet
        var realm: Int
        /// What it is to its TCP connection.
        var segment: Segment?
    }

    enum Event: Sendable {
        case arrival(Flight)
        /// A segment that may have to be sent again.
        case retry(Segment, attempt: Int)
    }

    /// What happens on the way through the internet.
    public var links: LinkEmulator
    /// Packets that came to an address or a port that nobody has, by their destination.
    public private(set) var strays: [Endpoint: Int] = [:]
    /// Packets whose hops ended in the internet.
    public private(set) var expired = 0
    var realms = [Realm()]
    var routers: [Router] = []
    var hosts: [Host] = []
    var streams = StreamTable()
    var events = DeliveryQueue<Event>()
    private var ready: [Delivery] = []
    private var arrived = NetworkTrace()

    /// - Parameter link: what the internet does where nothing else was set.
    public init(seed: UInt64, link: Link = Link()) {
        links = LinkEmulator(seed: seed, link: link)
    }

    /// A running hash over every delivery: equal for equal runs.
    public var trace: UInt64 { arrived.value }

    // MARK: Sending and receiving

    /// Sends a datagram from a port of a host, from the address that leads there.
    ///
    /// - Parameter hops: routers that it may meet, nil for what is usual.
    public mutating func send(
        _ bytes: [UInt8], from host: HostID, port: UInt16, to destination: Endpoint,
        hops: UInt8? = nil, now: Instant
    ) {
        guard hosts[host.index].isUp else { return }
        if destination.transport == .tcp {
            return sendStream(bytes, from: host.index, to: destination, now: now)
        }
        guard let interface = route(from: host.index, to: destination) else { return }
        let packet = Packet(
            bytes, from: interface.address.with(port: port), to: destination,
            hops: hops ?? Packet.initialHops)
        depart(Flight(packet: packet, realm: interface.realm), now: now)
    }

    /// When something happens next.
    public var nextEvent: Instant? { ready.first?.time ?? events.next }

    /// The next datagram that has arrived by `now`.
    public mutating func popDelivery(now: Instant) -> Delivery? {
        while ready.isEmpty {
            guard let (time, event) = events.pop(now: now) else { return nil }
            switch event {
            case .arrival(let flight): arrive(flight, now: time)
            case .retry(let segment, let attempt): retry(segment, attempt, now: time)
            }
        }
        return ready.removeFirst()
    }

    mutating func deliver(
        _ bytes: [UInt8], from source: Endpoint, to destination: Endpoint, host: Int, now: Instant
    ) {
        arrived.note(bytes, from: source, to: destination, at: now)
        ready.append(
            Delivery(
                host: HostID(index: host), bytes: bytes, source: source, destination: destination,
                time: now))
    }

    mutating func noteStray(_ packet: Packet) {
        strays[packet.destination, default: 0] += 1
    }

    mutating func noteExpired() { expired += 1 }
}
