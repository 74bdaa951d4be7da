// What the person does, and what the others say to it.
extension RoomMachine {
    /// Tells the others what we are called now.
    public mutating func setName(_ name: DisplayText, now: Instant) {
        guard !name.isEmpty else { return }
        self.name = name
        for number in peers.numbers where peers[number].isMember && peers[number].hasMet {
            send(.name(Array(name.text.utf8)), to: number, now: now)
        }
    }

    /// Tells the others whether our microphone is closed.
    public mutating func setMuted(_ on: Bool, now: Instant) {
        guard on != isMuted else { return }
        isMuted = on
        for number in peers.numbers where peers[number].isMember && peers[number].hasMet {
            send(.muted(on), to: number, now: now)
        }
    }

    /// Tells the others, and everybody who comes, whether we record what we hear.
    public mutating func setRecording(_ on: Bool, now: Instant) {
        guard on != isRecording else { return }
        isRecording = on
        for number in peers.numbers where peers[number].isMember && peers[number].hasMet {
            send(.recording(on), to: number, now: now)
        }
    }

    /// Sends how a member's voice arrives.
    public mutating func sendReport(_ report: ReceiverReport, to member: UInt8, now: Instant) {
        guard phase == .inRoom, peers.contains(Int(member)), peers[Int(member)].isMember,
            peers[Int(member)].path.selected != nil
        else { return }
        seal(to: Int(member), now: now) { report.encode(into: &$0) }
    }

    /// What is known about a member's connection, for `stats`.
    public func connection(of member: UInt8) -> MemberConnection? {
        let number = Int(member)
        guard peers.contains(number), peers[number].isMember else { return nil }
        return MemberConnection(
            number: member, name: shownName(number), isHost: member == roster.host,
            isLost: peers[number].isLost, roundTrip: peers[number].path.roundTrip,
            route: peers[number].path.selected,
            voiceFramesSent: peers[number].voiceFramesSent, report: peers[number].report,
            thrift: peers[number].loss.thrift)
    }

    // MARK: Leaving

    /// Says goodbye; `.ended(.left)` follows within half a second. Of a host another member takes
    /// the place, unless `endRoom` says that the room is over.
    public mutating func leave(now: Instant) {
        guard phase != .leaving, phase != .ended else { return }
        if isHost, let heir { sendSupply(to: heir, now: now) }
        for number in peers.numbers where !peers[number].isMember || !peers[number].hasMet {
            peers.remove(number)
        }
        phase = .leaving
        search = nil
        door = nil
        nextLeave = now
        if isHost {
            // Who takes our place finds the nameplate free for its token.
            let hasHeir = leaveNotice.heir != nil
            hasHeir ? signal.yield(now: now) : signal.release(now: now)
            for invite in invites {
                hasHeir ? invite.handOver(now: now) : invite.withdraw(now: now)
            }
        }
        wake(now)
    }

    mutating func driveLeave(now: Instant) {
        guard phase == .leaving else { return }
        let isDone = peers.count == 0 && invites.isEmpty && (!isHost || signal.isClosed)
        let notice = leaveNotice
        if isDone || (now >= nextLeave && leaveCount == RoomMachine.maximumLeaves) {
            // Else relays would keep our places for five minutes.
            relays.unbind(now: now)
            return end(endReason)
        }
        guard now >= nextLeave else { return }
        leaveCount += 1
        nextLeave = now + RoomMachine.leaveInterval
        for number in peers.numbers where number != heir || mayGoTo(heir: number) {
            seal(to: number, now: now) { notice.encode(into: &$0) }
        }
    }

    /// Who takes our place as host, if anybody does.
    private var heir: Int? {
        leaveNotice.heir.flatMap { peers.number(of: $0.key) }
    }

    /// Who takes our place hears that we go once it has what changed just now; that may be lost,
    /// too, and is not waited for to the end.
    private func mayGoTo(heir number: Int) -> Bool {
        succession.isSupplied || leaveCount > RoomMachine.supplyLeaves || !peers[number].hasMet
    }

    private mutating func handle(
        _ message: SuccessionMessage, from number: Int, now: Instant
    ) {
        switch message {
        case .supply(let supply): takeSupply(supply, from: number, now: now)
        case .supplied(let counter):
            if isHost, counter == succession.supplyCounter { succession.isSupplied = true }
        case .claim(let roster, let departures):
            takeClaim(roster, departures, from: number, now: now)
        case .meetingPlace(let nameplate): takeMeetingPlace(nameplate, from: number, now: now)
        case .hosting(let statement): takeStatement(statement, from: number, now: now)
        case .surrender(let statement): takeSurrender(statement, from: number, now: now)
        case .handOver(let roster, let departures):
            takeHandOver(roster, departures, from: number, now: now)
        case .passed(let key, let message):
            takePassed(message, to: key, from: number, now: now)
        case .unnamed(let keys): takeUnnamed(keys, from: number, now: now)
        }
    }

