public import VCCore

/// The relay's half of protocols 0xC1 and 0xC2: a machine without sockets and clocks.
///
///     nobody ──BIND──▶ CHALLENGE (nothing kept) ──ANSWER with ticket and proof──▶ session
///     session ──300 s silent, ticket over, UNBIND, higher generation, bound again──▶ nobody
///
/// It keeps nothing about an address that has not shown a cookie and a ticket, answers no message
/// with a longer one, and forwards what it cannot read between the members of a room.
public struct RelayService: ~Copyable {
    /// Events that wait for `pollEvent`; later ones are dropped.
    private static let maximumEvents = 256

    let limits: RelayLimits
    /// Keys of the signaling servers whose tickets are taken.
    let keys: [VerifyKey]
    /// Where the relay takes TCP connections; 0 for nowhere.
    public let tcpPort: UInt16
    /// Where clients may say that they reach the relay; port 0 stands for each of its ports.
    public var addresses: [Endpoint]
    /// What was done so far.
    public internal(set) var counters = RelayCounters()
    var sessions = SessionTable()
    var rooms = RelayRooms()
    var random: AnyRandomSource
    let cookieHash: KeyedHash
    let sourceHash: KeyedHash
    var statelessAnswers: TokenBucket
    var notices: TokenBucket
    var noticesPerNetwork: TokenBuckets
    var bindings: TokenBucket
    var bindingsPerSource: TokenBuckets
    let memberNanosecondsPerByte: UInt64
    let memberBurstNanoseconds: UInt64
    var total: TotalAllowance
    var outbox = Outbox()
    private var events: [RelayServiceEvent] = []
    private var nextSweep: Instant
    /// The earliest `raise` of all rooms.
    var nextRaise = Instant.distantFuture
    private var drainDeadline: Instant?
    private var nextDrainRound = Instant.distantFuture
    /// The place up to which clients were told of the drain in this round; nil between rounds.
    private var drainCursor: Int?
    private var drainSeconds: UInt16 = 0

    /// - Parameters:
    ///   - keys: of the signaling servers whose tickets are taken.
    ///   - addresses: where clients may say that they reach the relay.
    ///   - tcpPort: where it takes TCP connections, 0 for nowhere.
    ///   - random: draws the sessions and the keys of cookies.
    public init(
        limits: RelayLimits, keys: [VerifyKey], addresses: [Endpoint], tcpPort: UInt16,
        random: AnyRandomSource, now: Instant
    ) {
        var random = random
        self.limits = limits
        self.keys = keys
        self.addresses = addresses
        self.tcpPort = tcpPort
        cookieHash = KeyedHash(random: &random)
        sourceHash = KeyedHash(random: &random)
        self.random = random
        statelessAnswers = TokenBucket(limits.statelessAnswers, now: now)
        notices = TokenBucket(limits.notices, now: now)
        noticesPerNetwork = TokenBuckets(
            limits.noticesPerNetwork, sources: limits.rememberedSources)
        bindings = TokenBucket(limits.bindings, now: now)
        bindingsPerSource = TokenBuckets(
            limits.bindingsPerSource, sources: limits.rememberedSources)
        memberNanosecondsPerByte = 1_000_000_000 / limits.memberBytesPerSecond
        memberBurstNanoseconds = limits.memberBurstBytes * memberNanosecondsPerByte
        total = TotalAllowance(bytesPerSecond: limits.totalBytesPerSecond, now: now)
        nextSweep = now + RelayLimits.sweepInterval
    }

    /// Sessions that exist.
    public var sessionCount: Int { sessions.count }
    /// Rooms that memory is used for.
    public var roomCount: Int { rooms.count }
    /// Whether `drain` was called.
    public var isDraining: Bool { drainDeadline != nil }

    /// Lets time pass.
    public mutating func handleTimeout(now: Instant) {
        if nextRaise <= now { raiseFloors(now) }
        if nextSweep <= now { sweep(now) }
        if nextDrainRound <= now || isDrained(now: now) { startDrainRound(now) }
    }

    /// The next answer to send. Relayed data does not come this way: see `forward`.
    public mutating func pollTransmit(
        into writer: inout ByteWriter
    ) -> (destination: Endpoint, count: Int)? {
        if outbox.count == 0 { tellNextOfDrain() }
        guard let sent = outbox.pop(into: &writer) else { return nil }
        return (sent.destination, sent.count)
    }

    /// The next thing that happened.
    public mutating func pollEvent() -> RelayServiceEvent? {
        events.isEmpty ? nil : events.removeFirst()
    }

