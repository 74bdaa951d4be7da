internal import VCCore

/// By how much one clock runs faster than another, from a series of measured distances between
/// them that jitter: a straight line through them (least squares), whose slope is believed only
/// when it is well above its own uncertainty. Two clocks that are one are so left alone.
struct DriftEstimator {
    /// Frames before the first look, and between looks: 2 s and 0.5 s.
    private static var firstLook: Int { 200 }
    private static var lookInterval: Int { 50 }
    /// After so many without a result it begins anew: a minute, because cards warm up.
    private static var limit: Int { 60 * Limits.sampleRate / Limits.samplesPerFrame }
    /// How many standard errors the slope must have over zero, and over what is still uncertain
    /// when it is taken.
    private static var significance: Double { 5.0 }
    /// In samples for each frame: 3 ppm of 480 is not worth a correction.
    private static var smallest: Double { 0.001_44 }
    /// No sound card is off by more than 1,000 ppm; what says so is a broken time stamp.
    private static var largest: Double { 0.48 }

    /// Distances in the line, and the mean of them.
    private(set) var count = 0
    private(set) var mean = 0.0
    private var frames = 0
    private var meanTime = 0.0
    private var timeSquares = 0.0
    private var squares = 0.0
    private var products = 0.0

    /// Notes the distance of the next frame, in samples; nil where nothing is known of it.
    mutating func note(_ distance: Double?) {
        frames += 1
        guard let distance else { return }
        count += 1
        // Welford's way: sums of large numbers would lose what matters.
        let timeBefore = Double(frames) - meanTime
        let before = distance - mean
        meanTime += timeBefore / Double(count)
        mean += before / Double(count)
        timeSquares += timeBefore * (Double(frames) - meanTime)
        products += timeBefore * (distance - mean)
        squares += before * (distance - mean)
    }

    /// The slope, in samples for each frame, when one is due and there is one; then everything
    /// begins anew.
    mutating func takeSlope() -> Double? {
        guard frames >= Self.firstLook, frames % Self.lookInterval == 0, count > 2 else {
            return nil
        }
        let slope = products / timeSquares
        let rest = max(0, squares - slope * products)
        let error = (rest / Double(count - 2) / timeSquares).squareRoot()
        let isSure = slope.magnitude > Self.significance * error
        guard isSure, slope.magnitude > Self.smallest else {
            if frames >= Self.limit { self = DriftEstimator() }
            return nil
        }
        self = DriftEstimator()
        return slope.magnitude < Self.largest ? slope : nil
    }
}
