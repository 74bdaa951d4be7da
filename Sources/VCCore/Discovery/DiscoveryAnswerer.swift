/// Who answers questions for rooms in a local network: a host with the signaling server inside.
///
/// Each answer lets whoever asks go on to that server, which has limits of its own. What is limited
/// here is what a flood of questions makes this machine send.
public struct DiscoveryAnswerer {
    /// Answers within any second (research on abuse: enough for a group that joins at once, who ask
    /// four times each).
    public static let answersPerSecond = 5

    /// What was not answered, and why. Each rises at most once per datagram.
    public struct Counters: Equatable, Sendable {
        public var malformed: UInt64 = 0
        /// Came through a router, or says so.
        public var offLink: UInt64 = 0
        /// For a room that is not here.
        public var otherRooms: UInt64 = 0
        /// Of somebody who has our answer.
        public var known: UInt64 = 0
        public var limited: UInt64 = 0
        /// Divide the others by it.
        public var answered: UInt64 = 0
    }

    private let host: UInt64
    /// When the last answers were given, the oldest first.
    private var recent: [Instant] = []
    public private(set) var counters = Counters()

    public init(random: inout some RandomSource) {
        host = random.next()
    }

    /// What to answer to a datagram that came to the group, if anything.
    ///
    /// - Parameter holds: whether the room with a nameplate is here.
    public mutating func answer(
        _ datagram: RawSpan, from source: Endpoint, links: LinkPrefixes, now: Instant,
        holds: (UInt32) -> Bool
    ) -> DiscoveryAnswer? {
        guard links.contains(source) else {
            counters.offLink += 1
            return nil
        }
        guard let query = try? DiscoveryQuery(datagram) else {
            counters.malformed += 1
            return nil
        }
        guard holds(query.nameplate) else {
            counters.otherRooms += 1
            return nil
        }
        guard !query.known.contains(host) else {
            counters.known += 1
            return nil
        }
        guard mayAnswer(now: now) else {
            counters.limited += 1
            return nil
        }
        counters.answered += 1
        return DiscoveryAnswer(transaction: query.transaction, host: host)
    }

    private mutating func mayAnswer(now: Instant) -> Bool {
        if recent.count == Self.answersPerSecond {
            guard let oldest = recent.first, now >= oldest + .seconds(1) else { return false }
            recent.removeFirst()
        }
        recent.append(now)
        return true
    }
}
