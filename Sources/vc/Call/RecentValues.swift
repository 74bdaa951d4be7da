/// The last values of something that is measured again and again, and how they are spread.
struct RecentValues {
    /// How often a value is noted while there is one: twice a tick of the console, and each second
    /// time together with it. What is noted is an average already, and every wake-up costs.
    static let interval = Duration.milliseconds(250)
    /// A minute of them: 12 lie above what 95 of 100 do not exceed.
    static let capacity = 240
    /// A millisecond has so many steps, which two bytes hold up to three seconds.
    private static let steps = 20.0

    private var values: [UInt16] = []
    private var next = 0
    /// What was worked out since the last value.
    private var known: MemberStatistics.Spread?

    mutating func note(_ milliseconds: Double) {
        guard milliseconds.isFinite else { return }
        let held = max(0, min(Double(UInt16.max), (milliseconds * Self.steps).rounded()))
        known = nil
        if values.count < Self.capacity {
            values.append(UInt16(held))
        } else {
            values[next] = UInt16(held)
            next = (next + 1) % Self.capacity
        }
    }

    /// What half and 95 of 100 values do not exceed; empty before the first one.
    mutating func spread() -> MemberStatistics.Spread {
        if let known { return known }
        let sorted = values.sorted()
        let spread = MemberStatistics.Spread(
            median: Self.percentile(50, of: sorted), most: Self.percentile(95, of: sorted))
        known = spread
        return spread
    }

    /// The value that so many of a hundred do not exceed (nearest rank).
    private static func percentile(_ percent: Int, of sorted: [UInt16]) -> Double? {
        guard !sorted.isEmpty else { return nil }
        let rank = (sorted.count * percent + 99) / 100
        return Double(sorted[max(0, min(sorted.count, rank) - 1)]) / steps
    }
}

/// How long a member's sound took in the last minute in which it was heard, stage by stage.
struct RecentDelays {
    private var capture = RecentValues()
    private var network = RecentValues()
    private var buffer = RecentValues()
    private var decoder = RecentValues()
    private var playback = RecentValues()
    private var mouthToEar = RecentValues()

    mutating func note(_ now: MemberStatistics) {
        if let value = now.captureMilliseconds { capture.note(value) }
        if let value = now.networkMilliseconds { network.note(value) }
        if let value = now.bufferMilliseconds { buffer.note(value) }
        if let value = now.decoderMilliseconds { decoder.note(value) }
        if let value = now.playbackMilliseconds { playback.note(value) }
        if let value = now.mouthToEarMilliseconds { mouthToEar.note(value) }
    }

    mutating func tell(_ statistics: inout MemberStatistics) {
        statistics.captureSpread = capture.spread()
        statistics.networkSpread = network.spread()
        statistics.bufferSpread = buffer.spread()
        statistics.decoderSpread = decoder.spread()
        statistics.playbackSpread = playback.spread()
        statistics.mouthToEarSpread = mouthToEar.spread()
    }
}
