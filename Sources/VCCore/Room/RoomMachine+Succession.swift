// The host goes, the room stays: who takes its place, and what the others do.
extension RoomMachine {
    /// How somebody became host.
    enum Accession {
        /// The host left and said who is next.
        case handedOver
        /// The host fell silent.
        case succeeded
        /// Host and successor fell silent.
        case gathered
    }

    /// Where a phrase lets in there is nothing to hand over: who is left meets by it anew.
    mutating func driveSuccession(now: Instant) {
        guard phase == .inRoom, !isTuned else { return }
        if isHost { driveHosting(now: now) } else { driveFollowing(now: now) }
    }

    /// When `driveSuccession` may have something to do, beside what wakes us anyway.
    func successionTimeout(now: Instant) -> Instant {
        guard phase == .inRoom, !isTuned else { return .distantFuture }
        guard !isHost else {
            return succession.displacedSince == nil ? .distantFuture : now + .milliseconds(500)
        }
        return succession.machine.timeout(successionView(now: now))
    }

    // MARK: Following

    private mutating func driveFollowing(now: Instant) {
        let view = successionView(now: now)
        // Others removed us by now, or are without a host like us.
        guard view.hostSilence < Peer.removedAfter else {
            return end(succession.hostLeftAt == nil ? .hostLost : .hostLeft)
        }
        judgePending(view, now: now)
        guard !isHost else { return }
        if let action = succession.machine.handleTimeout(view) { perform(action, now: now) }
        guard !isHost else { return }
        driveLease(now: now)
        if view.hostSilence >= Peer.lostAfter { seek(now: now) }
    }

    private mutating func perform(_ action: SuccessionMachine.Action, now: Instant) {
        switch action {
        case .claimLease: claimLease(now: now)
        case .claim: announceClaim(now: now)
        case .withdraw:
            succession.claimed = nil
            leaveLease(now: now)
        case .gather: accede(.gathered, now: now)
        }
    }

    /// What we see of the others.
    func successionView(now: Instant) -> SuccessionMachine.View {
        let host = Int(roster.host)
        let successor = Int(succession.heir.flatMap { roster.number(of: $0) } ?? roster.successor)
        func silence(of number: Int) -> Duration {
            guard peers.contains(number) else { return Peer.removedAfter }
            return now - min(peers[number].lastHeard, strayed(number) ?? .distantFuture)
        }
        let present = peers.numbers.filter {
            $0 != host && peers[$0].hasMet && !peers[$0].isLost && peers[$0].isMember
        }
        let heard = present.filter {
            peers[$0].statedTerm < roster.term || strayed($0) == nil
        }
        let theirHosts = present.filter { !heard.contains($0) }.compactMap {
            peers[$0].statedHost.flatMap { peers.number(of: $0) }
        }
        return SuccessionMachine.View(
            now: now, own: number, host: roster.host, successor: UInt8(successor),
            term: roster.term,
            hostSilence: succession.hostLeftAt.map { now - $0 } ?? silence(of: host),
            successorSilence: successor == Int(number) ? .zero : silence(of: successor),
            hostHasLeft: succession.hostLeftAt != nil, heard: heard.map { UInt8($0) },
            hearsStrays: heard.count < present.count,
            hearsTheirHost: theirHosts.contains { present.contains($0) },
            canClaimLease: canClaimLease)
    }

    /// Since when a member follows another host than we do; nil if it does not. For us it is then
    /// as if it were silent: neither our host nor its successor any more.
    private func strayed(_ number: Int) -> Instant? {
        guard let host = peers[number].statedHost, host != roster.key(of: roster.host) else {
            return nil
        }
        return peers[number].statedHostSince
    }

    private var canClaimLease: Bool {
        switch succession.supply {
        case .some(let supply): supply.mainCode != nil && !supply.signalIsEmbedded
        case .none: false
        }
    }

    // MARK: The lease

    /// Asks vc-signal for the lease with the token that the host gave us.
    private mutating func claimLease(now: Instant) {
        succession.leaseAskedAt = now
        succession.nextLeaseTry = .distantFuture
        switch succession.supply {
        case .some(let supply):
            guard let code = supply.mainCode else { return }
            signal.succeed(
                hosting: room.block, claimToken: code.claimToken.duplicate(),
                nameplate: code.nameplate, random: &random, now: now)
        case .none: return
        }
        wake(now)
    }

