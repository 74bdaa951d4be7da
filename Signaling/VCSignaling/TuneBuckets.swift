internal import VCCore

/// Which leases are in which bucket of phrases, and the numbers of new ones.
struct TuneBuckets {
    /// Leases of one source in one bucket: friends behind one address, and nobody who fills it.
    static let leasesPerSource = 8

    private var leases: [UInt16: [UInt32]] = [:]
    /// Rises with each lease: an older room has the smaller number.
    private var next = SignalFormat.tuneLeases.lowerBound

    /// The leases of a bucket, oldest entry first.
    func leases(in bucket: UInt16) -> [UInt32] { leases[bucket] ?? [] }

    func isFull(_ bucket: UInt16) -> Bool {
        leases(in: bucket).count >= SignalFormat.leasesPerBucket
    }

    /// A number that no lease had, unless one of before the server's start was asked back.
    mutating func drawLease(isFree: (UInt32) -> Bool) -> UInt32 {
        while true {
            let lease = next
            next =
                lease < SignalFormat.tuneLeases.upperBound
                ? lease + 1 : SignalFormat.tuneLeases.lowerBound
            if isFree(lease) { return lease }
        }
    }

    mutating func add(_ lease: UInt32, to bucket: UInt16) {
        leases[bucket, default: []].append(lease)
    }

    mutating func remove(_ lease: UInt32, from bucket: UInt16) {
        leases[bucket]?.removeAll { $0 == lease }
        if leases[bucket]?.isEmpty == true { leases[bucket] = nil }
    }
}
