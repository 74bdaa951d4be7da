internal import VCCore

/// When to look for more packets: a system call, a wake-up and a way through the network stack for
/// each single packet is what forwarding costs. Where several are expected within a quarter of a
/// millisecond, waiting for them costs nobody anything that can be heard.
struct BatchPace: Sendable {
    enum Next: Equatable, Sendable {
        /// Sleep until there is something to do.
        case wait
        /// Sleep for so many nanoseconds, then take what has come.
        case pause(UInt64)
        /// More is waiting already.
        case again
    }

    /// The longest pause. With the kernel's delays the 99th percentile stays below 0.4 ms.
    static let longestPause: UInt64 = 250_000
    /// A pause pays when it saves at least this many wake-ups.
    private static let expectedPackets: UInt64 = 2

    /// Nanoseconds from packet to packet, smoothed.
    private var interval: UInt64 = .max
    private var lastTurn: UInt64 = 0

    /// - Parameters:
    ///   - count: packets that the last look brought.
    ///   - capacity: packets that it could have brought.
    mutating func next(count: Int, capacity: Int, now: Instant) -> Next {
        guard count > 0 else { return .wait }
        note(count, now.nanoseconds)
        // The core has enough to do: packets gather while it does it.
        guard count < capacity else { return .again }
        guard interval <= Self.longestPause / Self.expectedPackets else { return .wait }
        // Half of what fits, so that a burst fits too.
        return .pause(min(Self.longestPause, interval * UInt64(capacity) / 2))
    }

    private mutating func note(_ count: Int, _ now: UInt64) {
        guard lastTurn > 0 else {
            lastTurn = now
            return
        }
        let elapsed = now > lastTurn ? now - lastTurn : 0
        lastTurn = now
        // A second without packets is as good as an hour, and does not overflow.
        let sample = min(elapsed / UInt64(count), 1_000_000_000)
        interval = interval == .max ? sample : (interval * 7 + sample) / 8
    }
}
