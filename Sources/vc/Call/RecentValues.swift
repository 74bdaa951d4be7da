/// The last values of something that is measured again and again, and how they are spread.
struct RecentValues {
    /// A minute, at two a second.
    static let capacity = 120

    private var values: [Double] = []
    private var next = 0

    mutating func note(_ value: Double) {
        if values.count < Self.capacity {
            values.append(value)
        } else {
            values[next] = value
            next = (next + 1) % Self.capacity
        }
    }

    /// The value that so many of a hundred do not exceed (nearest rank); nil before the first one.
    func percentile(_ percent: Int) -> Double? {
        guard !values.isEmpty else { return nil }
        let rank = (values.count * percent + 99) / 100
        return values.sorted()[max(0, min(values.count, rank) - 1)]
    }
}
