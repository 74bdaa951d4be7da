// Who may be here, and whether they are who they seem to be.
extension RoomMachine {
    /// Whether we are the host; says so when we are not.
    mutating func mayActAsHost(_ action: HostAction) -> Bool {
        if isTuned {
            // Whoever is host is so by chance.
            events.append(.warning(.hostByChance(action)))
            return false
        }
        if !isHost { events.append(.warning(.hostOnly(action))) }
        return isHost
    }

    // MARK: Removing

    /// Host: removes a member. It is out at the next packet, for everybody; all codes are changed,
    /// for it knows one of them.
    public mutating func kick(_ member: UInt8, now: Instant) {
        guard phase == .inRoom, mayActAsHost(.kick) else { return }
        guard member != number else {
            events.append(.warning(.hostStays))
            return
        }
        let number = Int(member)
        guard peers.contains(number), peers[number].isMember else { return }
        let key = peers[number].key
        sayFarewell(to: number, now: now)
        removePeer(number, .kicked, now: now)
        turnAway(now: now)
        removals.add(
            Departure(key: key, reason: .kicked), version: roster.version,
            members: roster.entries.map(\.key).filter { $0 != keys.publicKey }, now: now)
        renewCode()
        renewInvites()
        rotateTokens(now: now)
        ticketGeneration += 1
        if configuration.rungs.allowsRelay { nextTickets = now }
        noteDoorChange()
        wake(now)
    }

    /// Who is on the way in, with what was good until now, comes no further.
    private mutating func turnAway(now: Instant) {
        for number in peers.numbers where !peers[number].isMember {
            seal(to: number, now: now) { writer in
                writer.write(SealedKind.leave.rawValue)
                writer.write(LeaveReason.removes.rawValue)
            }
            peers.remove(number)
        }
    }

    /// Who may come in is not as it was: the successor hears of it at once, and another host to
    /// which we are giving way before we do.
    mutating func noteDoorChange() {
        succession.nextSupplyCheck = .zero
        succession.surrender = nil
    }

    private mutating func sayFarewell(to number: Int, now: Instant) {
        var datagrams: [(bytes: [UInt8], destination: Endpoint)] = []
        for route in peers[number].path.validRoutes {
            let datagram = sealedCopy(for: number, on: route, now: now) { writer in
                writer.write(SealedKind.leave.rawValue)
                writer.write(LeaveReason.removes.rawValue)
            }
            if let datagram { datagrams.append(datagram) }
        }
        farewells.append(Farewell(datagrams, now: now))
    }

    /// The host removed somebody: applied at once, whatever the stream is waiting for.
    mutating func takeRemoval(
        _ reader: inout ByteReader, from number: Int, on route: Route?, now: Instant
    ) throws(DecodeError) {
        let next = try Roster(from: &reader)
        let departures = try Departure.decode(&reader)
        try reader.expectEnd()
        guard UInt8(number) == roster.host, next.term == roster.term else { return }
        accept(next, departures, from: number, now: now)
        guard peers.contains(number), phase == .inRoom else { return }
        let (term, version) = (roster.term, roster.version)
        seal(to: number, on: route, now: now) { writer in
            writer.write(SealedKind.removalAcknowledgement.rawValue)
            writer.write(term)
            writer.write(version)
        }
    }

    mutating func takeRemovalAcknowledgement(
        _ reader: inout ByteReader, from number: Int
    ) throws(DecodeError) {
        let term = try reader.readUInt32()
        let version = try reader.readUInt32()
        try reader.expectEnd()
        guard isHost, term == roster.term else { return }
        removals.acknowledged(by: peers[number].key, version: version)
    }

    private mutating func sendRemovals(now: Instant) {
        guard isHost else { return removals.clear() }
        for key in removals.take(now: now) {
            guard let number = peers.number(of: key) else {
                removals.forget(key)
                continue
            }
            let (roster, departures) = (roster, removals.departures)
            let body = { (writer: inout ByteWriter) in
                writer.write(SealedKind.removal.rawValue)
                roster.encode(into: &writer)
                Departure.encode(departures, into: &writer)
            }
            let routes = peers[number].path.validRoutes
            if routes.isEmpty { seal(to: number, now: now, body) }
            for route in routes { seal(to: number, on: route, now: now, body) }
        }
    }

