internal import VCCore

/// How a relay waits for packets. A system call, a wake-up and a way through the scheduler for each
/// single packet is what forwarding costs beside the network stack. Where several wake-ups are
/// expected within a quarter of a millisecond, one pause instead costs nobody anything that can be
/// heard.
struct BatchPace: Sendable {
    enum Next: Equatable, Sendable {
        /// Sleep until anything is to be done.
        case wait
        /// Sleep until there is a packet: other things can wait for the few milliseconds.
        case block
        /// Sleep for so many nanoseconds, then take what has come.
        case pause(UInt64)
        /// More is waiting already.
        case again
    }

    /// The longest pause. With the kernel's delays the 99th percentile stays below 0.4 ms.
    static let longestPause: UInt64 = 250_000
    /// A pause pays when it saves one wake-up of two.
    private static let wakeUpsSaved = 2.0
    /// From this many nanoseconds from packet to packet on it is worth to look at everything.
    private static let sparseInterval: UInt64 = 500_000
    /// So many pauses, then one wake-up, to see how many packets come with one.
    private static let pausesPerWakeUp = 64

    /// Nanoseconds from packet to packet, smoothed.
    private var interval: UInt64 = .max
    /// Packets that come with a wake-up, smoothed: members of large rooms send several at once.
    private var packetsPerWakeUp = 1.0
    private var lastTurn: UInt64 = 0
    private var pauses = 0
    private var last = Next.wait

    /// - Parameters:
    ///   - count: packets that the last look brought.
    ///   - capacity: packets that it could have brought.
    mutating func next(count: Int, capacity: Int, now: Instant) -> Next {
        if count > 0 { note(count, now.nanoseconds) }
        last = choose(count, capacity)
        return last
    }

    private mutating func choose(_ count: Int, _ capacity: Int) -> Next {
        // After a pause for nothing a packet is still more likely than anything else.
        guard count > 0 || last != .wait && last != .block && interval < Self.sparseInterval else {
            return .wait
        }
        // The core has enough to do: packets gather while it does it.
        guard count < capacity else { return .again }
        guard interval < Self.sparseInterval else { return .wait }
        let expected = Double(Self.longestPause) / Double(max(1, interval))
        guard expected >= Self.wakeUpsSaved * packetsPerWakeUp, pauses < Self.pausesPerWakeUp else {
            pauses = 0
            return .block
        }
        pauses += 1
        // Half of what fits, so that a burst fits too.
        return .pause(min(Self.longestPause, interval * UInt64(capacity) / 2))
    }

    private mutating func note(_ count: Int, _ now: UInt64) {
        if last == .wait || last == .block {
            packetsPerWakeUp += (Double(count) - packetsPerWakeUp) / 8
        }
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