    /// The room is over: what lets anybody in or reads anything goes now, our own keys with the
    /// machine.
    mutating func end(_ reason: EndReason) {
        guard phase != .ended else { return }
        dropHeldChat()
        clearShelf(now: .zero, all: true)
        for number in peers.numbers {
            endChat(of: peers[number].stream, number)
            peers.remove(number)
        }
        phase = .ended
        moving = nil
        tune?.settle()
        door = nil
        invites = []
        joiner = nil
        search = nil
        code = nil
        succession = SuccessionState()
        events.append(.ended(reason))
    }

    // MARK: The stream

    mutating func drainDelivered(_ number: Int) {
        while let id = peers[number].stream.pollDelivered() {
            guard id != 0 else { continue }
            events.append(.delivery(id: id, member: UInt8(number), isDelivered: true))
        }
    }

    mutating func drainStream(_ number: Int, now: Instant) {
        var isMalformed = false
        guard peers.contains(number) else { return }
        // A message may give it another number.
        let key = peers[number].key
        while let number = peers.number(of: key), let bytes = peers[number].stream.pollMessage() {
            do throws(DecodeError) {
                guard let message = unsafe try StreamMessage.decode(bytes.span.bytes) else {
                    continue
                }
                handle(message, from: number, now: now)
            } catch {
                // What stands behind it is delivered all the same.
                isMalformed = true
            }
        }
        if isMalformed { counters.malformed += 1 }
    }

    private mutating func handle(_ message: StreamMessage, from number: Int, now: Instant) {
        switch message {
        case .chat(let id, let text): showChat(text, id: id, from: number, to: nil, now: now)
        case .whisper(let message):
            showChat(
                message.text, id: message.id, from: number, to: message.members, now: now)
        case .name(let bytes):
            let name = unsafe DisplayText(name: bytes.span.bytes)
            guard !name.isEmpty, name != peers[number].name,
                peers[number].news.take(now: now)
            else { return }
            peers[number].name = name
            if peers[number].isAnnounced { events.append(.renamed(member(number))) }
            announce(number, now: now)
        case .muted(let on):
            guard on != peers[number].isMuted, peers[number].news.take(now: now) else { return }
            peers[number].isMuted = on
            // Who is told of with it is told of as it is.
            guard peers[number].isAnnounced else { return announce(number, now: now) }
            events.append(.muted(member: UInt8(number), on: on))
        case .recording(let on):
            guard on != peers[number].isRecording, peers[number].news.take(now: now) else {
                return
            }
            announce(number, now: now)
            peers[number].isRecording = on
            if peers[number].isAnnounced { showRecording(number, on) }
        case .candidates(let offered, let mapping):
            peers[number].mapping = mapping
            if peers[number].news.take(now: now) {
                peers[number].nextReason = min(peers[number].nextReason, now)
            }
            takeCandidates(offered, of: number, lead: PathMachine.openingLead, now: now)
        case .relayKey(let key):
            peers[number].relayKey = key
        case .ticket(let ticket):
            guard UInt8(number) == roster.host else { return }
            takeTicket(ticket, now: now)
        case .birthdayOffer(let sighting): takeBirthdayOffer(sighting, from: number, now: now)
        case .birthdayAccept(let sighting):
            birthday.takeAccept(sighting, from: number, now: now)
        case .knows(let summary): compare(summary, from: number, now: now)
        case .roster(let next, let departures):
            accept(next, departures, from: number, now: now)
        case .succession(let message): handle(message, from: number, now: now)
        case .askRoster: answerAsk(of: number, now: now)
        case .carry(let key, let datagram):
            takeCarry(datagram, to: key, from: number, now: now)
        case .carried(let key, let datagram):
            takeCarried(datagram, from: key, by: number, now: now)
        case .shown(let shown): takeShown(shown, from: number, now: now)
        case .safetyCommitment(let commitment):
            takeSafety(.commitment(commitment), from: number, now: now)
        case .safetyReveal(let reveal): takeSafety(.reveal(reveal), from: number, now: now)
        case .tuneMoved(let lease): takeMoved(lease, from: number, now: now)
        }
    }
}

/// A member's connection as it stands.
public struct MemberConnection: Sendable {
    public let number: UInt8
    public let name: DisplayText
    public let isHost: Bool
    public let isLost: Bool
    /// Smoothed round trip of the path in use.
    public let roundTrip: Duration?
    /// The way that packets to it take.
    public let route: Route?
    /// Voice frames sealed for it.
    public let voiceFramesSent: UInt64
    /// What it last said about our voice.
    public let report: ReceiverReport?
    /// How far the encoder should save for its sake: 0 to `LossControl.mostThrift`.
    public let thrift: Int
}
