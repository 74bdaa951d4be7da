/// How long to wait for packets: the delay of each over the quickest one of the last two seconds,
/// and from that the delay that 95 of 100 quarter seconds stay below.
///
/// All times are in samples (48 kHz) on the receiver's clock. Only packets that arrived are seen,
/// so that loss alone never raises the delay; a packet that came too late does.
///
/// Finer buckets and faster forgetting than NetEq's (20 ms, 0.983, 500 ms) save delay at the same
/// number of late packets: 10 to 17 ms, by an ideal with buckets of 2.5 ms and the quantile 0.95
/// that obeys its target at once (`IdealPlayout` of the tests). A buffer that splices and plays in
/// blocks comes to the delay and the late packets of that ideal with buckets of 1.25 ms, 0.955 and
/// a target of 2.5 ms at least in place of 5; `TraceTests` and `Tools/bench/run --only jitter` hold
/// it to both.
struct DelayEstimator: ~Copyable {
    /// 1.25 ms.
    static let bucketWidth = 60
    /// Buckets up to 200 ms.
    static let bucketCount = 160
    /// The largest delay of this many samples (250 ms) counts as one observation.
    static let interval = 12_000
    /// Observations until which the largest delay of all counts at once: the first second.
    static let settling = 4
    /// What an observation is worth after another one.
    static let forgetting: Float = 0.97
    static let quantile: Float = 0.955
    /// After the first second a single observation never counts, however few there are yet: it may
    /// be somebody's machine that stood still once, and a delay that long would go on for seconds.
    /// This much more than the weight of the newest one is the weight of one, whatever rounding
    /// makes of it.
    static let justOne: Float = 1.01
    /// The delay before anything is known: 1.25 ms. A network that needs more shows it within a
    /// second; one that does not would keep what was too much until the first pause.
    static let initialDelay = 60

    private let histogram = SampleBuffer(count: DelayEstimator.bucketCount)
    private var observations = 0
    private var intervalStart = 0
    private var largest = 0

    private var minima = MinimumWindow()
    private var started = false

    /// The delay over the quickest packet that is enough in 95 of 100 intervals, in samples.
    private(set) var delay = DelayEstimator.initialDelay
    /// Arrival time less time stamp of the quickest packet of the last two seconds, in samples.
    private(set) var base = 0

    init() {}

    /// Takes in a packet that arrived at `arrival` with `transit` = arrival - time stamp.
    mutating func update(transit: Int, arrival: Int) {
        if !started {
            started = true
            intervalStart = arrival
            largest = 0
        }
        if arrival - intervalStart >= Self.interval { closeInterval(at: arrival) }
        minima.record(transit, at: arrival)
        base = minima.minimum(at: arrival) ?? transit
        largest = max(largest, transit - base)
        if observations < Self.settling {
            // Nothing is known that could speak against it.
            let bucket = min(Self.bucketCount - 1, largest / Self.bucketWidth)
            delay = max(delay, (bucket + 1) * Self.bucketWidth)
        }
    }

    /// From now on every packet takes so much longer, and nothing else has changed.
    mutating func shift(by difference: Int) {
        minima.shift(by: difference)
        base += difference
    }

    /// Takes `transit` for the quickest one from now on: the network has changed for good, and the
    /// two seconds until the window shows it would be two seconds without sound.
    mutating func rebase(transit: Int, arrival: Int) {
        minima.clear()
        minima.record(transit, at: arrival)
        base = transit
    }

    /// Forgets everything: another stream begins.
    mutating func reset() {
        minima.clear()
        histogram.clear(at: 0, count: Self.bucketCount)
        observations = 0
        started = false
        largest = 0
        delay = Self.initialDelay
        base = 0
    }

    private mutating func closeInterval(at arrival: Int) {
        // The first ones weigh the same, so that the estimate is usable after a second.
        let kept = min(Self.forgetting, Float(observations) / Float(observations + 1))
        let bucket = max(0, min(Self.bucketCount - 1, largest / Self.bucketWidth))
        var sum: Float = 0
        var index = 0
        while index < Self.bucketCount {
            histogram[index] *= kept
            if index == bucket { histogram[index] += 1 - kept }
            sum += histogram[index]
            index += 1
        }
        observations = min(observations + 1, 1_000)
        let one = observations < Self.settling ? 0 : (1 - kept) * Self.justOne
        let tail = max(1 - Self.quantile, one)
        delay = (quantileBucket(tail: tail * sum) + 1) * Self.bucketWidth
        largest = 0
        intervalStart = arrival
    }

    /// The lowest bucket that has no more than `tail` above it.
    private func quantileBucket(tail: Float) -> Int {
        var above: Float = 0
        var index = Self.bucketCount - 1
        while index > 0 {
            above += histogram[index]
            if above > tail { return index }
            index -= 1
        }
        return index
    }
}
