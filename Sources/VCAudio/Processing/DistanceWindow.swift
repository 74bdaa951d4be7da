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
    /// The mean of those of the last ten that are near their median.
    private(set) var typical = 0.0

    /// Notes the next distance, in samples. Whether it is the last of ten.
    mutating func note(_ distance: Double) -> Bool {
        distances[noted] = distance
        noted += 1
        guard noted == Self.count else { return false }
        noted = 0
        findMedian()
        findTypical()
        return true
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

    private mutating func findTypical() {
        var (sum, near) = (0.0, 0.0)
        for number in 0..<Self.count {
            let distance = distances[number]
            guard abs(distance - median) <= Self.nearness else { continue }
            sum += distance
            near += 1
        }
        typical = sum / near
    }
}
