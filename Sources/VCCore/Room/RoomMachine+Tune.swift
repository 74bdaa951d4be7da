// A room that is found by a phrase instead of a code. Whoever is host of it is so by chance: it
// goes on looking for an older room of the phrase, and takes its members along when it finds one.
extension RoomMachine {
    /// Members are told of the new room for so long before their host goes there itself.
    static let movingPatience = Duration.seconds(2)

    /// How often a host that let us in may turn out not to be reachable.
    static let maximumTuneRetries = 2

    /// Somebody with a phrase.
    ///
    /// - Parameter configuration: says nothing about who is host.
    public init(
        tuning secret: consuming TuneSecret, _ configuration: RoomConfiguration,
        arena: SecretArena, random: AnyRandomSource, now: Instant
    ) {
        var random = random
        let keys = KeyPair(random: &random, arena: arena)
        relayKey = SigningKey(random: &random, arena: arena)
        signal = SignalClient(
            servers: configuration.servers, joining: 0, random: &random, now: now)
        roomKey = SecretBytes(count: 32, in: arena)
        roster = Roster(host: keys.publicKey)
        room = RoomID(random: &random)
        safety = SafetyWords(local: keys.publicKey, room: room, arena: arena)
        number = 0
        phase = .finding
        self.configuration = configuration
        self.arena = arena
        self.keys = keys
        self.random = random
        name = configuration.name
        ownCandidates = configuration.candidates
        local = configuration.local
        isMuted = configuration.isMuted
        var tune = TuneMachine(secret)
        tune.begin()
        self.tune = consume tune
    }

    /// Whether the room is found by a phrase: there is no code, and nobody can be removed.
    public var isTuned: Bool { tune != nil }

    // MARK: Time

    mutating func driveTune(now: Instant) {
        driveOldLease(now: now)
        guard isTuned, phase != .leaving, phase != .ended else { return }
        let context = tuneContext()
        tune?.handleTimeout(context, keys: keys, random: &random, now: now)
        while let action = tune?.pollAction() {
            switch action {
            case .ask: signal.requestLeases(of: tuneBucket, now: now)
            case .claim: claimLease(now: now)
            case .beginAgain: beginTuneAgain(now: now)
            case .giveUp: return end(.signalUnreachable)
            }
        }
        if let meeting = takeMeeting() { meet(meeting, now: now) }
        finishMove(now: now)
    }

    func tuneTimeout() -> Instant {
        var earliest = oldLease?.signal.pollTimeout() ?? .distantFuture
        guard phase != .leaving, phase != .ended else { return earliest }
        switch tune {
        case .some(let tune): earliest = min(earliest, tune.timeout)
        case .none: break
        }
        if moving != nil { earliest = min(earliest, movingDeadline) }
        return earliest
    }

    private var tuneBucket: UInt16 {
        switch tune {
        case .some(let tune): tune.secret.bucket
        case .none: 0
        }
    }

    private func tuneContext() -> TuneContext {
        // Leases belong to the server that told of them.
        let servers = signal.chosenServer.map { [$0] } ?? configuration.servers
        return TuneContext(
            servers: servers, local: keys.publicKey, relayKey: relayKey.verifyKey,
            candidates: candidates, arena: arena)
    }

    private mutating func takeMeeting() -> TuneMeeting? {
        tune?.pollMeeting()
    }

    // MARK: Host

    /// No lease in the bucket confirmed our phrase: we are the first.
    private mutating func claimLease(now: Instant) {
        room = RoomID(random: &random)
        roomKey = SecretBytes(random: &random, count: 32, in: arena)
        roster = Roster(host: keys.publicKey)
        number = 1
        phase = .opening
        signal = RoomMachine.claimingClient(
            for: room, bucket: tuneBucket, configuration, arena: arena, random: &random,
            now: now)
        wake(now)
    }

    /// The lease is ours, or another one after the server forgot it.
    mutating func openTuneDoor(_ lease: UInt32, now: Instant) {
        guard tuneLease != lease else { return }
        let isFirst = phase == .opening
        tuneLease = lease
        switch tune {
        case .some(let tune):
            door = HostDoor(
                secret: tune.secret.proof.duplicate(), nameplate: lease,
                bucket: tune.secret.bucket, local: keys.publicKey, arena: arena,
                budget: door?.budget)
        case .none: return
        }
        tune?.host(lease, now: now)
        phase = .inRoom
        if isFirst { events.append(.waiting) }
        wake(now)
    }

    // MARK: Meeting