    /// Where vc-signal hears the host, we look for it there, and ask again later.
    private mutating func driveLease(now: Instant) {
        guard succession.machine.isClaiming, canClaimLease else { return }
        if signal.isHost, succession.machine.knowsLeaseHeld,
            now >= succession.leaseAskedAt + SuccessionMachine.leasePatience
        {
            leaveLease(now: now)
            succession.nextLeaseTry = now + SuccessionState.leaseRetry
        } else if !signal.isHost, now >= succession.nextLeaseTry {
            claimLease(now: now)
        }
    }

    /// Is a member at vc-signal again, not somebody who wants the lease.
    private mutating func leaveLease(now: Instant) {
        guard signal.isHost else { return }
        signal.join(
            signal.nameplate, relayKey: relayKey.verifyKey, random: &random, now: now)
        succession.nextRun = now
    }

    /// Looks for those who are lost through the mailbox of the nameplate: whoever is host now is
    /// there, and knows us by the keys of our pair.
    mutating func seek(now: Instant) {
        guard now >= succession.nextRun, !signal.isHost, signal.nameplate != 0 else { return }
        succession.nextRun = now + SuccessionState.runInterval
        let first = [Int(roster.host), Int(roster.successor)]
        // A host that we have not met knows us, too: it named us. So does who takes its place.
        let lost = peers.numbers.filter {
            peers[$0].isLost && (peers[$0].hasMet || first.contains($0))
        }
        let sought = lost.filter(first.contains) + lost.filter { !first.contains($0) }
        guard !sought.isEmpty else { return }
        signal.newRun(random: &random, now: now)
        for number in sought.prefix(SuccessionState.maximumSought) {
            peers[number].open(mailbox: 0, now: now)
            peers[number].rekey.isSeeking = true
            peers[number].lastSent = .zero
        }
        wake(now)
    }

    // MARK: Claims

    private mutating func announceClaim(now: Instant) {
        let next = successorRoster(.succeeded)
        succession.claimed = next
        send(claim: next, leaversOf(next), now: now)
    }

    private func successorRoster(_ accession: Accession) -> Roster {
        let leaver = succession.hostLeftAt == nil ? nil : roster.key(of: roster.host)
        return roster.succeeded(
            by: number, without: leaver,
            step: accession == .gathered ? SuccessionMachine.lowestTermStep : 1)
    }

    private func leaversOf(_ next: Roster) -> [Departure] {
        roster.entries.filter { next.number(of: $0.key) == nil }
            .map { Departure(key: $0.key, reason: .left) }
    }

    private mutating func send(claim next: Roster, _ departures: [Departure], now: Instant) {
        for number in peers.numbers where peers[number].isMember && peers[number].hasMet {
            send(.succession(.claim(next, departures)), to: number, now: now)
        }
    }

    /// A member says that it is host.
    mutating func takeClaim(
        _ next: Roster, _ departures: [Departure], from number: Int, now: Instant
    ) {
        let key = peers[number].key
        guard phase == .inRoom, !isTuned, next.key(of: next.host) == key,
            next.number(of: keys.publicKey) != nil
        else { return }
        if isHost { return takeAnswer(next, departures, from: key, now: now) }
        if UInt8(number) == roster.host {
            // Our own host, whose room became one with another.
            if next.term > roster.term { follow(next, departures, now: now) }
            return
        }
        succession.pending = SuccessionState.Claim(
            key: key, roster: next, departures: departures)
        judgePending(successionView(now: now), now: now)
    }

    /// The host that we gave way to has made one room of the two.
    mutating func takeAnswer(
        _ next: Roster, _ departures: [Departure], from host: PublicKey, now: Instant
    ) {
        guard let surrender = succession.surrender, surrender.key == host,
            next.term > roster.term
        else { return }
        giveWay(to: next, departures, now: now)
    }

