internal import VCCore

/// What a relay may send in all: a bucket of bytes that fills with time. Costs a few additions,
/// since every packet asks it.
struct TotalAllowance: Sendable {
    /// Bytes that gather while nothing is sent: 50 ms of the rate, a full datagram at least.
    private static let burstSeconds = 0.05

    private let bytesPerNanosecond: Double
    private let burst: Double
    private var bytes: Double
    private var updated: UInt64

    /// - Parameter bytesPerSecond: nil for no limit.
    init(bytesPerSecond: UInt64?, now: Instant) {
        bytesPerNanosecond = Double(bytesPerSecond ?? 0) / 1_000_000_000
        burst =
            bytesPerSecond.map { max(Double(Limits.datagram), Double($0) * Self.burstSeconds) }
            ?? .infinity
        bytes = burst
        updated = now.nanoseconds
    }

    /// Takes `count` bytes if they are there.
    mutating func take(_ count: Int, now: Instant) -> Bool {
        guard bytesPerNanosecond > 0 else { return true }
        if now.nanoseconds > updated {
            let gained = Double(now.nanoseconds - updated) * bytesPerNanosecond
            bytes = min(burst, bytes + gained)
            updated = now.nanoseconds
        }
        guard bytes >= Double(count) else { return false }
        bytes -= Double(count)
        return true
    }
}
