internal import VCCore

/// Who holds which nameplate.
///
///     free ──claim──▶ held ──30 s silent──▶ lapsed ──10 min──▶ free
///                      ▲ │                    │
///                      │ └──── release ───▶ quarantined ──10 min──▶ free
///                      └── its token claims ──┘
///
/// All operations are constant time. Of a claim token only a keyed hash is kept.
struct NameplateDirectory {
    enum Standing: Equatable {
        /// The host was heard in the last 30 s.
        case held
        /// The host went silent; its token gets the nameplate back.
        case lapsed
        /// Given back; nobody gets it for a while.
        case quarantined
    }

    struct Lease {
        let nameplate: UInt32
        var tokenHash: Block16
        /// The token before the last rotation: who still has it is told that it holds nothing.
        var formerTokenHash: Block16?
        /// The holder lets the next one who knows the token have the lease.
        var isYielded = false
        let roomID: Block16
        /// That of a phrase, where the lease is found by it.
        var bucket: UInt16?
        var host: Endpoint
        /// At which of our addresses it speaks to us.
        var local: Endpoint?
        var transaction: UInt64
        var standing: Standing
        var deadline: Instant
    }

    enum Claim: Equatable {
        case granted(nameplate: UInt32)
        /// The nameplate went back to its token, or still was its.
        case returned(nameplate: UInt32, wasLapsed: Bool)
        /// The lease went to another client that knows its token; its holder was silent.
        case succeeded(nameplate: UInt32, displaced: SignalService.Sender)
        /// Another client holds it with the same token, and was heard lately.
        case held
        case taken
        case full
        /// The token has a lease of another room.
        case otherRoom
    }

    private let limit: Int
    private let limitPerSource: Int
    private var buckets = TuneBuckets()
    private var free = FreeNumbers(upTo: SignalFormat.maximumNameplate)
    private var leases: [Lease?] = []
    private var emptySlots: [Int32] = []
    private var slotOfNameplate: [UInt32: Int32] = [:]
    /// By the first half of the token's hash; the rest is compared in constant time.
    private var slotOfToken: [UInt64: Int32] = [:]
    private var slotOfFormerToken: [UInt64: Int32] = [:]
    private var leasesOfSource: [SourcePrefix: Int32] = [:]
    private var held = ExpiryQueue()
    private var resting = ExpiryQueue()

    /// As in `SignalLimits`.
    private let scatteredNameplates: UInt32
    /// Until then new rooms have numbers from all over.
    private let scattersUntil: Instant

    init(
        limit: Int, limitPerSource: Int, scatteredNameplates: UInt32 = 1,
        scattersUntil: Instant = .zero
    ) {
        self.scatteredNameplates = scatteredNameplates
        self.scattersUntil = scattersUntil
        self.limit = limit
        self.limitPerSource = limitPerSource
    }

    /// Leases whose hosts are heard.
    var heldCount: Int { held.count }
    /// All that memory is used for.
    var count: Int { held.count + resting.count }

    /// The lease of a nameplate whose host is heard.
    func lease(ofNameplate nameplate: UInt32) -> Lease? {
        guard let slot = slotOfNameplate[nameplate], let lease = leases[Int(slot)],
            lease.standing == .held
        else { return nil }
        return lease
    }

    /// The lease in a slot.
    func lease(in slot: Int) -> Lease? { leases[slot] }

    /// Whether the token has a lease, heard or lapsed: then a claim takes nothing new.
    func knows(_ tokenHash: Block16) -> Bool {
        slot(ofToken: tokenHash) != nil
    }

