// What a host does for the time after it, and when it meets another host of its room.
extension RoomMachine {
    mutating func driveHosting(now: Instant) {
        dropDeparted(now: now)
        nameSuccessor(now: now)
        supplySuccessor(now: now)
        driveDisplaced(now: now)
        if let surrender = succession.surrender,
            now >= surrender.time + SuccessionState.surrenderPatience
        {
            // The other one is gone again, or thinks that it is not the winner.
            succession.surrender = nil
        }
        if succession.hasSupply,
            now >= succession.suppliedAt + SuccessionState.surrenderPatience
        {
            // Whoever sent it did not give way after all.
            succession.supply = nil
        }
        for number in peers.numbers
        where now >= peers[number].nextStatement && peers[number].hasMet {
            let strays = peers[number].statedHost != keys.publicKey
            peers[number].nextStatement =
                strays ? now + SuccessionState.restatementInterval : .distantFuture
            send(.succession(.hosting(statement)), to: number, now: now)
        }
    }

    /// Who said goodbye while another one was host is in the roster that we took over from it.
    private mutating func dropDeparted(now: Instant) {
        let departed = roster.entries.map(\.key).filter {
            $0 != keys.publicKey && peers.number(of: $0) == nil
        }
        guard !departed.isEmpty else { return }
        publish(
            departed.reduce(roster) { $0.removing($1) },
            departed.map { Departure(key: $0, reason: .left) }, now: now)
    }

    // MARK: The successor

    /// The lowest number that we hear.
    private mutating func nameSuccessor(now: Instant) {
        let best = peers.numbers.first {
            peers[$0].isMember && peers[$0].hasMet && !peers[$0].isLost && !peers[$0].isDisputed
        }
        let successor = UInt8(best ?? 0)
        guard successor != roster.successor else { return }
        // Whoever was not named for a moment has dropped what it had.
        succession.supplied = nil
        publish(roster.naming(successor), [], now: now)
    }

    /// The successor gets what it needs, anew at every change.
    private mutating func supplySuccessor(now: Instant) {
        let successor = Int(roster.successor)
        guard now >= succession.nextSupplyCheck, peers.contains(successor),
            peers[successor].hasMet
        else { return }
        succession.nextSupplyCheck = now + SuccessionState.supplyInterval
        sendSupply(to: successor, now: now)
    }

    /// Sends what a host needs, unless it was the last thing that was sent.
    mutating func sendSupply(to number: Int, now: Instant) {
        guard let bytes = encodedSupply() else { return }
        let (digest, key) = (SHA512.hash(bytes.span), peers[number].key)
        if let supplied = succession.supplied, supplied.digest == digest, supplied.key == key {
            return
        }
        succession.supplyCounter += 1
        let message = SupplySeal.seal(
            bytes, counter: succession.supplyCounter, sender: keys.publicKey,
            pairKey: peers[number].rekey.pairKey, arena: arena)
        guard send(.succession(.supply(message)), to: number, now: now) else { return }
        succession.supplied = (digest, key)
        succession.isSupplied = false
    }

    /// Nil before the room has a code: there is nothing to hand over.
    private func encodedSupply() -> SecretBytes? {
        guard let token = signal.copyClaimToken() else { return nil }
        switch code {
        case .some(let code):
            let main = SuccessorSupply.Code(
                nameplate: code.nameplate, words: code.words.duplicate(), claimToken: token,
                failures: failures, isOnce: false)
            return SuccessorSupply(
                codes: [main] + suppliedInvites, tombstones: tombstones.keys, isLocked: isLocked,
                signalIsEmbedded: configuration.servers.allSatisfy { $0.port == 0 },
                roomKey: roomKey.duplicate(), ticketGeneration: ticketGeneration
            ).encode(arena: arena)
        case .none: return nil
        }
    }

    /// Wrong guesses at the room's own code.
    private var failures: Int {
        switch door {
        case .some(let door): door.failures
        case .none: succession.failures
        }
    }

    /// The host, or one that gives way to us, hands us what a host needs.
    mutating func takeSupply(_ message: SupplySeal.Message, from number: Int, now: Instant) {
        guard isHost || UInt8(number) == roster.host, peers[number].hasMet,
            let bytes = SupplySeal.open(
                message, sender: peers[number].key, pairKey: peers[number].rekey.pairKey,
                arena: arena),
            let supply = try? SuccessorSupply(bytes.span, arena: arena)
        else {
            counters.malformed += 1
            return
        }
        succession.supply = consume supply
        succession.suppliedAt = now
        send(.succession(.supplied(message.counter)), to: number, now: now)
    }

