public import VCCore

/// What the way from one endpoint to another does to datagrams: a seeded machine that says whether
/// and when each arrives.
///
/// Wherever endpoints are named, port 0 stands for all ports of the address.
public struct LinkEmulator: Sendable {
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
        /// Datagrams with more bytes are lost.
        public var largest: Int

        public init(
            latency: Duration = .milliseconds(1), jitter: Duration = .zero, loss: Double = 0,
            duplication: Double = 0, reordering: Double = 0,
            reorderDelay: Duration = .milliseconds(30), largest: Int = .max
        ) {
            self.latency = latency
            self.jitter = jitter
            self.loss = loss
            self.duplication = duplication
            self.reordering = reordering
            self.reorderDelay = reorderDelay
            self.largest = largest
        }
    }

    private struct Direction: Hashable, Sendable {
        let source: Endpoint
        let destination: Endpoint

        /// The same for all ports.
        var ofAddresses: Direction {
            Direction(source: source.address, destination: destination.address)
        }
    }

    private struct Blackout: Sendable {
        /// Nil is the whole network.
        let pair: (Endpoint, Endpoint)?
        let start: Instant
        let end: Instant

        func holds(_ direction: Direction, at now: Instant) -> Bool {
            guard start <= now, now < end else { return false }
            guard let pair else { return true }
            let all = direction.ofAddresses
            return pair == (direction.source, direction.destination)
                || pair == (direction.destination, direction.source)
                || pair == (all.source, all.destination)
                || pair == (all.destination, all.source)
        }
    }

    private var random: SplitMix64
    private let defaultLink: Link
    private var links: [Direction: Link] = [:]
    private var partitions: Set<Direction> = []
    private var blackouts: [Blackout] = []
    private var lastArrival: [Direction: Instant] = [:]
    /// Datagrams that went in.
    public private(set) var sent: UInt64 = 0
    /// Datagrams that were lost, by ratio, size, partition or blackout.
    public private(set) var lost: UInt64 = 0

    public init(seed: UInt64, link: Link = Link()) {
        random = SplitMix64(seed: seed)
        defaultLink = link
    }

    /// Sets what happens to datagrams from `source` to `destination`.
    public mutating func setLink(_ link: Link, from source: Endpoint, to destination: Endpoint) {
        links[Direction(source: source, destination: destination)] = link
    }

    /// Cuts or joins one direction.
    public mutating func setCut(
        _ isCut: Bool, from source: Endpoint, to destination: Endpoint
    ) {
        let direction = Direction(source: source, destination: destination)
        if isCut {
            partitions.insert(direction)
        } else {
            partitions.remove(direction)
        }
    }

    /// Loses everything that is sent from `start` until `end`, between two endpoints or, without
    /// `pair`, everywhere.
    public mutating func addBlackout(
        from start: Instant, until end: Instant, between pair: (Endpoint, Endpoint)? = nil
    ) {
        blackouts.append(Blackout(pair: pair, start: start, end: end))
    }

    /// When a datagram of `size` bytes that is sent now arrives: never, once or twice.
    public mutating func arrivals(
        size: Int, from source: Endpoint, to destination: Endpoint, now: Instant
    ) -> (first: Instant?, second: Instant?) {
        let direction = Direction(source: source, destination: destination)
        let link = link(direction)
        sent += 1
        // Always the same number of draws, so that one setting does not shift another one's luck.
        let isLost = draw() < link.loss
        let isDoubled = draw() < link.duplication
        let isHeldBack = draw() < link.reordering
        let jitter = link.jitter * draw()
        let doubleDelay = link.jitter * draw() + .microseconds(1)
        guard !isLost, size <= link.largest, !isCut(direction, at: now) else {
            lost += 1
            return (nil, nil)
        }
        var arrival = now + link.latency + jitter
        if isHeldBack {
            arrival = arrival + link.reorderDelay
        } else {
            arrival = max(arrival, lastArrival[direction] ?? .zero)
            lastArrival[direction] = arrival
        }
        return (arrival, isDoubled ? arrival + doubleDelay : nil)
    }

    private func link(_ direction: Direction) -> Link {
        guard !links.isEmpty else { return defaultLink }
        return links[direction] ?? links[direction.ofAddresses] ?? defaultLink
    }

    private func isCut(_ direction: Direction, at now: Instant) -> Bool {
        if !partitions.isEmpty,
            partitions.contains(direction) || partitions.contains(direction.ofAddresses)
        {
            return true
        }
        return blackouts.contains { $0.holds(direction, at: now) }
    }

    /// Uniform in 0..<1.
    private mutating func draw() -> Double {
        Double(random.next() >> 11) / Double(1 << 53)
    }
}