    /// A room of our phrase has a place for us. A host takes its members along, if there is room
    /// for all.
    private mutating func meet(_ meeting: consuming TuneMeeting, now: Instant) {
        let lease = meeting.attempt.lease
        let members = peers.numbers.filter { peers[$0].isMember }
        guard isHost, phase == .inRoom, !members.isEmpty else {
            return enter(consume meeting, now: now)
        }
        // We stand in the other roster already.
        guard meeting.result.welcome.roster.entries.count + members.count <= configuration.capacity
        else {
            tune?.decline(lease, now: now)
            return
        }
        door?.setLocked(true)
        for number in members { send(.tuneMoved(lease: lease), to: number, now: now) }
        moving = consume meeting
        movingDeadline = now + RoomMachine.movingPatience
        wake(now)
    }

    /// Goes where the members were sent, once all know it.
    private mutating func finishMove(now: Instant) {
        guard moving != nil else { return }
        let areTold = peers.numbers.allSatisfy { peers[$0].stream.undelivered.isEmpty }
        guard areTold || now >= movingDeadline, let meeting = moving.take() else { return }
        enter(meeting, now: now)
    }

    /// Leaves what there was and becomes a member there.
    private mutating func enter(_ meeting: consuming TuneMeeting, now: Instant) {
        leaveTunedRoom(now: now)
        let attempt = meeting.attempt
        let wasHost = signal.isHost
        swap(&signal, &attempt.signal)
        if wasHost {
            attempt.signal.release(now: now)
            oldLease = attempt
        }
        joinIndex = attempt.index
        tune?.settle()
        enter(meeting.result, now: now)
        for event in attempt.kept { handle(event, now: now) }
    }

    /// Our host says that its room is another one now.
    mutating func takeMoved(_ lease: UInt32, from number: Int, now: Instant) {
        guard isTuned, !isHost, UInt8(number) == roster.host, phase == .inRoom else { return }
        let context = tuneContext()
        tune?.follow(lease, context, random: &random, now: now)
        wake(now)
    }

    // MARK: Leaving a room, not the phrase

    /// The host is gone. Returns whether the others are looked for by the phrase, so that the call
    /// is not over.
    mutating func survivesHost(now: Instant) -> Bool {
        guard isTuned, phase == .inRoom else { return false }
        // Where it sent us, or from the start.
        if tune?.destination == nil { beginTuneAgain(now: now) }
        return true
    }

    /// The host let us in, and is not reached: perhaps it just went. Returns whether the others are
    /// looked for once more.
    mutating func tunesAgain(now: Instant) -> Bool {
        guard isTuned, tuneRetries < RoomMachine.maximumTuneRetries else { return false }
        tuneRetries += 1
        beginTuneAgain(now: now)
        return true
    }

    private mutating func beginTuneAgain(now: Instant) {
        leaveTunedRoom(now: now)
        number = 0
        roster = Roster(host: keys.publicKey)
        phase = .finding
        signal = SignalClient(
            servers: configuration.servers, joining: 0, random: &random, now: now)
        tune?.begin()
        wake(now)
    }

    /// Forgets the room and everybody in it, who hear a goodbye.
    private mutating func leaveTunedRoom(now: Instant) {
        for number in peers.numbers {
            if peers[number].isMember, peers[number].hasMet {
                seal(to: number, now: now) { writer in
                    writer.write(SealedKind.leave.rawValue)
                    writer.write(LeaveReason.leaves.rawValue)
                }
            }
            forget(number, .left)
        }
        clearShelf(now: now, all: true)
        moving = nil
        tuneLease = nil
        door = nil
        tombstones = Tombstones()
        numberFreedAt = [Instant?](repeating: nil, count: Limits.members + 1)
        isDisputed = false
        hasJoined = false
        isConfirmed = false
        hasReachedHost = false
        isLocked = false
        comparedRoster = nil
        removals.clear()
        hostRouteIsOpen = false
        nextAsk = .zero
        nextTickets = .distantFuture
        ticketGeneration = 1
    }

    /// The lease that we had is given back.
    private mutating func driveOldLease(now: Instant) {
        guard let old = oldLease else { return }
        if let due = old.signal.pollTimeout(), now >= due { old.signal.handleTimeout(now: now) }
        while old.signal.pollEvent() != nil {}
        if old.signal.isClosed { oldLease = nil }
    }

    // MARK: Datagrams

    /// A datagram of protocol 0xC0 that is not for the room's own client.
    mutating func handleTuneSignal(_ datagram: RawSpan, from source: Endpoint, now: Instant) -> Bool
    {
        if tune?.handle(datagram, from: source, now: now) == true { return true }
        return oldLease?.signal.handle(datagram, from: source, now: now) ?? false
    }

    mutating func pollTuneTransmit(into writer: inout ByteWriter) -> (Endpoint, count: Int)? {
        if let (destination, count) = tune?.pollTransmit(into: &writer) {
            return (destination, count)
        }
        guard let (destination, count) = oldLease?.signal.pollTransmit(into: &writer) else {
            return nil
        }
        return (destination, count)
    }
}
