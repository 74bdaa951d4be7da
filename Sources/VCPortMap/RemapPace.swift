internal import VCCore

/// How often a mapping is made anew because somebody is not reached directly. That may be nobody's
/// fault here, and others may use the mapping: after each time it is left alone for twice as long.
struct RemapPace {
    /// A mapping that does not work will not work better when it is made anew all the time.
    private static let shortest = Duration.seconds(60)

    private var last: Instant?
    private var pause = RemapPace.shortest

    /// Whether the mapping is to be made anew now; if so, that counts as done.
    mutating func isDue(now: Instant) -> Bool {
        if let last {
            guard now - last >= pause else { return false }
            pause = pause * 2
        }
        last = now
        return true
    }

    /// In another network the mapping may be another one.
    mutating func reset() {
        pause = RemapPace.shortest
    }
}