    // MARK: Displaced

    /// vc-signal gave the lease to somebody else with our token, as we were silent there.
    mutating func noteDisplaced(nameplate: UInt32, now: Instant) {
        guard isHost, phase == .inRoom, let token = signal.copyClaimToken() else { return }
        succession.displaced = SuccessionState.Displaced(
            token: token, nameplate: nameplate, since: now)
        signal.join(nameplate, relayKey: relayKey.verifyKey, random: &random, now: now)
        succession.nextRun = now
    }

    /// Looks for the other host in its mailbox. If there is none that we can agree with, the room
    /// needs a way in all the same.
    private mutating func driveDisplaced(now: Instant) {
        guard let since = succession.displacedSince, !succession.isReclaiming else { return }
        if now >= since + SuccessionState.displacement {
            reclaim(now: now)
        } else {
            seek(now: now)
        }
    }

    private mutating func reclaim(now: Instant) {
        guard let displaced = succession.displaced.take() else { return }
        let token = displaced.token.duplicate()
        let nameplate = displaced.nameplate
        succession.displaced = consume displaced
        succession.isReclaiming = true
        signal.succeed(
            hosting: room.block, claimToken: token, nameplate: nameplate, random: &random, now: now)
    }

    /// Whoever has our lease keeps it and is no host of our room: newcomers get another code.
    mutating func noteLeaseHeld(now: Instant) {
        guard isHost else { return succession.machine.leaseHeld() }
        guard succession.isReclaiming else { return }
        succession.forgetDisplacement()
        events.append(.warning(.nameplateChanged))
        openRoom(with: nil, isPartition: true, false, now: now)
    }

    // MARK: Two hosts

    /// What we say of our room.
    var statement: HostMeeting.Statement {
        var followers: [PublicKey] = []
        for number in peers.numbers
        where peers[number].hasMet && peers[number].isMember && !peers[number].isLost
            && peers[number].statedHost == keys.publicKey
        {
            followers.append(peers[number].key)
        }
        return HostMeeting.Statement(
            roster: roster, followers: followers, tombstones: tombstones.keys,
            isLocked: isLocked)
    }

    /// Somebody is heard again: it may have become host meanwhile, or follow another one.
    mutating func noteBack(_ number: Int, now: Instant) {
        guard isHost else { return }
        peers[number].nextStatement = now
    }

    /// A member said whom it follows. One that follows somebody else is told again and again that
    /// we are host: it, or its host, may not have heard it, or could not act on it then.
    mutating func noteAllegiance(of number: Int, now: Instant) {
        let soon = now + SuccessionState.statementInterval
        peers[number].nextStatement =
            peers[number].statedHost == keys.publicKey
            ? .distantFuture : min(peers[number].nextStatement, soon)
    }

    /// A member says that it is host.
    mutating func takeStatement(
        _ other: HostMeeting.Statement, from number: Int, now: Instant
    ) {
        guard phase == .inRoom, other.host == peers[number].key else { return }
        guard isHost else {
            introduce(other, from: number, now: now)
            return takeClaim(other.roster, [], from: number, now: now)
        }
        // Whom we removed does not take our members along, nor bring its own.
        guard mayBeHost(number, now: now), succession.surrender == nil,
            !tombstones.contains(peers[number].key)
        else { return }
        if HostMeeting.wins(statement, against: other) {
            if peers[number].nextStatement == .distantFuture {
                peers[number].nextStatement = now + SuccessionState.statementInterval
            }
        } else {
            if signal.hasLease { sendSupply(to: number, now: now) }
            send(.succession(.surrender(statement)), to: number, now: now)
            succession.surrender = (peers[number].key, now)
        }
        wake(now)
    }

    /// Whether a member had a reason to take our place: whom we heard all the time had none, unless
    /// it goes on saying so, for it may not have heard us.
    private func mayBeHost(_ number: Int, now: Instant) -> Bool {
        let wasApart =
            peers[number].lostAt.map { now < $0 + SuccessionState.separation } ?? false
        return wasApart || insists(number, for: SuccessionMachine.bothSilence, now: now)
            || isDisplaced
    }