    /// When `handleTimeout` is next needed.
    public func pollTimeout() -> Instant? {
        var next = min(nextRaise, nextDrainRound)
        if sessions.count > 0 || rooms.count > 0 { next = min(next, nextSweep) }
        if let drainDeadline, nextDrainRound != .distantFuture { next = min(next, drainDeadline) }
        return next == .distantFuture ? nil : next
    }

    /// Takes nobody new, tells those who are there to go elsewhere, and goes on with everything
    /// else until `isDrained`.
    public mutating func drain(now: Instant) {
        guard drainDeadline == nil else { return }
        drainDeadline = now + RelayLimits.drainTime
        startDrainRound(now)
    }

    /// Whether the relay may end: nobody is left, or everybody had the time to leave.
    public func isDrained(now: Instant) -> Bool {
        guard let drainDeadline else { return false }
        return sessions.count == 0 || drainDeadline <= now
    }

    // MARK: Parts

    mutating func tell(_ event: RelayServiceEvent) {
        if events.count < Self.maximumEvents { events.append(event) }
    }

    mutating func send(to destination: Endpoint, _ write: (inout ByteWriter) -> Void) {
        guard let size = outbox.append(to: destination, write) else {
            counters.outboxOverflows += 1
            return
        }
        counters.answered += 1
        counters.answeredBytes += UInt64(size)
    }

    /// What a keyed hash of a source is for; hashes for different purposes have nothing in common.
    enum Purpose: UInt64 {
        case network = 1
        case bindings = 2
    }

    func hash(of prefix: SourcePrefix, purpose: Purpose) -> UInt64 {
        sourceHash.hash(prefix.high, prefix.low, purpose.rawValue, 0).high
    }

    /// Ends a session. Its room is remembered for a while.
    mutating func end(_ slot: Int, _ reason: RelayServiceEvent.End, now: Instant) {
        let session = sessions[slot]
        guard session.id != 0 else { return }
        let room = Int(session.room)
        rooms[room].members[Int(session.member) - 1] = -1
        rooms[room].count -= 1
        rooms[room].emptySince = now.nanoseconds
        sessions.remove(slot)
        if reason == .idle { counters.idle += 1 }
        tell(.ended(reason, member: session.member, client: session.endpoint))
    }

    // MARK: Time

    private mutating func sweep(_ now: Instant) {
        nextSweep = now + RelayLimits.sweepInterval
        let idleTime = UInt64(RelayLimits.idleTime.wholeNanoseconds)
        for slot in 0..<sessions.slots where sessions[slot].id != 0 {
            if sessions[slot].lastHeard + idleTime <= now.nanoseconds {
                end(slot, .idle, now: now)
            } else if sessions[slot].expiry <= now.nanoseconds {
                end(slot, .expired, now: now)
            }
        }
        let roomTime = UInt64(RelayLimits.roomTime.wholeNanoseconds)
        for slot in 0..<rooms.slots where rooms[slot].isUsed && rooms[slot].count == 0 {
            if rooms[slot].emptySince + roomTime <= now.nanoseconds { rooms.remove(slot) }
        }
    }

    private mutating func raiseFloors(_ now: Instant) {
        nextRaise = .distantFuture
        for slot in 0..<rooms.slots where rooms[slot].isUsed && rooms[slot].raise != .max {
            if rooms[slot].raise <= now.nanoseconds {
                rooms[slot].finishRaise(now: now.nanoseconds)
                endLowerGenerations(slot, now)
            }
            nextRaise = min(nextRaise, Instant(nanoseconds: rooms[slot].raise))
        }
    }

    private mutating func endLowerGenerations(_ room: Int, _ now: Instant) {
        for member in 1...Limits.members {
            guard let slot = rooms.session(of: member, in: room),
                sessions[slot].generation < rooms[room].floor
            else { continue }
            end(slot, .generation, now: now)
        }
    }

    // MARK: Drain

    private mutating func startDrainRound(_ now: Instant) {
        guard let drainDeadline, !isDrained(now: now) else {
            nextDrainRound = .distantFuture
            return
        }
        nextDrainRound = now + RelayLimits.drainInterval
        drainCursor = 0
        drainSeconds = UInt16(clamping: (drainDeadline - now).components.seconds)
    }

    private mutating func tellNextOfDrain() {
        guard var slot = drainCursor else { return }
        while slot < sessions.slots, sessions[slot].id == 0 { slot += 1 }
        guard slot < sessions.slots else {
            drainCursor = nil
            return
        }
        drainCursor = slot + 1
        let (id, seconds) = (sessions[slot].id, drainSeconds)
        send(to: sessions[slot].endpoint) {
            RelayAnswer.writeDraining(session: id, seconds: seconds, into: &$0)
        }
    }
}
