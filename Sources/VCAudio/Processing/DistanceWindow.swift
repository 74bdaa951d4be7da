/// Ten distances measured in a row, and which of them are typical: those near their median. A
/// thread that was held between a device's answer and its look at the clock, which is up to tens of
/// milliseconds where the machine is busy, so leaves no trace.
struct DistanceWindow {
    /// Measurements in one: 100 ms.
    static var count: Int { 10 }
    /// How far from the median is near, in samples: 1 ms.
    private static var nearness: Double { 48.0 }

    private var distances = InlineArray<10, Double>(repeating: 0)
    private var noted = 0
    /// Of the last ten, once there were so many.
    private(set) var median = 0.0

    /// Notes the next distance, in samples. Whether it is the last of ten.
    mutating func note(_ distance: Double) -> Bool {
        distances[noted] = distance
        noted += 1
        guard noted == Self.count else { return false }
        noted = 0
        findMedian()
        return true
    }

    /// The distance with a number below `count`; nil when it is not typical.
    func typical(_ number: Int) -> Double? {
        let distance = distances[number]
        return abs(distance - median) <= Self.nearness ? distance : nil
    }

    private mutating func findMedian() {
        var sorted = distances
        for index in 1..<Self.count {
            var place = index
            while place > 0, sorted[place - 1] > sorted[place] {
                sorted.swapAt(place - 1, place)
                place -= 1
            }
        }
        median = sorted[Self.count / 2]
    }
}
