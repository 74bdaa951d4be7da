/// The average of a delay over its last 32 values or so, in microseconds. Blocks and frames do not
/// divide each other, so each single value is off by up to a block.
struct AverageDelay {
    private static let count = 32

    private var sum = 0.0
    private var weight = 0.0

    /// 0 before the first value.
    var value: Int { weight > 0 ? Int((sum / weight).rounded()) : 0 }

    mutating func note(_ microseconds: Int) {
        let kept = 1 - 1 / Double(Self.count)
        sum = sum * kept + Double(microseconds)
        weight = weight * kept + 1
    }
}