    /// Claims a nameplate, or takes an own one back. `wanted` 0 takes the shortest that is free.
    mutating func claim(
        tokenHash: Block16, roomID: Block16, wanted: UInt32, from host: SignalService.Sender,
        now: Instant
    ) -> Claim {
        if let own = claimOwn(tokenHash, roomID, bucket: nil, from: host, now: now) { return own }
        guard hasRoom(tokenHash, from: host), let lowest = free.lowest else { return .full }
        guard wanted == 0 || free.isFree(wanted) else { return .taken }
        let nameplate = wanted == 0 ? scattered(tokenHash, now: now) ?? lowest : wanted
        insert(
            Lease(
                nameplate: nameplate, tokenHash: tokenHash, roomID: roomID,
                host: host.endpoint, local: host.local, transaction: host.transaction,
                standing: .held,
                deadline: now + SignalLimits.leaseTime))
        return .granted(nameplate: nameplate)
    }

    /// A nameplate of those that few others in the same network have, or, just after a restart, of
    /// all there are: the low ones are of rooms that come back. Nil when neither of two is free.
    private func scattered(_ tokenHash: Block16, now: Instant) -> UInt32? {
        let count = now < scattersUntil ? SignalFormat.maximumNameplate : scatteredNameplates
        guard count > 1 else { return nil }
        return [tokenHash.low, tokenHash.high].lazy
            .map { 1 + UInt32($0 % UInt64(count)) }
            .first { free.isFree($0) }
    }

    /// Claims a lease in a bucket, or takes an own one back. `wanted` is the one of before, or 0.
    mutating func claim(
        tokenHash: Block16, roomID: Block16, bucket: UInt16, wanted: UInt32,
        from host: SignalService.Sender, now: Instant
    ) -> Claim {
        if let own = claimOwn(tokenHash, roomID, bucket: bucket, from: host, now: now) {
            return own
        }
        let source = SourcePrefix(source: host.endpoint)
        let neighbours = buckets.leases(in: bucket).count { lastSource(ofNameplate: $0) == source }
        guard hasRoom(tokenHash, from: host), !buckets.isFull(bucket),
            neighbours < TuneBuckets.leasesPerSource
        else { return .full }
        let isWantedFree = wanted != 0 && slotOfNameplate[wanted] == nil
        let number =
            isWantedFree ? wanted : buckets.drawLease { slotOfNameplate[$0] == nil }
        insert(
            Lease(
                nameplate: number, tokenHash: tokenHash, roomID: roomID, bucket: bucket,
                host: host.endpoint, local: host.local, transaction: host.transaction,
                standing: .held, deadline: now + SignalLimits.leaseTime))
        return .granted(nameplate: number)
    }

    /// The leases of a bucket whose hosts were heard within `time`.
    func leases(in bucket: UInt16, heardWithin time: Duration, now: Instant) -> [UInt32] {
        buckets.leases(in: bucket).filter { number in
            guard let lease = lease(ofNameplate: number) else { return false }
            return now + SignalLimits.leaseTime <= lease.deadline + time
        }
    }

    /// What a claim of a token that has a lease already gives; nil where it has none.
    private mutating func claimOwn(
        _ tokenHash: Block16, _ roomID: Block16, bucket: UInt16?,
        from host: SignalService.Sender, now: Instant
    ) -> Claim? {
        guard let slot = slot(ofToken: tokenHash), let lease = leases[slot] else { return nil }
        guard lease.roomID.matches(roomID), lease.bucket == bucket else { return .otherRoom }
        guard lease.standing != .held || lease.transaction == host.transaction else {
            return succeed(slot, lease, host, now: now)
        }
        touch(slot, host, now: now)
        return .returned(nameplate: lease.nameplate, wasLapsed: lease.standing == .lapsed)
    }

    /// The host in our own process has room, whatever others took: nobody else has its address.
    private func hasRoom(_ tokenHash: Block16, from host: SignalService.Sender) -> Bool {
        guard slotOfToken[tokenHash.high] == nil else { return false }
        if host.endpoint == SignalService.localClient { return true }
        let source = SourcePrefix(source: host.endpoint)
        return count < limit && leasesOfSource[source, default: 0] < limitPerSource
    }

    /// Where the host of a lease was heard last, though it may rest by now.
    private func lastSource(ofNameplate nameplate: UInt32) -> SourcePrefix? {
        let lease = slotOfNameplate[nameplate].flatMap { leases[Int($0)] }
        return lease.map { SourcePrefix(source: $0.host) }
    }

