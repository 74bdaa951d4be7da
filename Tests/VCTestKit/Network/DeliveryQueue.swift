import VCCore

/// Things that happen at a time, the earliest first, and those of one time in the order in which
/// they were put in.
struct DeliveryQueue<Item: Sendable>: Sendable {
    /// Latest first, so that the next one is taken from the end.
    private var waiting: [(time: Instant, item: Item)] = []

    /// When the next one is due.
    var next: Instant? { waiting.last?.time }

    mutating func insert(_ item: Item, at time: Instant) {
        var low = 0
        var high = waiting.count
        while low < high {
            let middle = (low + high) / 2
            if waiting[middle].time > time {
                low = middle + 1
            } else {
                high = middle
            }
        }
        waiting.insert((time, item), at: low)
    }

    /// The next one that is due at `now`.
    mutating func pop(now: Instant) -> (time: Instant, item: Item)? {
        guard let next = waiting.last, next.time <= now else { return nil }
        return waiting.removeLast()
    }
}
