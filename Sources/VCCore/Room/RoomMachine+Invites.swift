// One-time codes: each has a nameplate, a lease and a door of its own.
extension RoomMachine {
    /// Host: tells the room's code again.
    public mutating func showCode() {
        guard phase == .inRoom, mayActAsHost(.invite), let nameplate = currentNameplate else {
            return
        }
        events.append(.open(nameplate: nameplate))
    }

    /// Makes a code that lets one guest in, once. `.invited` follows when it has a nameplate.
    public mutating func inviteOnce(now: Instant) {
        guard phase == .inRoom, mayActAsHost(.invite) else { return }
        guard invites.count < InviteCode.maximumCount else {
            events.append(.warning(.tooManyCodes))
            return
        }
        invites.append(
            InviteCode(
                signal: RoomMachine.claimingClient(
                    for: room, configuration, arena: arena, random: &random, now: now)))
        wake(now)
    }

    /// A one-time code that still lets somebody in, in memory of its own.
    public func copyInvite(_ nameplate: UInt32) -> RoomCode? {
        for invite in invites where invite.nameplate == nameplate { return invite.copyCode() }
        return nil
    }

    mutating func driveInvites(now: Instant) {
        for invite in invites {
            let isAlive = invite.handleTimeout(now: now)
            while let event = invite.signal.pollEvent() { handle(event, of: invite, now: now) }
            driveDoor(of: invite, now: now)
            if !isAlive { invites.removeAll { $0 === invite } }
        }
    }

    /// New words for all of them: somebody knows one who should not.
    mutating func renewInvites() {
        for invite in invites { renew(invite) }
    }

    /// Posts to a joiner, through the lease that it knocked at.
    mutating func post(
        _ body: RawSpan, mailbox: UInt32, grant: SignalRequest.Grant? = nil, now: Instant
    ) {
        if let invite = invites.first(where: { $0.owns(mailbox: mailbox) }) {
            invite.signal.post(body, mailbox: mailbox, grant: grant, now: now)
        } else {
            signal.post(body, mailbox: mailbox, grant: grant, now: now)
        }
    }

    /// What vc-signal tells a one-time code's own client.
    mutating func receiveForInvite(_ datagram: RawSpan, from source: Endpoint, now: Instant)
        -> Bool
    {
        for invite in invites
        where invite.signal.handle(datagram, from: source, now: now) { return true }
        return false
    }

    // MARK: Another host

    /// What a successor gets of them.
    var suppliedInvites: [SuccessorSupply.Code] {
        invites.compactMap { invite in
            guard let nameplate = invite.nameplate, let words = invite.copyWords(),
                let token = invite.signal.copyClaimToken()
            else { return nil }
            return SuccessorSupply.Code(
                nameplate: nameplate, words: words, claimToken: token,
                failures: invite.door?.failures ?? invite.failures, isOnce: true)
        }
    }

    /// Goes on with a one-time code of the host before us.
    mutating func resume(_ supplied: SuccessorSupply.Code, now: Instant) {
        guard invites.count < InviteCode.maximumCount else { return }
        let signal = RoomMachine.resumingClient(
            for: room, supplied, configuration, arena: arena, random: &random, now: now)
        let invite = InviteCode(signal: signal)
        invite.code = RoomCode(
            nameplate: supplied.nameplate, words: supplied.words.duplicate(),
            server: configuration.advertised)
        invite.failures = Int(supplied.failures)
        invites.append(invite)
    }

    /// The client of a lease that another host had. (Never inlined, for the reason that
    /// `claimingClient` has.)
    @inline(never) private static func resumingClient(
        for room: RoomID, _ supplied: SuccessorSupply.Code, _ configuration: RoomConfiguration,
        arena: SecretArena, random: inout AnyRandomSource, now: Instant
    ) -> SignalClient {
        let token = supplied.claimToken.duplicate()
        return SignalClient(
            servers: configuration.servers, hosting: room.block, claimToken: token.span,
            arena: arena,
            wantedNameplate: supplied.nameplate, hostToken: configuration.hostToken,
            random: &random, now: now)
    }

