// Who is in the room: the host says so, everybody checks it, and each pair makes its own keys.
extension RoomMachine {
    // MARK: Members

    /// A joiner, or the host that let us in: the join made their keys.
    mutating func addPeer(
        _ entry: Roster.Entry, _ result: borrowing HandshakeResult, localIndex: UInt32,
        remoteIndex: UInt32, mailbox: UInt32, isMember: Bool, now: Instant
    ) {
        var slots = SessionSlots()
        slots.establish(
            Session(
                sendKey: result.sendKey.duplicate(), receiveKey: result.receiveKey.duplicate(),
                localIndex: localIndex, remoteIndex: remoteIndex, now: now), now: now)
        let rekey = Rekey(
            local: keys.publicKey, remote: entry.key, pairKey: result.pairKey.duplicate(),
            room: room, random: &random, arena: arena)
        insert(
            Peer(
                number: entry.number, key: entry.key, slots: slots, rekey: rekey,
                stream: ReliableStream(id: result.transcript.prefix), isMember: isMember,
                mailbox: mailbox, keepalive: configuration.keepalive, now: now), now: now)
    }

    /// A member that the host names, and that we have not met.
    mutating func addStranger(_ entry: Roster.Entry, version: UInt32, now: Instant) {
        if let peer = shelf.take(entry.key) {
            return restore(peer, as: entry.number, version: version, now: now)
        }
        insert(stranger(entry, version: version, now: now), now: now)
        wake(now)
    }

    /// A member that we have no keys with.
    private mutating func stranger(
        _ entry: Roster.Entry, version: UInt32, now: Instant
    ) -> Peer {
        let rekey = Rekey(
            .meeting, local: keys.publicKey, remote: entry.key, pairKey: roomKey.duplicate(),
            room: room, random: &random, arena: arena)
        var peer = Peer(
            number: entry.number, key: entry.key, slots: SessionSlots(), rekey: rekey,
            stream: ReliableStream(id: 0), isMember: true, hasMet: false, mailbox: nil,
            keepalive: configuration.keepalive, now: now)
        peer.enteredVersion = version
        peer.isDisputed = isDisputed
        return peer
    }

    /// Nothing came of a member for so long that it has forgotten our keys, if it is there at all:
    /// we meet anew.
    mutating func estrange(_ number: Int, now: Instant) {
        endChat(of: peers[number].stream, number)
        if birthday.peer == number { birthday.cancel() }
        let old = peers.take(number)
        let entry = Roster.Entry(number: old.number, key: old.key)
        var peer = stranger(entry, version: old.enteredVersion, now: now)
        peer.name = old.name
        peer.isAnnounced = old.isAnnounced
        peer.isDisputed = old.isDisputed
        peer.isAbsent = old.isAbsent
        peer.agreedVersion = old.agreedVersion
        peer.isLost = true
        peer.lostAt = old.lostAt
        peer.lastHeard = old.lastHeard
        peer.isWhisperedTo = old.isWhisperedTo
        insert(peer, now: now)
        wake(now)
    }

    /// A member that was named before, and for itself has been all the time.
    private mutating func restore(
        _ peer: consuming Peer, as number: UInt8, version: UInt32, now: Instant
    ) {
        peer.number = number
        peer.isAnnounced = false
        peer.enteredVersion = version
        peer.isDisputed = isDisputed
        peer.owesCandidates = true
        // Nobody listened to it meanwhile.
        peer.lastHeard = now
        if !peer.hasMet { peer.rekey.namesChanged() }
        insert(peer, now: now)
        peers[Int(number)].path.probeAgain(now: now)
        announce(Int(number), now: now)
        wake(now)
    }

    private mutating func insert(_ peer: consuming Peer, now: Instant) {
        let number = Int(peer.number)
        // The number may have been somebody else's.
        if birthday.peer == number { birthday.cancel() }
        peers.insert(peer)
        for endpoint in relays.endpoints { peers[number].path.addRelay(endpoint, now: now) }
        guard servesHost(for: number) else { return }
        if reachesHost {
            peers[number].path.addHost(now: now)
        } else {
            // Added when the way to the host opens, also if that is before anybody saw it closed.
            hostRouteIsOpen = false
        }
    }

    /// A packet of a stranger was opened: both sides hold the keys.
    mutating func meet(_ number: Int, now: Instant) {
        peers[number].meet(
            local: keys.publicKey, room: room, random: &random, arena: arena, now: now)
        if peers[number].hasMet {
            // It may follow the host before us, which it heard of last.
            if isHost { send(.succession(.claim(roster, [])), to: number, now: now) }
            greet(number, now: now)
        }
        wake(now)
    }

