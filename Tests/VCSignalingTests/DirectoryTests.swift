import Testing
import VCCore

@testable import VCSignaling

@Suite struct DirectoryTests {
    private static let start = Instant.zero + .seconds(100)

    private static func claim(
        _ directory: inout NameplateDirectory, _ number: UInt64, high: UInt64? = nil,
        from source: UInt32? = nil, wanted: UInt32 = 0, now: Instant = start
    ) -> NameplateDirectory.Claim {
        let address = source ?? UInt32(truncatingIfNeeded: number)
        return directory.claim(
            tokenHash: Block16(high: high ?? number, low: number), roomID: .zero, wanted: wanted,
            from: SignalService.Sender(
                endpoint: Endpoint(ipv4: address, port: 1), local: nil, transaction: 1),
            now: now)
    }

    @Test("nameplates come shortest first, 100,000 of them, and all expire in their time")
    func manyLeases() {
        var directory = NameplateDirectory(limit: 100_000, limitPerSource: 1)
        for number in 1...100_000 as ClosedRange<UInt64> {
            #expect(
                Self.claim(&directory, number) == .granted(nameplate: UInt32(number)))
        }
        #expect(Self.claim(&directory, 100_001) == .full)
        let lapse = Self.start + SignalLimits.leaseTime
        #expect(directory.deadline == lapse)
        #expect(directory.expire(now: lapse + .nanoseconds(-1)) == nil)
        var lapsed = 0
        while directory.expire(now: lapse) != nil { lapsed += 1 }
        #expect(lapsed == 100_000)
        #expect(directory.heldCount == 0)
        #expect(directory.count == 100_000)
        #expect(directory.expire(now: lapse + SignalLimits.quarantine) == nil)
        #expect(directory.count == 0)
        #expect(
            Self.claim(&directory, 7, now: lapse + SignalLimits.quarantine)
                == .granted(nameplate: 1))
    }

    @Test("inside of a host rooms have numbers that few others have, and all get one")
    func scattered() {
        var directory = NameplateDirectory(
            limit: 200, limitPerSource: 200, scatteredNameplates: 99)
        var given: Set<UInt32> = []
        for number in 1...150 as ClosedRange<UInt64> {
            let hash = number &* 0x9E37_79B9_7F4A_7C15
            guard case .granted(let nameplate) = Self.claim(&directory, hash) else {
                Issue.record("no nameplate for the claim \(number)")
                continue
            }
            #expect(given.insert(nameplate).inserted)
            if number == 20 { #expect(given != Set(1...20)) }
        }
        #expect(given == Set(1...150))
        #expect(Self.claim(&directory, 7, wanted: 170) == .granted(nameplate: 170))
    }

    @Test("for 10 s after a restart numbers come from all over, where the drawn ones are free")
    func scatteredAfterRestart() {
        let end = Self.start + SignalLimits.returnTime
        var directory = NameplateDirectory(limit: 10, limitPerSource: 10, scattersUntil: end)
        #expect(Self.claim(&directory, 500_000) == .granted(nameplate: 500_001))
        // The same number again; the other half of the hash has another one, or the same.
        #expect(Self.claim(&directory, 1_499_999, high: 41) == .granted(nameplate: 42))
        #expect(Self.claim(&directory, 1_499_999, high: 1_499_999) == .granted(nameplate: 1))
        #expect(Self.claim(&directory, 7, wanted: 9) == .granted(nameplate: 9))
        #expect(Self.claim(&directory, 600_000, now: end) == .granted(nameplate: 2))
    }

    @Test("a lease counts for the source that was heard last, until its number is free")
    func leasesOfSource() {
        var directory = NameplateDirectory(limit: 10, limitPerSource: 1)
        #expect(Self.claim(&directory, 1, from: 1) == .granted(nameplate: 1))
        let lapse = Self.start + SignalLimits.leaseTime
        #expect(directory.expire(now: lapse) == 1)
        #expect(Self.claim(&directory, 2, from: 1, now: lapse) == .full)
        #expect(
            Self.claim(&directory, 1, from: 9, now: lapse)
                == .returned(nameplate: 1, wasLapsed: true))
        #expect(Self.claim(&directory, 2, from: 1, now: lapse) == .granted(nameplate: 2))
        #expect(Self.claim(&directory, 3, from: 9, now: lapse) == .full)
        let second = lapse + SignalLimits.leaseTime
        while directory.expire(now: second) != nil {}
        let end = second + SignalLimits.quarantine
        #expect(directory.expire(now: end) == nil)
        #expect(Self.claim(&directory, 3, from: 9, now: end) == .granted(nameplate: 1))
        #expect(Self.claim(&directory, 4, from: 1, now: end) == .granted(nameplate: 2))
    }

    @Test("a token that agrees in half of its hash only is not known")
    func halfAHash() {
        var directory = NameplateDirectory(limit: 10, limitPerSource: 10)
        _ = Self.claim(&directory, 1)
        let near = Block16(high: 1, low: 2)
        #expect(!directory.knows(near))
        let sender = SignalService.Sender(
            endpoint: Endpoint(ipv4: 1, port: 1), local: nil, transaction: 1)
        #expect(directory.release(tokenHash: near, from: sender, now: Self.start) == nil)
        #expect(directory.standing(tokenHash: near, of: sender) == .unknown)
    }

    @Test("free numbers: the lowest one, across the edges of words and levels")
    func freeNumbers() {
        var free = FreeNumbers(upTo: 5_000)
        for number in 1...5_000 as ClosedRange<UInt32> {
            #expect(free.lowest == number)
            free.take(number)
        }
        #expect(free.lowest == nil)
        free.release(4_096)
        free.release(4_160)
        #expect(free.lowest == 4_096)
        #expect(free.isFree(4_160) && !free.isFree(63) && !free.isFree(0) && !free.isFree(9_999))
    }

    @Test("an expiry queue keeps the order of touches")
    func expiryQueue() {
        var queue = ExpiryQueue()
        for slot in [3, 1, 2, 0] { queue.touch(slot) }
        queue.touch(3)
        queue.remove(2)
        queue.remove(2)
        #expect(queue.count == 3)
        var order: [Int] = []
        while let slot = queue.first {
            order.append(slot)
            queue.remove(slot)
        }
        #expect(order == [1, 0, 3])
        #expect(queue.count == 0)
    }
}

