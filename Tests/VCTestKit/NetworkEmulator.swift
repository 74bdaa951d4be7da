public import VCCore

/// A datagram network in virtual time: a seeded machine that delays, loses, doubles and reorders
/// what is sent, per direction. The same seed and the same calls give the same deliveries.
public struct NetworkEmulator: Sendable {
    /// What one direction of a path does to datagrams. Ratios are 0 to 1.
    public struct Link: Sendable, Equatable {
        /// Time on the way.
        public var latency: Duration
        /// Added to the latency, uniformly from zero to this. Keeps the order.
        public var jitter: Duration
        /// How many are lost.
        public var loss: Double
        /// How many arrive twice.
        public var duplication: Double
        /// How many are held back by `reorderDelay`, so that later ones overtake them.
        public var reordering: Double
        /// How long those are held back.
        public var reorderDelay: Duration

        public init(
            latency: Duration = .milliseconds(1), jitter: Duration = .zero, loss: Double = 0,
            duplication: Double = 0, reordering: Double = 0,
            reorderDelay: Duration = .milliseconds(30)
        ) {
            self.latency = latency
            self.jitter = jitter
            self.loss = loss
            self.duplication = duplication
            self.reordering = reordering
            self.reorderDelay = reorderDelay
        }
    }

    /// A datagram that has arrived.
    public struct Delivery: Sendable, Equatable {
        public let bytes: [UInt8]
        public let source: Endpoint
        public let destination: Endpoint
        public let time: Instant
    }

    private struct Direction: Hashable, Sendable {
        let source: Endpoint
        let destination: Endpoint
    }

    private struct Blackout: Sendable {
        /// Nil is the whole network.
        let pair: (Endpoint, Endpoint)?
        let start: Instant
        let end: Instant

        func holds(_ direction: Direction, at now: Instant) -> Bool {
            guard start <= now, now < end else { return false }
            guard let pair else { return true }
            return pair == (direction.source, direction.destination)
                || pair == (direction.destination, direction.source)
        }
    }

    private var random: SplitMix64
    private let defaultLink: Link
    private var links: [Direction: Link] = [:]
    private var partitions: Set<Direction> = []
    private var blackouts: [Blackout] = []
    private var lastArrival: [Direction: Instant] = [:]
    /// Latest first, so that the next one is taken from the end.
    private var inFlight: [(order: UInt64, delivery: Delivery)] = []
    private var order: UInt64 = 0
    /// Datagrams that went in.
    public private(set) var sent: UInt64 = 0
    /// Datagrams that were lost, by ratio, partition or blackout.
    public private(set) var lost: UInt64 = 0
    /// A running hash over every delivery: equal for equal runs.
    public private(set) var trace: UInt64 = 0xCBF2_9CE4_8422_2325

    public init(seed: UInt64, link: Link = Link()) {
        random = SplitMix64(seed: seed)
        defaultLink = link
    }

    /// Sets what happens to datagrams from `source` to `destination`.
    public mutating func setLink(_ link: Link, from source: Endpoint, to destination: Endpoint) {
        links[Direction(source: source, destination: destination)] = link
    }

    /// Cuts or joins two endpoints, both ways. What is on the way still arrives.
    public mutating func setPartitioned(_ isCut: Bool, _ one: Endpoint, _ other: Endpoint) {
        for direction in [
            Direction(source: one, destination: other), Direction(source: other, destination: one),
        ] {
            if isCut {
                partitions.insert(direction)
            } else {
                partitions.remove(direction)
            }
        }
    }

    /// Loses everything that is sent from `start` until `end`, between two endpoints or, without
    /// `pair`, everywhere.
    public mutating func addBlackout(
        from start: Instant, until end: Instant, between pair: (Endpoint, Endpoint)? = nil
    ) {
        blackouts.append(Blackout(pair: pair, start: start, end: end))
    }

    /// Puts a datagram on its way.
    public mutating func send(
        _ bytes: [UInt8], from source: Endpoint, to destination: Endpoint, now: Instant
    ) {
        let direction = Direction(source: source, destination: destination)
        let link = links[direction] ?? defaultLink
        sent += 1
        // Always the same number of draws, so that one setting does not shift another one's luck.
        let isLost = draw() < link.loss
        let isDoubled = draw() < link.duplication
        let isHeldBack = draw() < link.reordering
        let jitter = link.jitter * draw()
        let doubleDelay = link.jitter * draw() + .microseconds(1)
        guard !isLost, !partitions.contains(direction),
            !blackouts.contains(where: { $0.holds(direction, at: now) })
        else {
            lost += 1
            return
        }
        var arrival = now + link.latency + jitter
        if isHeldBack {
            arrival = arrival + link.reorderDelay
        } else {
            arrival = max(arrival, lastArrival[direction] ?? .zero)
            lastArrival[direction] = arrival
        }
        insert(Delivery(bytes: bytes, source: source, destination: destination, time: arrival))
        if isDoubled {
            insert(
                Delivery(
                    bytes: bytes, source: source, destination: destination,
                    time: arrival + doubleDelay))
        }
    }

    /// When the next datagram arrives.
    public var nextDelivery: Instant? { inFlight.last?.delivery.time }

    /// The next datagram that has arrived by `now`.
    public mutating func popDelivery(now: Instant) -> Delivery? {
        guard let next = inFlight.last, next.delivery.time <= now else { return nil }
        inFlight.removeLast()
        let delivery = next.delivery
        note(delivery.time.nanoseconds)
        note(delivery.source.low ^ UInt64(delivery.source.port))
        note(delivery.destination.low ^ UInt64(delivery.destination.port))
        for byte in delivery.bytes { note(UInt64(byte)) }
        return delivery
    }

    private mutating func insert(_ delivery: Delivery) {
        order += 1
        var low = 0
        var high = inFlight.count
        while low < high {
            let middle = (low + high) / 2
            if inFlight[middle].delivery.time > delivery.time {
                low = middle + 1
            } else {
                high = middle
            }
        }
        inFlight.insert((order, delivery), at: low)
    }

    /// FNV-1a, a word at a time.
    private mutating func note(_ value: UInt64) {
        trace = (trace ^ value) &* 0x100_0000_01B3
    }

    /// Uniform in 0..<1.
    private mutating func draw() -> Double {
        Double(random.next() >> 11) / Double(1 << 53)
    }
}