    private mutating func judgePending(_ view: SuccessionMachine.View, now: Instant) {
        guard let claim = succession.pending else { return }
        guard let claimant = roster.number(of: claim.key),
            let number = peers.number(of: claim.key), !hasWithdrawn(claim, number)
        else {
            succession.pending = nil
            return
        }
        switch succession.machine.judge(claimant: claimant, term: claim.roster.term, view) {
        case .wait: return
        case .refuse: succession.pending = nil
        case .follow: follow(claim.roster, claim.departures, now: now)
        }
    }

    /// Whether the claimant follows somebody else by now.
    private func hasWithdrawn(_ claim: SuccessionState.Claim, _ number: Int) -> Bool {
        guard let host = peers[number].statedHost, host != claim.key else { return false }
        return peers[number].statedTerm >= claim.roster.term
    }

    /// A member follows a roster: perhaps the one that we claim.
    mutating func noteFollower(_ number: Int, _ stated: RosterSummary, now: Instant) {
        peers[number].statedTerm = stated.term
        if peers[number].statedHost != stated.host {
            peers[number].statedHost = stated.host
            peers[number].statedHostSince = now
        }
        guard !isHost else { return noteAllegiance(of: number, now: now) }
        guard phase == .inRoom, let claimed = succession.claimed,
            claimed.summary(of: room) == stated
        else { return }
        accede(.succeeded, now: now)
    }

    /// The host hands the room to another member.
    mutating func takeHandOver(
        _ next: Roster, _ departures: [Departure], from number: Int, now: Instant
    ) {
        guard phase == .inRoom, !isTuned, !isHost, UInt8(number) == roster.host,
            next.term > roster.term,
            next.number(of: keys.publicKey) != nil, next.key(of: next.host) != keys.publicKey
        else { return }
        follow(next, departures, now: now)
    }

    /// Another member is host from now on.
    mutating func follow(_ next: Roster, _ departures: [Departure], now: Instant) {
        guard let own = next.number(of: keys.publicKey) else { return }
        let before = roster.key(of: roster.host)
        if isHost { closeDoor(now: now) } else { leaveLease(now: now) }
        succession.settle()
        succession.supply = nil
        if number != own {
            for peer in peers.numbers { peers[peer].rekey.namesChanged() }
        }
        number = own
        let unnamed = unnamed(in: next, departures)
        apply(next, departures, now: now)
        hasReachedHost = true
        nextTickets = .distantFuture
        // Until now they had no reason to follow this one.
        for number in peers.numbers { peers[number].statedHostSince = now }
        let host = Int(next.host)
        guard next.key(of: next.host) != before, peers.contains(host) else { return }
        if !peers[host].hasMet || peers[host].isLost {
            // That nothing was heard of it so far says nothing.
            peers[host].lastHeard = now
            peers[host].isLost = true
        }
        if peers[host].hasMet {
            if configuration.rungs.allowsRelay {
                send(.relayKey(relayKey.verifyKey), to: host, now: now)
            }
            peers[host].owesCandidates = true
            if !unnamed.isEmpty { send(.succession(.unnamed(unnamed)), to: host, now: now) }
        }
        // What it said before we knew it as the host, we did not listen to.
        askForRoster(now: now)
        events.append(.hostChanged(member(host), isUs: false))
        wake(now)
    }

    /// No newcomer comes in through us any more.
    private mutating func closeDoor(now: Instant) {
        door = nil
        // Whether the room is locked is the next host's to say.
        isLocked = false
        for invite in invites { invite.handOver(now: now) }
        nextTickets = .distantFuture
        succession.forgetDisplacement()
        if signal.isHost, !signal.isClosed {
            // The room goes on, its nameplate with it: whoever has the token takes it.
            signal.yield(now: now)
        }
    }

    // MARK: Leaving

    /// A member said goodbye. A host says who takes its place.
    mutating func takeLeave(_ notice: LeaveNotice, of number: Int, now: Instant) {
        // We go too: nobody takes anything over, and places at relays are given back.
        guard phase != .leaving else {
            peers.remove(number)
            return wake(now)
        }
        guard !isTuned else { return removePeer(number, .left, now: now) }
        guard !isHost, UInt8(number) == roster.host else {
            // Only the host removes somebody.
            if notice.reason != .removes { removePeer(number, .left, now: now) }
            return
        }
        let key = peers[number].key
        switch notice.reason {
        case .leaves: break
        case .ends: return end(.hostLeft)
        case .removes: return end(.removed)
        }
        forget(number, .left)
        bury(key)
        succession.hostLeftAt = now
        if let heir = notice.heir, heir.term == roster.term + 1,
            roster.number(of: heir.key) != nil
        {
            succession.heir = heir.key
            if heir.key == keys.publicKey { accede(.handedOver, now: now) }
        }
        wake(now)
    }

