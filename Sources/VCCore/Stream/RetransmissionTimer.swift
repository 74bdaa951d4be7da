/// The retransmission timeout of RFC 6298 with Karn's rule, in nanoseconds.
struct RetransmissionTimer {
    /// Lower bound: RFC 6298 says 1 s, Linux uses 200 ms; acknowledgements here are never delayed.
    static let minimum = Duration.milliseconds(200)
    /// Upper bound, so that chat goes on soon after a long outage.
    static let maximum = Duration.seconds(5)

    /// Before the first measurement (RFC 6298 rule 2.1).
    private(set) var timeout = Duration.seconds(1)
    private var smoothed: Int64?
    private var variation: Int64 = 0

    /// A round trip of a segment that was sent once.
    mutating func measured(_ roundTrip: Duration) {
        let sample = max(0, roundTrip.wholeNanoseconds)
        if let old = smoothed {
            variation = (3 * variation + abs(old - sample)) / 4
            smoothed = (7 * old + sample) / 8
        } else {
            smoothed = sample
            variation = sample / 2
        }
        restoreTimeout()
    }

    /// The timer ran out (rule 5.5).
    mutating func backOff() {
        timeout = min(timeout * 2, RetransmissionTimer.maximum)
    }

    /// The path is back: what happened while it was gone says nothing about it.
    mutating func restoreTimeout() {
        guard let smoothed else {
            timeout = .seconds(1)
            return
        }
        // 1 ms of clock granularity (rule 2.3's G).
        let value = Duration.nanoseconds(smoothed + max(1_000_000, 4 * variation))
        timeout = min(max(value, RetransmissionTimer.minimum), RetransmissionTimer.maximum)
    }
}
