public import VCCore

/// A flat datagram network in virtual time: a seeded machine that delays, loses, doubles and
/// reorders what is sent, per direction. The same seed and the same calls give the same deliveries.
public struct NetworkEmulator: Sendable {
    public typealias Link = LinkEmulator.Link

    /// A datagram that has arrived.
    public struct Delivery: Sendable, Equatable {
        public let bytes: [UInt8]
        public let source: Endpoint
        public let destination: Endpoint
        public let time: Instant
    }

    /// What happens on the way.
    public var links: LinkEmulator
    private var inFlight = DeliveryQueue<Delivery>()
    private var arrived = NetworkTrace()

    public init(seed: UInt64, link: Link = Link()) {
        links = LinkEmulator(seed: seed, link: link)
    }

    /// Datagrams that went in.
    public var sent: UInt64 { links.sent }
    /// Datagrams that were lost, by ratio, partition or blackout.
    public var lost: UInt64 { links.lost }
    /// A running hash over every delivery: equal for equal runs.
    public var trace: UInt64 { arrived.value }

    /// Sets what happens to datagrams from `source` to `destination`.
    public mutating func setLink(_ link: Link, from source: Endpoint, to destination: Endpoint) {
        links.setLink(link, from: source, to: destination)
    }

    /// Cuts or joins two endpoints, both ways. What is on the way still arrives.
    public mutating func setPartitioned(_ isCut: Bool, _ one: Endpoint, _ other: Endpoint) {
        links.setCut(isCut, from: one, to: other)
        links.setCut(isCut, from: other, to: one)
    }

    /// Loses everything that is sent from `start` until `end`, between two endpoints or, without
    /// `pair`, everywhere.
    public mutating func addBlackout(
        from start: Instant, until end: Instant, between pair: (Endpoint, Endpoint)? = nil
    ) {
        links.addBlackout(from: start, until: end, between: pair)
    }

    /// Puts a datagram on its way.
    public mutating func send(
        _ bytes: [UInt8], from source: Endpoint, to destination: Endpoint, now: Instant
    ) {
        let (first, second) = links.arrivals(
            size: bytes.count, from: source, to: destination, now: now)
        for time in [first, second] {
            guard let time else { continue }
            inFlight.insert(
                Delivery(bytes: bytes, source: source, destination: destination, time: time),
                at: time)
        }
    }

    /// When the next datagram arrives.
    public var nextDelivery: Instant? { inFlight.next }

    /// The next datagram that has arrived by `now`.
    public mutating func popDelivery(now: Instant) -> Delivery? {
        guard let (_, delivery) = inFlight.pop(now: now) else { return nil }
        arrived.note(
            delivery.bytes, from: delivery.source, to: delivery.destination, at: delivery.time)
        return delivery
    }
}
