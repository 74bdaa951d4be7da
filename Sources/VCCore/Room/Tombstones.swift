/// The keys of who was a member and is not any more. Others name some too, so there is a bound: the
/// oldest are forgotten first.
struct Tombstones {
    /// More than anybody removes; somebody may name keys that nobody ever had.
    static let maximumCount = 1_024

    /// Oldest first.
    private(set) var keys: [PublicKey] = []

    init(_ keys: [PublicKey] = []) {
        for key in keys { add(key) }
    }

    func contains(_ key: PublicKey) -> Bool { keys.contains(key) }

    mutating func add(_ key: PublicKey) {
        guard !keys.contains(key) else { return }
        if keys.count == Tombstones.maximumCount { keys.removeFirst() }
        keys.append(key)
    }
}
