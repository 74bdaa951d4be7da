internal import VCCore

/// When an endpoint may be connected to again: a server that refuses is not asked at the rate at
/// which voice is sent.
struct ReconnectSchedule {
    private static let interval = Duration.seconds(1)
    /// More endpoints than a member has servers; the oldest is forgotten.
    private static let capacity = 8

    private var attempts: [(remote: Endpoint, at: Instant)] = []

    func allows(_ remote: Endpoint, now: Instant) -> Bool {
        guard let last = attempts.first(where: { $0.remote == remote }) else { return true }
        return now >= last.at + Self.interval
    }

    mutating func note(_ remote: Endpoint, now: Instant) {
        attempts.removeAll { $0.remote == remote }
        if attempts.count == Self.capacity { attempts.removeFirst() }
        attempts.append((remote, now))
    }
}
