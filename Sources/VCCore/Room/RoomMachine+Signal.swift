// What comes through vc-signal: the lease of the host, and the mailbox of the join.
extension RoomMachine {
    mutating func handleSignalEvents(now: Instant) {
        while let event = signal.pollEvent() { handle(event, now: now) }
    }

    mutating func handle(_ event: SignalEvent, now: Instant) {
        switch event {
        case .message(let mailbox, let tag, let body):
            handleMailbox(body, mailbox: mailbox, tag: tag, of: nil, now: now)
        // Nothing else brings who says goodbye back into the room.
        case _ where phase == .leaving: break
        case .reachable(let server, let observed, let secondPort):
            if let observed {
                learnOwnAddress(observed, now: now)
                if observed.port != 0, configuration.rungs.allowsDirect {
                    mapping.begin(
                        server: server, observed: observed, secondPort: secondPort,
                        servers: configuration.servers, random: &random, now: now)
                }
            }
            if signalTrouble != .signalFull { noteSignal(nil) }
            if !isHost { beginJoin(now: now) }
        case .unreachable:
            if phase == .opening { end(.signalUnreachable) }
            if isHost { noteUnreachable() } else { failJoin(.signalUnreachable, now: now) }
        case .leased(let nameplate):
            // The host is gone for vc-signal, too: the lease makes us host.
            if !isHost, succession.machine.isClaiming { accede(.succeeded, now: now) }
            guard isHost else { return }
            succession.forgetDisplacement()
            isTuned ? openTuneDoor(nameplate, now: now) : openDoor(nameplate, now: now)
            noteSignal(nil)
            beginTickets(now: now)
        case .leaseLost: break
        case .nameplateTaken: events.append(.warning(.nameplateChanged))
        case .released: noteReleased(now: now)
        case .displaced(let nameplate): noteDisplaced(nameplate: nameplate, now: now)
        case .leaseHeld: noteLeaseHeld(now: now)
        case .tokenRotated: break
        case .ticket(let ticket): takeTicket(ticket, now: now)
        case .relays(let servers):
            if configuration.rungs.allowsRelay {
                relays.setServers(servers, random: &random, now: now)
            }
        case .sight(let subject, let sighting):
            birthday.sighted(sighting, subject: subject, now: now)
        case .sightVerified(let subject, let isTrue):
            birthday.verified(isTrue, subject: subject, now: now)
        case .tokenNeeded:
            // A call never depends on the server, nor on one that was started anew.
            if phase == .inRoom { noteUnreachable() } else { end(.signalTokenNeeded) }
        case .leases(let bucket, let leases): tune?.listed(bucket, leases, now: now)
        case .noSuchRoom: failJoin(.noSuchRoom, now: now)
        case .rateLimited: failJoin(.signalBusy, now: now)
        case .serverFull:
            if isHost {
                noteSignal(.signalFull)
            } else {
                failJoin(.signalBusy, now: now)
            }
        case .serverDraining: noteSignal(.signalDraining)
        case .mailboxClosed: break
        case .claimRefused: noteSignal(.signalFull)
        case .unsupportedVersion(let version):
            // A call never depends on the server, nor a search on one that answers it.
            if phase == .inRoom {
                noteUnreachable()
            } else if isSearching {
                failJoin(.signalVersion(version), now: now)
            } else {
                end(.signalVersion(version))
            }
        }
    }

    /// A lease that we left to another host is not ours any more: we are a member there.
    private mutating func noteReleased(now: Instant) {
        guard phase == .inRoom, !isHost else { return }
        let nameplate = succession.meetingPlace.take() ?? signal.nameplate
        signal.join(nameplate, relayKey: relayKey.verifyKey, random: &random, now: now)
        succession.nextRun = now
    }

    mutating func tellMeetingPlace(_ nameplate: UInt32, now: Instant) {
        for number in peers.numbers where peers[number].isMember && peers[number].hasMet {
            send(.succession(.meetingPlace(nameplate)), to: number, now: now)
        }
    }

    /// Where the host's mailbox is. Who was host before tells its members, which may know it alone.
    mutating func takeMeetingPlace(_ nameplate: UInt32, from number: Int, now: Instant) {
        guard !isHost else { return }
        let host = Int(roster.host)
        if number != host {
            let follows = peers[number].statedHost == roster.key(of: roster.host)
            guard follows, peers.contains(host), !peers[host].hasMet else { return }
        }
        takeHostsMeetingPlace(nameplate, now: now)
    }

    /// Those who came with us to another host know its mailbox from us.
    mutating func takeHostsMeetingPlace(_ nameplate: UInt32, now: Instant) {
        if succession.gaveWay { tellMeetingPlace(nameplate, now: now) }
        succession.gaveWay = false
        guard !signal.isHost else {
            // First we give up our own.
            succession.meetingPlace = nameplate
            return
        }
        guard signal.nameplate != nameplate else { return }
        signal.join(nameplate, relayKey: relayKey.verifyKey, random: &random, now: now)
        succession.nextRun = now
    }