    /// New claim tokens for all leases: somebody knows the old ones who should not.
    mutating func rotateTokens(now: Instant) {
        signal.rotateToken(
            to: SecretBytes(random: &random, count: SignalFormat.claimTokenSize, in: arena),
            now: now)
        for invite in invites {
            invite.signal.rotateToken(
                to: SecretBytes(random: &random, count: SignalFormat.claimTokenSize, in: arena),
                now: now)
        }
    }

    mutating func setDoorsLocked(_ on: Bool) {
        isLocked = on
        door?.setLocked(on)
        for invite in invites { invite.door?.setLocked(on) }
    }

    // MARK: The lease

    private mutating func handle(_ event: SignalEvent, of invite: InviteCode, now: Instant) {
        switch event {
        case .leased(let nameplate): open(invite, nameplate)
        case .message(let mailbox, let tag, let body):
            invite.note(mailbox: mailbox)
            handleMailbox(body, mailbox: mailbox, tag: tag, of: invite, now: now)
        case .claimRefused, .serverFull, .rateLimited, .tokenNeeded, .unsupportedVersion:
            // The room goes on as it is; only this code does not come to be.
            events.append(.warning(.codeUnavailable))
            invite.withdraw(now: now)
        case .reachable, .unreachable, .leaseLost, .nameplateTaken, .released, .ticket, .relays,
            .sight, .sightVerified, .leases, .noSuchRoom, .serverDraining, .mailboxClosed,
            .leaseHeld, .tokenRotated:
            return
        // Another member is host, and has it.
        case .displaced: invite.withdraw(now: now)
        }
    }

    private mutating func open(_ invite: InviteCode, _ nameplate: UInt32) {
        guard !invite.isOver, invite.nameplate != nameplate || invite.door == nil else { return }
        // A lease that was lost and claimed anew may be another one; the words stay.
        let words = invite.copyWords() ?? CodeWords(using: &random, in: arena)
        set(invite, nameplate, words)
    }

    private mutating func renew(_ invite: InviteCode) {
        guard !invite.isOver, let nameplate = invite.nameplate else { return }
        set(invite, nameplate, CodeWords(using: &random, in: arena))
    }

    private mutating func set(
        _ invite: InviteCode, _ nameplate: UInt32, _ words: consuming CodeWords
    ) {
        let secret = RoomMachine.secret(of: words, arena: arena)
        if invite.nameplate == nameplate, invite.door != nil {
            invite.door?.replaceCode(secret)
        } else {
            invite.door = HostDoor(
                secret: secret, nameplate: nameplate, local: keys.publicKey, arena: arena,
                isOneTime: true,
                budget: invite.door?.budget ?? .ofCode(isOneTime: true, failures: invite.failures))
            invite.door?.setLocked(isLocked)
        }
        invite.code = RoomCode(
            nameplate: nameplate, words: words, server: configuration.advertised)
        events.append(.invited(nameplate: nameplate))
    }

    // MARK: The door

    mutating func knock(
        _ body: RawSpan, mailbox: UInt32, tag: UInt64, at invite: InviteCode, now: Instant
    ) {
        let vacancy = vacancy
        invite.door?.handle(
            body, mailbox: mailbox, tag: tag, vacancy: vacancy, keys: keys, random: &random,
            now: now)
        driveDoor(of: invite, now: now)
    }

    mutating func driveDoor(of invite: InviteCode, now: Instant) {
        guard isHost, invite.door != nil else { return }
        invite.door?.handleTimeout(keys: keys, now: now)
        while let proven = invite.door?.pollProven() {
            noteUse(of: invite, now: now)
            welcome(proven, at: invite, now: now)
        }
        if let failed = invite.door?.pollGuesses(), failed > 0 {
            let (failures, limit) = (invite.door?.failures ?? 0, invite.door?.guessLimit ?? 0)
            events.append(.guess(failed: failures, budget: limit))
        }
        if let retired = invite.door?.pollRetired(), retired {
            events.append(.warning(.codeRetired))
            renew(invite)
        }
        while let (mailbox, body) = invite.door?.pollReply() {
            unsafe invite.signal.post(
                body.span.bytes, mailbox: mailbox, grant: grant(for: body, mailbox), now: now)
        }
    }

    private mutating func noteUse(of invite: InviteCode, now: Instant) {
        guard !invite.isOver, let nameplate = invite.nameplate else { return }
        invite.finish(now: now)
        noteDoorChange()
        events.append(.inviteUsed(nameplate: nameplate))
    }
}
