/// A rate: `burst` at once, then `perSecond`.
public struct TokenRate: Sendable, Equatable {
    public var burst: Double
    public var perSecond: Double

    public init(burst: Double, perSecond: Double) {
        self.burst = burst
        self.perSecond = perSecond
    }
}

/// One token bucket: `burst` at once, then `perSecond`.
public struct TokenBucket: Sendable {
    private var tokens: Double
    private var updated: Instant

    public init(_ rate: TokenRate, now: Instant) {
        tokens = rate.burst
        updated = now
    }

    /// Takes a token if there is one. Time that goes backwards adds nothing.
    public mutating func take(_ rate: TokenRate, now: Instant) -> Bool {
        refill(rate, now: now)
        guard tokens >= 1 else { return false }
        tokens -= 1
        return true
    }

    /// How full it would be by now: what a table may forget first.
    func level(_ rate: TokenRate, now: Instant) -> Double {
        guard updated < now else { return tokens }
        return min(rate.burst, tokens + rate.perSecond * (now - updated).inMilliseconds / 1_000)
    }

    private mutating func refill(_ rate: TokenRate, now: Instant) {
        guard updated < now else { return }
        tokens = level(rate, now: now)
        updated = now
    }
}

/// Token buckets for many sources in memory of a fixed size: a hash table with four places per
/// source. Where all four are taken the fullest bucket is forgotten, because it has limited its
/// source the least. The hash is keyed, so nobody can choose whose bucket that is.
public struct TokenBuckets: Sendable {
    private static let ways = 4

    private struct Entry: Sendable {
        /// The hash of the source; 0 is an empty place.
        var key: UInt64
        var bucket: TokenBucket
    }

    private let rate: TokenRate
    private let mask: Int
    private var entries: [Entry]

    /// - Parameter sources: rounded up to a power of two, at least four.
    public init(_ rate: TokenRate, sources: Int) {
        self.rate = rate
        var sets = 1
        while sets * Self.ways < sources { sets *= 2 }
        mask = sets - 1
        entries = Array(
            repeating: Entry(key: 0, bucket: TokenBucket(rate, now: .zero)),
            count: sets * Self.ways)
    }

    /// Takes a token of the source with this keyed hash.
    public mutating func take(_ hash: UInt64, now: Instant) -> Bool {
        let key = max(1, hash)
        let first = (Int(truncatingIfNeeded: key >> 20) & mask) * Self.ways
        var victim = first
        var victimLevel = -Double.infinity
        for index in first..<first + Self.ways {
            if entries[index].key == key { return entries[index].bucket.take(rate, now: now) }
            let level =
                entries[index].key == 0
                ? .infinity : entries[index].bucket.level(rate, now: now)
            if level > victimLevel {
                victim = index
                victimLevel = level
            }
        }
        entries[victim] = Entry(key: key, bucket: TokenBucket(rate, now: now))
        return entries[victim].bucket.take(rate, now: now)
    }
}