    private mutating func noteUnreachable() {
        if phase == .inRoom { noteSignal(.signalUnreachable) }
    }

    /// Tells what is wrong with vc-signal, once, and that nothing is any more.
    private mutating func noteSignal(_ trouble: RoomWarning?) {
        guard signalTrouble != trouble else { return }
        signalTrouble = trouble
        events.append(.warning(trouble ?? .signalBack))
    }

    /// What the mailbox brings: the join, and for a while sealed packets of who has no path yet.
    ///
    /// - Parameter invite: the one-time code whose lease it came by; nil for the room's own code.
    mutating func handleMailbox(
        _ body: [UInt8], mailbox: UInt32, tag: UInt64, of invite: InviteCode?, now: Instant
    ) {
        guard let first = body.first else { return }
        if first == PacketType.handshake || first == PacketType.sealed {
            var packet = body
            unsafe packet.withUnsafeMutableBytes { bytes in
                _ = unsafe receiveFromMember(bytes, on: nil, mailbox: mailbox, now: now)
            }
        } else if isHost, let invite {
            unsafe knock(body.span.bytes, mailbox: mailbox, tag: tag, at: invite, now: now)
        } else if isHost {
            unsafe knock(body.span.bytes, mailbox: mailbox, tag: tag, now: now)
        } else {
            unsafe continueJoin(body.span.bytes, now: now)
        }
    }
}

// MARK: - The host's door

extension RoomMachine {
    private mutating func openDoor(_ nameplate: UInt32, now: Instant) {
        guard currentNameplate != nameplate || door == nil else { return }
        var words = CodeWords(using: &random, in: arena)
        if let old = code.take() { words = old.words.duplicate() }
        setCode(nameplate, words)
        succession.failures = 0
        tellMeetingPlace(nameplate, now: now)
        phase = .inRoom
        wake(now)
    }

    private mutating func setCode(_ nameplate: UInt32, _ words: consuming CodeWords) {
        let secret = RoomMachine.secret(of: words, arena: arena)
        if let old = code.take(), old.nameplate == nameplate {
            door?.replaceCode(secret)
        } else {
            // The words are what is guessed, under whatever number.
            door = HostDoor(
                secret: secret, nameplate: nameplate, local: keys.publicKey, arena: arena,
                budget: door?.budget ?? .ofCode(failures: succession.failures))
            door?.setLocked(isLocked)
        }
        code = RoomCode(nameplate: nameplate, words: words, server: configuration.advertised)
        events.append(.open(nameplate: nameplate))
    }

    /// New words on the same nameplate: the old ones are known to somebody who should not.
    mutating func renewCode() {
        guard let nameplate = currentNameplate else { return }
        setCode(nameplate, CodeWords(using: &random, in: arena))
    }

    var currentNameplate: UInt32? {
        switch code {
        case .some(let code): code.nameplate
        case .none: nil
        }
    }

    static func secret(of words: borrowing CodeWords, arena: SecretArena) -> SecretBytes {
        let output = SecretBytes(count: CodeWords.longestPRS, in: arena)
        let size = output.write { words.writePRS(into: &$0) }
        return output.prefix(size, in: arena)
    }

    private mutating func knock(_ body: RawSpan, mailbox: UInt32, tag: UInt64, now: Instant) {
        let vacancy = vacancy
        door?.handle(
            body, mailbox: mailbox, tag: tag, vacancy: vacancy, keys: keys, random: &random,
            now: now)
        driveDoor(now: now)
    }

    /// Whether somebody with a key could come in now.
    var vacancy: (PublicKey) -> HostDoor.Vacancy {
        var pending: [PublicKey] = []
        for number in peers.numbers where !peers[number].isMember {
            pending.append(peers[number].key)
        }
        let (roster, tombstones, waiting) = (roster, tombstones, pending)
        let places = configuration.capacity - 1 - peers.count
        return { key in
            if roster.number(of: key) != nil || tombstones.contains(key) { return .taken }
            return places > 0 || waiting.contains(key) ? .free : .full
        }
    }

    /// A joiner that tries again gives back the number that its last attempt reserved.
    private mutating func forgetPending(_ key: PublicKey) {
        for number in peers.numbers where !peers[number].isMember && peers[number].key == key {
            peers.remove(number)
        }
    }

    mutating func driveDoor(now: Instant) {
        guard isHost, door != nil else { return }
        door?.handleTimeout(keys: keys, now: now)
        while let proven = door?.pollProven() { welcome(proven, at: nil, now: now) }
        // That strangers have another phrase is nobody's business.
        if let failed = door?.pollGuesses(), failed > 0, !isTuned {
            let (failures, limit) = (door?.failures ?? 0, door?.guessLimit ?? 0)
            events.append(.guess(failed: failures, budget: limit))
        }
        if let retired = door?.pollRetired(), retired {
            events.append(.warning(.codeRetired))
            renewCode()
        }
        while let (mailbox, body) = door?.pollReply() {
            unsafe signal.post(
                body.span.bytes, mailbox: mailbox, grant: grant(for: body, mailbox), now: now)
        }
    }

