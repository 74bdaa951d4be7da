internal import VCCore

/// The runs that are open between joiners and hosts. A run lives for 30 s from its first body.
struct Mailboxes {
    struct Mailbox {
        /// What the host knows it by.
        let id: UInt32
        let nameplate: UInt32
        let run: UInt64
        let sourceTag: UInt64
        /// The joiner's key at relays, as its first body said: who reads the run on the wire later
        /// cannot put another one in its place.
        let relayKey: VerifyKey
        var joiner: Endpoint
        /// At which of our addresses it speaks to us.
        var local: Endpoint?
        var transaction: UInt64
        let deadline: Instant
        var packets: TokenBucket
    }

    enum Posting {
        /// Pass the body on.
        case deliver(Mailbox, isNew: Bool)
        /// Over the rate of this run.
        case rateLimited
        /// As many runs are open as may be.
        case busy
        /// There is no such run; `open` makes one.
        case unknown
    }

    private struct RunKey: Hashable {
        let nameplate: UInt32
        let run: UInt64
    }

    private let limit: Int
    private let limitPerLease: Int
    private let rate: SignalLimits.Rate
    private var mailboxes: [Mailbox?] = []
    private var emptySlots: [Int32] = []
    private var slotOfRun: [RunKey: Int32] = [:]
    private var slotOfID: [UInt32: Int32] = [:]
    private var openOfNameplate: [UInt32: Int32] = [:]
    private var queue = ExpiryQueue()

    init(limit: Int, limitPerLease: Int, rate: SignalLimits.Rate) {
        self.limit = limit
        self.limitPerLease = limitPerLease
        self.rate = rate
    }

    /// Open runs.
    var count: Int { queue.count }

    /// When `expire` has something to do.
    var deadline: Instant? { queue.first.flatMap { mailboxes[$0]?.deadline } }

    /// A joiner's body for a run that may be open. Who knows the run's 8 random bytes is its
    /// joiner, also from a new address.
    mutating func post(
        nameplate: UInt32, run: UInt64, from joiner: SignalService.Sender, now: Instant
    ) -> Posting {
        let key = RunKey(nameplate: nameplate, run: run)
        guard let slot = slotOfRun[key], var mailbox = mailboxes[Int(slot)] else {
            return .unknown
        }
        guard mailbox.packets.take(rate, now: now) else {
            mailboxes[Int(slot)] = mailbox
            return .rateLimited
        }
        mailbox.joiner = joiner.endpoint
        mailbox.local = joiner.local
        mailbox.transaction = joiner.transaction
        mailboxes[Int(slot)] = mailbox
        return .deliver(mailbox, isNew: false)
    }

    /// Opens a run.
    ///
    /// - Parameter id: what the host will know it by; the caller draws it, `isFree` says whether it
    ///   may be used.
    mutating func open(
        id: UInt32, nameplate: UInt32, run: UInt64, sourceTag: UInt64, relayKey: VerifyKey,
        from joiner: SignalService.Sender, now: Instant
    ) -> Posting {
        guard count < limit, openOfNameplate[nameplate, default: 0] < limitPerLease else {
            return .busy
        }
        var mailbox = Mailbox(
            id: id, nameplate: nameplate, run: run, sourceTag: sourceTag,
            relayKey: relayKey, joiner: joiner.endpoint, local: joiner.local,
            transaction: joiner.transaction, deadline: now + SignalLimits.mailboxLifetime,
            packets: TokenBucket(rate, now: now))
        _ = mailbox.packets.take(rate, now: now)
        let slot: Int
        if let empty = emptySlots.popLast() {
            slot = Int(empty)
            mailboxes[slot] = mailbox
        } else {
            slot = mailboxes.count
            mailboxes.append(mailbox)
        }
        slotOfRun[RunKey(nameplate: nameplate, run: run)] = Int32(slot)
        slotOfID[id] = Int32(slot)
        openOfNameplate[nameplate, default: 0] += 1
        queue.touch(slot)
        return .deliver(mailbox, isNew: true)
    }

    /// A host's body for the run behind `id`; only the host of its nameplate may.
    mutating func reply(id: UInt32, nameplate: UInt32, now: Instant) -> Posting {
        guard let slot = slotOfID[id], var mailbox = mailboxes[Int(slot)],
            mailbox.nameplate == nameplate
        else { return .unknown }
        let isAllowed = mailbox.packets.take(rate, now: now)
        mailboxes[Int(slot)] = mailbox
        return isAllowed ? .deliver(mailbox, isNew: false) : .rateLimited
    }

    func isFree(_ id: UInt32) -> Bool {
        id != 0 && slotOfID[id] == nil
    }

    /// Closes what is over.
    mutating func expire(now: Instant) {
        while let slot = queue.first, let mailbox = mailboxes[slot], mailbox.deadline <= now {
            queue.remove(slot)
            mailboxes[slot] = nil
            emptySlots.append(Int32(slot))
            slotOfID[mailbox.id] = nil
            slotOfRun[RunKey(nameplate: mailbox.nameplate, run: mailbox.run)] = nil
            let open = openOfNameplate[mailbox.nameplate, default: 1]
            openOfNameplate[mailbox.nameplate] = open > 1 ? open - 1 : nil
        }
    }
}