    /// Tells a member who we are.
    mutating func greet(_ number: Int, now: Instant) {
        send(.name(Array(name.text.utf8)), to: number, now: now)
        send(.muted(isMuted), to: number, now: now)
        if isRecording { send(.recording(true), to: number, now: now) }
        if UInt8(number) == roster.host, configuration.rungs.allowsRelay {
            send(.relayKey(relayKey.verifyKey), to: number, now: now)
        }
        if isHost, let nameplate = currentNameplate {
            send(.succession(.meetingPlace(nameplate)), to: number, now: now)
        }
        // Again, with how our NAT maps.
        peers[number].owesCandidates = true
        announceRoster(to: number, now: now)
        // Through the mailbox, too: it makes us a member even where no direct path is found.
        seal(to: number, now: now) { $0.write(SealedKind.keepalive.rawValue) }
    }

    /// Host: a number for a newcomer; nil when all are taken. One that was somebody else's a moment
    /// ago is the last that is given out.
    var freeNumber: Int? {
        let free = (1...Limits.members).filter { $0 != Int(number) && !peers.contains($0) }
        return free.min { (numberFreedAt[$0] ?? .zero, $0) < (numberFreedAt[$1] ?? .zero, $1) }
    }

    /// Host: the first sealed packet of a joiner makes it a member.
    mutating func confirm(_ number: Int, now: Instant) {
        peers[number].isMember = true
        peers[number].path.begin(now: now)
        // To the new one as well: others may have come or gone since its H2 was made.
        publish(
            roster.adding(Roster.Entry(number: peers[number].number, key: peers[number].key)), [],
            now: now)
        peers[number].enteredVersion = roster.version
        greet(number, now: now)
    }

    /// Removes a member and all that is kept of it.
    mutating func removePeer(_ number: Int, _ reason: Departure.Reason, now: Instant) {
        let key = peers[number].key
        if reason == .expired, !isTuned {
            // It may be in the other half of a network that was broken.
            shelve(number, now: now)
        } else {
            forget(number, reason)
            bury(key)
        }
        if isHost, roster.number(of: key) != nil {
            numberFreedAt[number] = now
            publish(roster.removing(key), [Departure(key: key, reason: reason)], now: now)
        } else if isTuned, !isHost, number == Int(roster.host), !survivesHost(now: now) {
            end(phase == .leaving ? endReason : reason == .left ? .hostLeft : .hostLost)
        }
    }

    /// A key that is refused from now on. Not where a phrase lets in: who knows it may come back,
    /// also from the other half of a network that was broken.
    mutating func bury(_ key: PublicKey) {
        if !isTuned { tombstones.add(key) }
        if let peer = shelf.take(key) { endChat(of: peer.stream, Int(peer.number)) }
    }

    mutating func forget(_ number: Int, _ reason: Departure.Reason) {
        _ = detach(number, reason, endsChat: true)
    }

    /// Who is not named, though nobody said that it went, may be named again.
    private mutating func shelve(_ number: Int, now: Instant) {
        if let left = shelf.put(detach(number, .expired, endsChat: false), now: now) {
            endChat(of: left.stream, Int(left.number))
        }
    }

    private mutating func detach(
        _ number: Int, _ reason: Departure.Reason, endsChat: Bool
    ) -> Peer {
        if birthday.peer == number { birthday.cancel() }
        if endsChat { endChat(of: peers[number].stream, number) }
        if peers[number].isAnnounced { events.append(.member(member(number), reason.state)) }
        let peer = peers.take(number)
        reviewWhisper()
        return peer
    }

    mutating func clearShelf(now: Instant, all: Bool = false) {
        while let peer = shelf.takeExpired(now: now, all: all) {
            endChat(of: peer.stream, Int(peer.number))
        }
    }

    /// What a member did not get so far does not arrive any more.
    mutating func endChat(of stream: ReliableStream, _ number: Int) {
        for id in stream.undelivered where id != 0 {
            events.append(.delivery(id: id, member: UInt8(number), isDelivered: false))
        }
    }

    // MARK: The roster

    /// Host: the room is as `next` says from now on.
    mutating func publish(_ next: Roster, _ departures: [Departure], now: Instant) {
        roster = next
        for number in peers.numbers where peers[number].isMember {
            send(.roster(next, departures), to: number, now: now)
        }
        announceRoster(now: now)
    }

    /// Tells the members that we have met which roster we know.
    mutating func announceRoster(now: Instant) {
        for number in peers.numbers where peers[number].isMember && peers[number].hasMet {
            announceRoster(to: number, now: now)
        }
    }