    /// With H2 the joiner's ticket goes: vc-signal signs it for the number that H2 names.
    func grant(for body: [UInt8], _ mailbox: UInt32) -> SignalRequest.Grant? {
        guard body.first == JoinMessage.hostSecond, configuration.rungs.allowsRelay,
            let number = peers.numbers.first(where: { peers[$0].mailbox == mailbox })
        else { return nil }
        return SignalRequest.Grant(member: UInt8(number), generation: ticketGeneration)
    }

    /// A joiner knows the words: it gets a number, and the room as it will be with it.
    mutating func welcome(_ proven: HostDoor.Proven, at invite: InviteCode?, now: Instant) {
        let run = proven.run
        forgetPending(run.key)
        guard let number = freeNumber, peers.count + 1 < configuration.capacity,
            roster.entries.count < Limits.members
        else { return refuse(run, .full, at: invite) }
        guard run.key != keys.publicKey, roster.number(of: run.key) == nil,
            !tombstones.contains(run.key)
        else { return refuse(run, .refused, at: invite) }
        let entry = Roster.Entry(number: UInt8(number), key: run.key)
        let index = freshIndex()
        let payload = Welcome(
            index: index, room: room, number: entry.number, roster: roster.adding(entry),
            roomKey: roomKey.duplicate(), candidates: candidates
        ).encode(arena: arena)
        guard let result = answer(run, payload.span, at: invite) else { return }
        addPeer(
            entry, result, localIndex: index, remoteIndex: proven.request.index,
            mailbox: run.mailbox, isMember: false, now: now)
        takeCandidates(
            proven.request.candidates, of: number, lead: PathMachine.openingPatience, now: now)
        wake(now)
    }

    private mutating func answer(
        _ run: JoinRun, _ payload: RawSpan, at invite: InviteCode?
    ) -> HandshakeResult? {
        if let invite {
            return try? invite.door?.welcome(run, payload: payload, keys: keys, random: &random)
        }
        return try? door?.welcome(run, payload: payload, keys: keys, random: &random)
    }

    private mutating func refuse(_ run: JoinRun, _ reason: JoinRefusal, at invite: InviteCode?) {
        if let invite { invite.door?.refuse(run, reason) } else { door?.refuse(run, reason) }
    }
}

// MARK: - The joiner's way in

extension RoomMachine {
    private mutating func beginJoin(now: Instant) {
        guard phase == .finding, let code = code.take() else { return }
        phase = .joining
        joinIndex = freshIndex()
        joiner = JoinerMachine(
            secret: RoomMachine.secret(of: code.words, arena: arena), nameplate: code.nameplate,
            local: keys.publicKey, request: JoinRequest(index: joinIndex, candidates: candidates),
            patience: isSearching ? .neighbour : .join, arena: arena, random: &random, now: now)
        attempt = 1
        self.code = consume code
        wake(now)
    }

    mutating func driveJoin(now: Instant) {
        guard phase == .joining else {
            if phase == .inRoom, !isHost { checkPath(now: now) }
            return
        }
        if let message = joiner?.poll(random: &random, now: now) {
            if let current = joiner?.attempt, current != attempt {
                attempt = current
                signal.newRun(random: &random, now: now)
            }
            unsafe signal.post(message.span.bytes, now: now)
        }
        if let failure = joiner?.failure { failJoin(RoomMachine.reason(of: failure), now: now) }
    }

    private mutating func continueJoin(_ body: RawSpan, now: Instant) {
        guard phase == .joining else { return }
        if let result = joiner?.handle(body, local: keys, random: &random, now: now) {
            enter(result, now: now)
        }
        driveJoin(now: now)
    }

    mutating func enter(_ result: consuming JoinResult, now: Instant) {
        let host = result.host
        let remoteIndex = result.welcome.index
        let offered = result.welcome.candidates
        isConfirmed = false
        room = result.welcome.room
        number = result.welcome.number
        roster = result.welcome.roster
        roomKey = result.welcome.roomKey.duplicate()
        let hostEntry = Roster.Entry(number: roster.host, key: host)
        joiner = nil
        noteFound(host)
        phase = .inRoom
        joinedAt = now
        addPeer(
            hostEntry, result.keys, localIndex: joinIndex, remoteIndex: remoteIndex, mailbox: 0,
            isMember: true, now: now)
        takeCandidates(
            offered, of: Int(hostEntry.number), lead: PathMachine.openingLead, now: now)
        greet(Int(hostEntry.number), now: now)
        wake(now)
    }

    private mutating func checkPath(now: Instant) {
        let host = Int(roster.host)
        if peers.contains(host), peers[host].path.selected != nil { hasReachedHost = true }
        guard !hasReachedHost, peers.contains(host),
            now >= joinedAt + RoomMachine.pathPatience, !tunesAgain(now: now)
        else { return }
        end(.noPath)
    }

    private static func reason(of failure: JoinerMachine.Failure) -> EndReason {
        switch failure {
        case .refused(let reason): .refused(reason)
        case .noAnswer: .noAnswer
        case .brokenProtocol: .protocolBroken
        }
    }
}