    /// A claim by a client that is not the holder: a successor, which has the token from it.
    private mutating func succeed(
        _ slot: Int, _ lease: Lease, _ host: SignalService.Sender, now: Instant
    ) -> Claim {
        let lastHeard = lease.deadline + (.zero - SignalLimits.leaseTime)
        guard lease.isYielded || lastHeard + SignalLimits.successionTime <= now else {
            return .held
        }
        let displaced = SignalService.Sender(
            endpoint: lease.host, local: lease.local, transaction: lease.transaction)
        touch(slot, host, now: now)
        return .succeeded(nameplate: lease.nameplate, displaced: displaced)
    }

    /// Whether the lease of a token, or of the token before it, has this client as its holder.
    func standing(tokenHash: Block16, of client: SignalService.Sender) -> Holding {
        let own = holding(slot(ofToken: tokenHash), of: client)
        if case .held = own { return own }
        // A removed member may have opened a room of its own with the token of before, which the
        // host shows until it hears that another one is in its place.
        let former = holding(slot(ofFormerToken: tokenHash), of: client)
        return former == .unknown ? own : former
    }

    private func holding(_ slot: Int?, of client: SignalService.Sender) -> Holding {
        guard let slot, let lease = leases[slot], lease.standing == .held else { return .unknown }
        return lease.transaction == client.transaction ? .held(slot) : .displaced
    }

    enum Holding: Equatable {
        /// The lease in this slot is the client's.
        case held(Int)
        /// It is another one's.
        case displaced
        case unknown
    }

    /// Notes that the host of a lease was heard, now at this address.
    ///
    /// - Returns: its nameplate, and whether its address is a new one.
    mutating func keep(
        _ slot: Int, from host: SignalService.Sender, now: Instant
    ) -> (nameplate: UInt32, moved: Bool)? {
        guard let lease = leases[slot] else { return nil }
        touch(slot, host, now: now)
        return (lease.nameplate, lease.host != host.endpoint)
    }

    /// Puts a new token in the place of the one that holds a lease.
    ///
    /// - Returns: false if the new token is another lease's.
    mutating func rotate(_ slot: Int, to tokenHash: Block16) -> Bool {
        guard var lease = leases[slot] else { return false }
        if lease.tokenHash.matches(tokenHash) { return true }
        guard slotOfToken[tokenHash.high] == nil, slotOfFormerToken[tokenHash.high] == nil else {
            return false
        }
        if let former = lease.formerTokenHash { slotOfFormerToken[former.high] = nil }
        slotOfToken[lease.tokenHash.high] = nil
        slotOfToken[tokenHash.high] = Int32(slot)
        // The first lease that had a token is the one that it leads to.
        let isFirst = slotOfFormerToken[lease.tokenHash.high] == nil
        if isFirst { slotOfFormerToken[lease.tokenHash.high] = Int32(slot) }
        lease.formerTokenHash = isFirst ? lease.tokenHash : nil
        lease.tokenHash = tokenHash
        leases[slot] = lease
        return true
    }

    /// The next one who claims with the lease's token gets it.
    mutating func yield(_ slot: Int) {
        leases[slot]?.isYielded = true
    }

    /// Gives a nameplate back; its token is forgotten at once.
    ///
    /// - Returns: the nameplate, or nil when the token has none, or one of another holder.
    mutating func release(
        tokenHash: Block16, from host: SignalService.Sender, now: Instant
    ) -> UInt32? {
        guard let slot = slot(ofToken: tokenHash), var lease = leases[slot],
            lease.standing != .held || lease.transaction == host.transaction
        else { return nil }
        if lease.bucket != nil {
            // Its number is never given out again.
            held.remove(slot)
            lease.standing = .lapsed
            forget(slot, lease)
            return lease.nameplate
        }
        lease.standing = .quarantined
        lease.deadline = now + SignalLimits.quarantine
        leases[slot] = lease
        slotOfToken[tokenHash.high] = nil
        held.remove(slot)
        resting.touch(slot)
        return lease.nameplate
    }