    private mutating func sendFarewells(now: Instant) {
        for index in farewells.indices where farewells[index].take(now: now) {
            for (bytes, destination) in farewells[index].datagrams {
                unsafe outbox.push(bytes.span.bytes, to: destination)
            }
        }
        farewells.removeAll { $0.isOver }
    }

    // MARK: The door

    /// Host: lets nobody in, or lets people in again. Members stay.
    public mutating func setLocked(_ on: Bool, now: Instant) {
        guard phase == .inRoom, mayActAsHost(.lock) else { return }
        setDoorsLocked(on)
        if on { turnAway(now: now) }
        noteDoorChange()
        events.append(.locked(on))
        wake(now)
    }

    /// Host: closes the room for everybody; `.ended(.left)` follows.
    public mutating func endRoom(now: Instant) {
        guard phase != .leaving, phase != .ended, phase == .opening || mayActAsHost(.end)
        else { return }
        leaveReason = .ends
        leave(now: now)
    }

    // MARK: Safety words

    /// Compares safety words with everybody. `.safety` follows, or a warning after 5 s.
    public mutating func verify(now: Instant) {
        guard phase == .inRoom else { return }
        noteRoster(now: now)
        let suspects = safety.suspects
        if !suspects.isEmpty { events.append(.warning(.safetySuspects(shown(suspects)))) }
        switch safety.start(random: &random, now: now) {
        case .started: break
        case .underWay: events.append(.warning(.safetyUnderWay))
        case .alone: events.append(.warning(.safetyAlone))
        }
        drainSafety(now: now)
    }

    /// The words were the same: everybody whom they were made with is verified.
    public mutating func confirmSafety(now: Instant) {
        guard let keys = safety.confirm() else {
            events.append(.warning(.safetyNotShown))
            return
        }
        settleDispute(over: keys)
        events.append(.verified(shown(keys)))
    }

    /// People saw that they were shown one roster: who is in it hears us again.
    private mutating func settleDispute(over keys: [PublicKey]) {
        for number in peers.numbers where keys.contains(peers[number].key) {
            peers[number].isDisputed = false
        }
        let wasDisputed = isDisputed
        isDisputed = peers.numbers.contains { peers[$0].isDisputed }
        if wasDisputed, !isDisputed { events.append(.warning(.rosterAgreed)) }
    }

    mutating func takeSafety(_ message: SafetyMessage, from number: Int, now: Instant) {
        noteRoster(now: now)
        safety.handle(message, from: peers[number].key, random: &random, now: now)
        drainSafety(now: now)
        wake(now)
    }

    /// Words hold for one roster.
    private mutating func noteRoster(now: Instant) {
        guard phase == .inRoom, comparedRoster != roster else { return }
        comparedRoster = roster
        safety.setRoster(
            roster.digest(of: room), members: roster.entries.map(\.key), room: room,
            random: &random, now: now)
    }

    private mutating func drainSafety(now: Instant) {
        while let message = safety.pollMessage() {
            wake(now)
            for number in peers.numbers where peers[number].isMember && peers[number].hasMet {
                switch message {
                case .commitment(let commitment):
                    send(.safetyCommitment(commitment), to: number, now: now)
                case .reveal(let reveal): send(.safetyReveal(reveal), to: number, now: now)
                }
            }
        }
        while let event = safety.pollEvent() {
            switch event {
            case .words(let phrase, let run): events.append(.safety(phrase, run: run))
            case .unfinished(let missing, let hadRevealed):
                let members = shown(missing)
                events.append(
                    .warning(
                        hadRevealed ? .safetyBrokenOff(members) : .safetyUnfinished(members)))
            case .forged(let key):
                for member in shown([key]) { events.append(.warning(.safetyForged(member))) }
            }
        }
    }

    /// The members of these keys that are still here.
    private func shown(_ keys: [PublicKey]) -> [RoomEvent.Member] {
        keys.compactMap { peers.number(of: $0) }.sorted().map { member($0) }
    }

    // MARK: Time

    mutating func driveTrust(now: Instant) {
        sendRemovals(now: now)
        sendFarewells(now: now)
        noteRoster(now: now)
        safety.handleTimeout(random: &random, now: now)
        drainSafety(now: now)
    }

    var trustTimeout: Instant {
        let farewell = farewells.map(\.next).min() ?? .distantFuture
        return min(safety.timeout, min(removals.timeout, farewell))
    }
}
