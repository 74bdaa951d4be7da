/// By how much one clock runs faster than another, from a series of measured distances between
/// them that jitter: a straight line through them (least squares), whose slope is believed only
/// when it is well above its own uncertainty. Two clocks that are one are so left alone. That holds
/// for distances whose errors have nothing to do with each other: the typical ones of windows, not
/// those of frames, of which ten share what is wrong with the median that they are near to.
struct DriftEstimator {
    /// Windows before the first look, and between looks: 3 s and 0.5 s.
    private static var firstLook: Int { 30 }
    private static var lookInterval: Int { 5 }
    /// After so many without a result it begins anew: a minute, because cards warm up.
    private static var limit: Int { 600 }
    /// How many standard errors the slope must have over zero, and over what is still uncertain
    /// when it is taken.
    private static var significance: Double { 5.0 }
    /// In samples for each window: 3 ppm of 4,800 is not worth a correction.
    private static var smallest: Double { 0.0144 }
    /// No sound card is off by more than 1,000 ppm; what says so is a broken time stamp.
    private static var largest: Double { 4.8 }

    /// Distances in the line, and the mean of them.
    private(set) var count = 0
    private(set) var mean = 0.0
    private var windows = 0
    private var meanTime = 0.0
    private var timeSquares = 0.0
    private var squares = 0.0
    private var products = 0.0

    /// Notes the distance of the next window, in samples; nil where nothing is known of it.
    mutating func note(_ distance: Double?) {
        windows += 1
        guard let distance else { return }
        count += 1
        // Welford's way: sums of large numbers would lose what matters.
        let timeBefore = Double(windows) - meanTime
        let before = distance - mean
        meanTime += timeBefore / Double(count)
        mean += before / Double(count)
        timeSquares += timeBefore * (Double(windows) - meanTime)
        products += timeBefore * (distance - mean)
        squares += before * (distance - mean)
    }

    /// The slope, in samples for each window, when one is due and there is one; then everything
    /// begins anew.
    mutating func takeSlope() -> Double? {
        guard windows >= Self.firstLook, windows % Self.lookInterval == 0, count > 2 else {
            return nil
        }
        let slope = products / timeSquares
        let rest = max(0, squares - slope * products)
        let error = (rest / Double(count - 2) / timeSquares).squareRoot()
        let isSure = slope.magnitude > Self.significance * error
        guard isSure, slope.magnitude > Self.smallest else {
            if windows >= Self.limit { self = DriftEstimator() }
            return nil
        }
        self = DriftEstimator()
        return slope.magnitude < Self.largest ? slope : nil
    }
}