    /// The next nameplate that lapses by `now`, once each; frees those whose quarantine is over.
    mutating func expire(now: Instant) -> UInt32? {
        while let slot = resting.first, let lease = leases[slot], lease.deadline <= now {
            forget(slot, lease)
        }
        guard let slot = held.first, var lease = leases[slot], lease.deadline <= now else {
            return nil
        }
        lease.standing = .lapsed
        lease.deadline = lease.deadline + SignalLimits.quarantine
        leases[slot] = lease
        held.remove(slot)
        resting.touch(slot)
        return lease.nameplate
    }

    /// When `expire` has something to do.
    var deadline: Instant? {
        let first = held.first.flatMap { leases[$0]?.deadline }
        let second = resting.first.flatMap { leases[$0]?.deadline }
        guard let first else { return second }
        guard let second else { return first }
        return min(first, second)
    }

    /// The slots of held leases, one after the other; nil starts.
    func heldLease(after slot: Int?) -> (slot: Int, lease: Lease)? {
        guard let next = slot.map({ held.following($0) }) ?? held.first,
            let lease = leases[next]
        else { return nil }
        return (next, lease)
    }

    // MARK: Slots

    private func slot(ofToken tokenHash: Block16) -> Int? {
        guard let slot = slotOfToken[tokenHash.high], let lease = leases[Int(slot)],
            lease.tokenHash.matches(tokenHash)
        else { return nil }
        return Int(slot)
    }

    private func slot(ofFormerToken tokenHash: Block16) -> Int? {
        guard let slot = slotOfFormerToken[tokenHash.high], let lease = leases[Int(slot)],
            let former = lease.formerTokenHash, former.matches(tokenHash)
        else { return nil }
        return Int(slot)
    }

    private mutating func insert(_ lease: Lease) {
        let slot: Int
        if let empty = emptySlots.popLast() {
            slot = Int(empty)
            leases[slot] = lease
        } else {
            slot = leases.count
            leases.append(lease)
        }
        if let bucket = lease.bucket {
            buckets.add(lease.nameplate, to: bucket)
        } else {
            free.take(lease.nameplate)
        }
        slotOfNameplate[lease.nameplate] = Int32(slot)
        slotOfToken[lease.tokenHash.high] = Int32(slot)
        leasesOfSource[SourcePrefix(source: lease.host), default: 0] += 1
        held.touch(slot)
    }

    private mutating func touch(
        _ slot: Int, _ host: SignalService.Sender, now: Instant
    ) {
        guard var lease = leases[slot] else { return }
        uncount(lease.host)
        leasesOfSource[SourcePrefix(source: host.endpoint), default: 0] += 1
        lease.host = host.endpoint
        lease.local = host.local
        lease.transaction = host.transaction
        lease.isYielded = false
        lease.standing = .held
        lease.deadline = now + SignalLimits.leaseTime
        leases[slot] = lease
        resting.remove(slot)
        held.touch(slot)
    }

    /// Only here a lease no longer counts for its source: while it rests it takes a place, too.
    private mutating func forget(_ slot: Int, _ lease: Lease) {
        uncount(lease.host)
        resting.remove(slot)
        if lease.standing == .lapsed { slotOfToken[lease.tokenHash.high] = nil }
        if let former = lease.formerTokenHash { slotOfFormerToken[former.high] = nil }
        slotOfNameplate[lease.nameplate] = nil
        if let bucket = lease.bucket {
            buckets.remove(lease.nameplate, from: bucket)
        } else {
            free.release(lease.nameplate)
        }
        leases[slot] = nil
        emptySlots.append(Int32(slot))
    }

    private mutating func uncount(_ host: Endpoint) {
        let source = SourcePrefix(source: host)
        guard let count = leasesOfSource[source] else { return }
        leasesOfSource[source] = count > 1 ? count - 1 : nil
    }
}