    /// What the host says to all when it leaves.
    var leaveNotice: LeaveNotice {
        guard isHost, !isTuned, leaveReason == .leaves else { return LeaveNotice(leaveReason) }
        guard let heir = roster.key(of: roster.successor) else { return LeaveNotice(.leaves) }
        return LeaveNotice(.leaves, heir: LeaveNotice.Heir(key: heir, term: roster.term + 1))
    }

    // MARK: Being host

    /// We are host now.
    mutating func accede(_ accession: Accession, now: Instant) {
        let next = succession.claimed ?? successorRoster(accession)
        let departures = leaversOf(next)
        let hadLease = signal.isHost
        roster = next
        hasReachedHost = true
        let supply = accession == .gathered ? nil : succession.supply.take()
        succession.supply = nil
        succession.settle()
        noteForwarders(now: now)
        openRoom(with: supply, isPartition: accession != .handedOver, hadLease, now: now)
        send(claim: next, departures, now: now)
        for number in peers.numbers {
            peers[number].nextStatement = now + SuccessionState.restatementInterval
        }
        announceRoster(now: now)
        events.append(.hostChanged(ownMember, isUs: true))
        wake(now)
    }

    private var ownMember: RoomEvent.Member {
        RoomEvent.Member(number: number, name: name, isHost: isHost, isVerified: false)
    }

    /// Lets newcomers in, with the code of the host before us if we have it, or with a new one.
    ///
    /// - Parameter isPartition: whether another host may have the same code, so that each starts
    ///   with half of the guesses that are left.
    mutating func openRoom(
        with supply: consuming SuccessorSupply?, isPartition: Bool, _ hadLease: Bool, now: Instant
    ) {
        door = nil
        let server = configuration.advertised ?? codeServer
        switch supply {
        case .some(let supply):
            roomKey = supply.roomKey.duplicate()
            ticketGeneration = max(ticketGeneration, supply.ticketGeneration)
            for key in supply.tombstones { tombstones.add(key) }
            isLocked = supply.isLocked
            let isGone = supply.signalIsEmbedded
            for code in supply.codes where code.isOnce && !isGone { resume(code, now: now) }
            guard let main = supply.mainCode, !supply.signalIsEmbedded else {
                code = nil
                events.append(.signalNeeded)
                return
            }
            let left = GuessBudget.perCode - Int(main.failures)
            succession.failures = Int(main.failures) + (isPartition ? max(0, left) / 2 : 0)
            code = RoomCode(
                nameplate: main.nameplate, words: main.words.duplicate(), server: server)
            guard !hadLease else { return }
            signal.succeed(
                hosting: room.block, claimToken: main.claimToken.duplicate(),
                nameplate: main.nameplate, random: &random, now: now)
        case .none:
            code = nil
            succession.failures = 0
            signal.succeed(
                hosting: room.block, claimToken: SecretBytes(random: &random, count: 32, in: arena),
                nameplate: 0, random: &random, now: now)
        }
    }

    /// The server that the code named by which we came.
    private var codeServer: ServerName? {
        switch code {
        case .some(let code): code.server
        case .none: nil
        }
    }

    /// vc-signal is in this process from now on: it opens the room there, under a new code.
    ///
    /// - Parameters:
    ///   - server: the address of a client in the same process.
    ///   - advertised: what goes behind the `@` of the code.
    public mutating func useEmbeddedSignal(
        _ server: Endpoint, advertised: ServerName?, now: Instant
    ) {
        guard isHost, phase == .inRoom else { return }
        configuration.servers = [server]
        configuration.advertised = advertised
        code = nil
        door = nil
        signal = RoomMachine.claimingClient(
            for: room, configuration, arena: arena, random: &random, now: now)
        wake(now)
    }
}