    private mutating func announceRoster(to number: Int, now: Instant) {
        send(.knows(roster.summary(of: room)), to: number, now: now)
    }

    /// Only the host changes the roster, only forward, and never without us and itself.
    mutating func accept(
        _ next: Roster, _ departures: [Departure], from number: Int, now: Instant
    ) {
        guard !isHost, UInt8(number) == roster.host, next.term == roster.term,
            next.version >= roster.version
        else { return }
        // The host's own word: what others said of a later roster was wrong, or is settled.
        for peer in peers.numbers where peers[peer].hintedVersion > 0 {
            if peers[peer].hintedVersion > next.version {
                peers[peer].refutedVersion = peers[peer].hintedVersion
            }
            peers[peer].hintedVersion = 0
        }
        if isConfirmed, next.version == roster.version { return notePresence(of: roster) }
        guard next.key(of: self.number) == keys.publicKey,
            next.key(of: next.host) == peers[number].key, next.host == roster.host
        else {
            events.append(.warning(.protocolBroken(member: UInt8(number))))
            return
        }
        apply(next, departures, now: now)
    }

    /// Takes over a roster that was checked.
    mutating func apply(_ next: Roster, _ departures: [Departure], now: Instant) {
        // Whoever the same roster names is no departure, whatever is said of it.
        for departure in departures
        where departure.reason != .expired && next.number(of: departure.key) == nil {
            bury(departure.key)
        }
        for number in peers.numbers where next.number(of: peers[number].key) == nil {
            let departure = departures.first { $0.key == peers[number].key }
            if let departure, departure.reason != .expired {
                forget(number, departure.reason)
            } else {
                shelve(number, now: now)
            }
        }
        notePresence(of: next)
        let moves = peers.numbers.contains { next.number(of: peers[$0].key) != UInt8($0) }
        if moves { renumber(next) } else { roster = next }
        reviewWhisper()
        // Who is not named any more keeps nothing of what a host needs.
        if !isHost, next.successor != number { succession.supply = nil }
        isConfirmed = true
        for entry in next.entries where entry.key != keys.publicKey {
            // Who said goodbye to us is gone, also where the host does not know it yet.
            guard peers.number(of: entry.key) == nil, !tombstones.contains(entry.key) else {
                continue
            }
            addStranger(entry, version: next.version, now: now)
        }
        announceRoster(now: now)
    }

    /// Members have other numbers in a room that was two: people see who goes and who comes.
    private mutating func renumber(_ next: Roster) {
        birthday.cancel()
        var moved: [PublicKey] = []
        for number in peers.numbers where peers[number].isAnnounced {
            guard next.number(of: peers[number].key) != UInt8(number) else { continue }
            moved.append(peers[number].key)
            events.append(.member(member(number), .left))
        }
        peers.renumber { next.number(of: $0) ?? 0 }
        for number in peers.numbers { peers[number].rekey.namesChanged() }
        roster = next
        for key in moved {
            if let number = peers.number(of: key) {
                events.append(.member(member(number), .joined))
                showMarks(number)
            }
        }
    }

    // MARK: Comparing

    /// What a member knows of the roster. Somebody who knows more shows that the host's word to us
    /// is late; two different ones for one version show that the host tells us different things.
    mutating func compare(_ other: RosterSummary, from number: Int, now: Instant) {
        let own = roster.summary(of: room)
        noteFollower(number, other, now: now)
        // Two hosts of what was one room may use one term: what they show need not be the same.
        guard other.term == own.term, other.host == own.host else {
            // What our host told all when it made one room of two did not reach us.
            if number == Int(roster.host), other.host == own.host, other.term > own.term {
                askForRoster(now: now)
            }
            return
        }
        guard other.version == own.version else {
            if other.version > own.version, !isHost {
                // Who knows more says what, in case the host does not reach us.
                let asksMember = UInt8(number) != roster.host && now >= nextAsk
                askForRoster(now: now)
                if asksMember { send(.askRoster, to: number, now: now) }
            }
            return
        }
        guard other.digest != own.digest else {
            peers[number].agreedVersion = max(peers[number].agreedVersion, own.version)
            return
        }
        isDisputed = true
        peers[number].disputedVersion = own.version
        let isHosts = UInt8(number) == roster.host
        guard isHosts || peers[number].news.take(now: now) else { return }
        events.append(.warning(.rosterDisputed(member: UInt8(number))))
        if isHosts { return end(.protocolBroken) }
        send(.shown(roster), to: number, now: now)
    }

