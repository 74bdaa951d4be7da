/// A delay target that is obeyed at once and for nothing: no block, no splice, no sound. What a
/// real jitter buffer is measured against.
public struct IdealPlayout: Sendable {
    /// Milliseconds.
    let bucket: Double
    let forgetting: Double
    /// Milliseconds between two looks at the largest delay.
    let interval: Double
    /// Milliseconds before anything is known.
    let start: Double

    static let quantile = 0.95

    /// What `DelayEstimator` began with: buckets of 2.5 ms, 250 ms, 0.97.
    public static let proposed = IdealPlayout(
        bucket: 2.5, forgetting: 0.97, interval: 250, start: 40)
    /// WebRTC NetEq's: buckets of 20 ms, 500 ms, 0.983.
    public static let netEq = IdealPlayout(
        bucket: 20, forgetting: 0.983, interval: 500, start: 80)

    public struct Score: Sendable, Equatable {
        /// The mean delay over the quickest packet of all, in milliseconds.
        public let delay: Double
        /// Packets of a hundred that came too late.
        public let latePercent: Double
    }

    /// How the target does on packets with these delays, one each `DelayTrace.spacing`.
    public func score(_ delays: [Double]) -> Score {
        let relative = Self.overMinimum(delays)
        let targets = self.targets(relative)
        let quickest = delays.min() ?? 0
        var late = 0
        var sum = 0.0
        for index in 1..<delays.count {
            let base = delays[index] - relative[index]
            sum += base - quickest + targets[index - 1]
            if relative[index] > targets[index - 1] + 1e-9 { late += 1 }
        }
        let count = Double(delays.count - 1)
        return Score(delay: sum / count, latePercent: 100 * Double(late) / count)
    }

    /// Each delay over the smallest one of the last two seconds.
    static func overMinimum(_ delays: [Double]) -> [Double] {
        let window = Int(2_000 / DelayTrace.spacing)
        var queue: [(index: Int, delay: Double)] = []
        return delays.indices.map { index in
            while let last = queue.last, last.delay >= delays[index] { queue.removeLast() }
            queue.append((index, delays[index]))
            if queue[0].index <= index - window { queue.removeFirst() }
            return delays[index] - queue[0].delay
        }
    }

    private func targets(_ relative: [Double]) -> [Double] {
        var histogram = [Double](repeating: 0, count: Int(2_000 / bucket))
        var observations = 0.0
        var target = start
        var largest = 0.0
        var last = 0
        return relative.enumerated().map { index, delay in
            largest = max(largest, delay)
            guard Double(index - last) * DelayTrace.spacing >= interval else { return target }
            let kept = observations == 0 ? 0 : min(forgetting, 1 - 2 / (observations + 2))
            for bucket in histogram.indices { histogram[bucket] *= kept }
            histogram[min(histogram.count - 1, Int(largest / bucket))] += 1 - kept
            observations += 1
            largest = 0
            last = index
            var below = 0.0
            let sum = histogram.reduce(0, +)
            let place = histogram.firstIndex { part in
                below += part
                return below >= Self.quantile * sum
            }
            target = Double((place ?? histogram.count - 1) + 1) * bucket
            return target
        }
    }
}