@Suite struct TokenBucketsTests {
    @Test("a bucket gives its burst, then its rate, and nothing for time that goes backwards")
    func bucket() {
        let rate = SignalLimits.Rate(burst: 3, perSecond: 2)
        let start = Instant.zero + .seconds(10)
        var bucket = TokenBucket(rate, now: start)
        func take(_ now: Instant) -> Bool { bucket.take(rate, now: now) }
        #expect(take(start) && take(start) && take(start) && !take(start))
        #expect(take(start + .milliseconds(500)))
        #expect(!take(start + .milliseconds(500)))
        #expect(!take(start))
        #expect(!take(start + .milliseconds(999)))
        #expect(take(start + .milliseconds(1_000)))
    }

    @Test("sources do not share a bucket, and a full table forgets the least limited one")
    func table() {
        let rate = SignalLimits.Rate(burst: 2, perSecond: 1)
        var buckets = TokenBuckets(rate, sources: 4)
        let now = Instant.zero + .seconds(10)
        func take(_ source: UInt64) -> Bool { buckets.take(source, now: now) }
        // All of these fall into the only set.
        #expect(take(1) && take(1))
        #expect(!take(1))
        for source in 2...4 as ClosedRange<UInt64> { #expect(take(source)) }
        #expect(take(5))
        // Source 1 is still limited: one of the others was forgotten.
        #expect(!take(1))
    }
}