    /// Whether a member has said for so long that it is host.
    func insists(_ number: Int, for patience: Duration, now: Instant) -> Bool {
        peers[number].statedHost == peers[number].key
            && now >= peers[number].statedHostSince + patience
    }

    private var isDisplaced: Bool { succession.displacedSince != nil }

    /// Another host gives its room to us.
    mutating func takeSurrender(
        _ other: HostMeeting.Statement, from number: Int, now: Instant
    ) {
        guard phase == .inRoom, isHost, other.host == peers[number].key,
            mayBeHost(number, now: now), introductions.take(now: now)
        else { return }
        let since = peers[number].lostAt ?? now
        _ = merge(
            other.withoutTombstones(of: constantFollowers(since: since)),
            from: peers[number].key, now: now)
    }

    /// Members that have followed us without a break since before another host was apart from us:
    /// they were never in its room, and are not its to remove.
    private func constantFollowers(since: Instant) -> [PublicKey] {
        peers.numbers.filter {
            peers[$0].statedHost == keys.publicKey && peers[$0].statedHostSince <= since
                && !peers[$0].isLost && (peers[$0].lostAt ?? .zero) < since
        }.map { peers[$0].key }
    }

    /// Makes one room of ours and that of a host that gave way. Returns false where they stay two.
    mutating func merge(
        _ other: HostMeeting.Statement, from host: PublicKey, now: Instant
    ) -> Bool {
        if let surrender = succession.surrender, surrender.key == host {
            // Each gave way to the other.
            guard keys.publicKey < host else { return false }
            succession.surrender = nil
        }
        let own = statement
        let freedAt = numberFreedAt
        let isFree = { (number: UInt8) in
            freedAt[Int(number)].map { now >= $0 + RoomMachine.numberRest } ?? true
        }
        var silences: [PublicKey: Duration] = [:]
        for number in peers.numbers { silences[peers[number].key] = now - peers[number].lastHeard }
        let meeting = HostMeeting.merge(
            winner: own, loser: other, silence: { [silences] in silences[$0] ?? Peer.lostAfter },
            isFree: isFree)
        guard let merged = meeting else {
            // Nobody is dropped: two rooms go on, and let nobody in until they fit together.
            lockDoors()
            return false
        }
        // Whom either host removed, the other one's members take for a member still.
        let others = other.roster.entries.filter { own.roster.number(of: $0.key) == nil }
        let departures = (own.roster.entries + others)
            .filter { merged.roster.number(of: $0.key) == nil }
            .map { entry in
                let isRemoved = merged.tombstones.contains(entry.key)
                return Departure(key: entry.key, reason: isRemoved ? .left : .expired)
            }
        tombstones = Tombstones(merged.tombstones)
        apply(merged.roster, departures, now: now)
        for member in peers.numbers where peers[member].isMember && peers[member].hasMet {
            send(.succession(.claim(roster, departures)), to: member, now: now)
        }
        // With a new host, though it is we again, all drop what they had.
        succession.supplied = nil
        takeLease(now: now)
        if let nameplate = currentNameplate { tellMeetingPlace(nameplate, now: now) }
        if merged.isLocked { lockDoors() }
        if configuration.rungs.allowsRelay { nextTickets = now }
        wake(now)
        return true
    }

    /// Nobody comes in any more, which the host's person has not asked for and is told.
    private mutating func lockDoors() {
        guard !isLocked else { return }
        setDoorsLocked(true)
        events.append(.locked(true))
    }

    /// If the other host had our lease it handed us the token with the room. One of its own is
    /// given up: the code of the larger half goes on.
    private mutating func takeLease(now: Instant) {
        let wasDisplaced = isDisplaced
        if succession.hasSupply, !signal.hasLease {
            let supply = succession.supply.take()
            succession.forgetDisplacement()
            openRoom(with: supply, isPartition: false, false, now: now)
        } else if wasDisplaced {
            reclaim(now: now)
        }
    }

    /// The host that we gave our room to has taken it: our members are told, and are its from now
    /// on.
    mutating func giveWay(to next: Roster, _ departures: [Departure], now: Instant) {
        for number in peers.numbers where peers[number].isMember && peers[number].hasMet {
            guard peers[number].key != next.key(of: next.host) else { continue }
            send(.succession(.handOver(next, departures)), to: number, now: now)
        }
        follow(next, departures, now: now)
        succession.gaveWay = true
    }
}