    /// The roster that a member was shown, where it is not ours: nothing more is sealed for those
    /// that only we were shown, as far as that member never agreed on them.
    mutating func takeShown(_ shown: Roster, from number: Int, now: Instant) {
        guard shown.term == roster.term, shown != roster else { return }
        // Rosters are the host's to make.
        guard !isHost else { return }
        if shown.version > roster.version, roster.version >= peers[number].refutedVersion,
            now >= peers[number].nextHint
        {
            // Only a hint, for the host decides: it stops our voice until the host was asked.
            peers[number].nextHint = now + RoomMachine.askInterval
            peers[number].hintedVersion = max(peers[number].hintedVersion, shown.version)
            notePresence(of: shown)
            askForRoster(now: now)
        }
        // Without the digest that makes a dispute of it, which is told, it says nothing.
        guard shown.version == roster.version,
            peers[number].disputedVersion == roster.version
        else { return }
        for other in peers.numbers where peers[other].enteredVersion > peers[number].agreedVersion {
            let entry = Roster.Entry(number: UInt8(other), key: peers[other].key)
            if other != number, !shown.entries.contains(entry) { peers[other].isDisputed = true }
        }
    }

    /// Who is in a roster: for others, except for the host, there is no voice.
    private mutating func notePresence(of shown: Roster) {
        for number in peers.numbers {
            peers[number].isAbsent =
                UInt8(number) != roster.host && shown.number(of: peers[number].key) == nil
        }
    }

    mutating func askForRoster(now: Instant) {
        let host = Int(roster.host)
        guard peers.contains(host), now >= nextAsk else { return }
        nextAsk = now + RoomMachine.askInterval
        send(.askRoster, to: host, now: now)
    }

    /// A member heard from another one that it missed something. What a host says counts; what
    /// another member says shows who may be gone.
    mutating func answerAsk(of number: Int, now: Instant) {
        guard peers[number].isMember, now >= peers[number].nextAnswer else { return }
        peers[number].nextAnswer = now + RoomMachine.askInterval
        guard isHost else { return _ = send(.shown(roster), to: number, now: now) }
        let isBehind = peers[number].statedTerm < roster.term
        send(
            isBehind ? .succession(.claim(roster, [])) : .roster(roster, []), to: number, now: now)
    }

    // MARK: For people

    func member(_ number: Int) -> RoomEvent.Member {
        RoomEvent.Member(
            number: UInt8(number), name: shownName(number), isHost: UInt8(number) == roster.host,
            isVerified: safety.verified.contains(peers[number].key))
    }

    /// What people see: of two with one name the later number stands behind it.
    func shownName(_ number: Int) -> DisplayText {
        let plain = peers[number].displayName
        var isTaken = UInt8(number) > self.number && plain == name
        for other in peers.numbers where other < number && peers[other].displayName == plain {
            isTaken = true
        }
        guard isTaken else { return plain }
        return DisplayText(message: "\(plain.text) (\(number))")
    }

    /// Shows a member to the person once its name is known, or is overdue.
    mutating func announce(_ number: Int, now: Instant) {
        guard peers[number].isMember, !peers[number].isAnnounced,
            peers[number].name != nil || now >= peers[number].since + RoomMachine.namePatience
        else { return }
        if hasJoined || isHost {
            peers[number].isAnnounced = true
            events.append(.member(member(number), .joined))
            showMarks(number)
            showPath(number, now: now)
        } else {
            announceJoin(now: now)
        }
    }

    /// We are in: said once the host's name is known, and the others', which may take longer.
    private mutating func announceJoin(now: Instant) {
        let host = Int(roster.host)
        guard peers.contains(host), peers[host].name != nil || isOverdue(host, now: now) else {
            return
        }
        let areNamed = peers.numbers.allSatisfy { peers[$0].name != nil }
        guard areNamed || now >= joinedAt + RoomMachine.joinPatience else { return }
        hasJoined = true
        for number in peers.numbers { peers[number].isAnnounced = true }
        events.append(.joined(number: number, members: peers.numbers.map { member($0) }))
        for number in peers.numbers {
            showMarks(number)
            showPath(number, now: now)
        }
    }

    /// What is shown beside the name of somebody who has just been told of.
    private mutating func showMarks(_ number: Int) {
        if peers[number].isRecording { showRecording(number, true) }
        if peers[number].isMuted ?? false {
            events.append(.muted(member: UInt8(number), on: true))
        }
    }

    mutating func showRecording(_ number: Int, _ on: Bool) {
        events.append(.recording(member: UInt8(number), on: on))
    }

    private func isOverdue(_ number: Int, now: Instant) -> Bool {
        now >= peers[number].since + RoomMachine.namePatience
    }

    private mutating func showPath(_ number: Int, now: Instant) {
        peers[number].nextReason = now
        noteChange(ofPath: number, now: now)
    }
}
