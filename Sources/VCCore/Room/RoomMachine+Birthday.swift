// Many ports against a NAT that gives each destination another one: whom to try it with, and what
// the machine of it asks for.
extension RoomMachine {
    private enum BirthdayRole {
        /// Our NAT keeps one port, the other one does not.
        case asks
        /// The other way round.
        case opens
    }

    /// The sockets beside the main one that are needed now. A shell opens those that it lacks
    /// before it takes datagrams from `pollTransmit`, and closes the others.
    public var socketsNeeded: SocketSet {
        var set = birthday.sockets
        var number = 1
        while number <= Limits.members {
            if peers.contains(number) { peers[number].path.addSockets(to: &set) }
            number += 1
        }
        return set
    }

    mutating func driveBirthday(now: Instant) {
        if let number = birthday.peer, phase != .inRoom || role(with: number) == nil {
            birthday.cancel()
        }
        birthday.handleTimeout(now: now)
        performBirthday(now: now)
        if birthday.peer == nil {
            beginBirthday(now: now)
            performBirthday(now: now)
        }
        guard let number = birthday.peer, peers[number].slots.canSeal(at: now) else { return }
        while outbox.count < TransmitQueue.capacity / 2, let probe = birthday.nextProbe(now: now) {
            seal(to: number, on: .direct(probe.endpoint), hops: probe.hops ?? 0, now: now) {
                SealedKind.writePing(probe.transaction, flags: 0, into: &$0)
            }
        }
    }

    /// When `driveBirthday` may have somebody to begin with.
    func birthdayTimeout(_ number: Int) -> Instant? {
        guard birthday.peer == nil, role(with: number) == .asks else { return nil }
        return birthdayStart(number)
    }

    /// An authentic packet came straight from a member. Returns whether that is thanks to one of
    /// the many ports.
    mutating func noteBirthday(_ number: Int, at endpoint: Endpoint, now: Instant) -> Bool {
        let isHit = birthday.heard(from: number, at: endpoint)
        if isHit { wake(now) }
        return isHit
    }

    /// A member asks us to open our ports for it.
    mutating func takeBirthdayOffer(_ offered: Sighting, from number: Int, now: Instant) {
        guard role(with: number) == .opens, now >= peers[number].birthday.next else { return }
        // Two hops open our NAT and harm nothing behind it. Where there is another NAT of a
        // provider's, they do not reach that one: then the next attempt does.
        let hops = peers[number].birthday.attempts % 2 == 0 ? Path.openingHops : nil
        birthday.takeOffer(
            offered, from: number, subjects: subjects(with: number), hops: hops, random: &random,
            now: now)
        wake(now)
    }

    private mutating func beginBirthday(now: Instant) {
        let next = peers.numbers.first {
            guard role(with: $0) == .asks, let start = birthdayStart($0) else { return false }
            return now >= start
        }
        guard let next else { return }
        birthday.begin(
            with: next, subjects: subjects(with: next), random: &random, now: now)
    }

    private mutating func performBirthday(now: Instant) {
        while let (action, number) = birthday.pollAction() {
            switch action {
            case .requestSight(let subject): signal.requestSight(subject: subject, now: now)
            case .verify(let sighting, let subject):
                signal.verify(sighting, subject: subject, now: now)
            case .offer(let sighting):
                if peers.contains(number) { send(.birthdayOffer(sighting), to: number, now: now) }
            case .accept(let sighting):
                if peers.contains(number) { send(.birthdayAccept(sighting), to: number, now: now) }
            case .began:
                if peers.contains(number) { peers[number].birthday.begin(now: now) }
            case .ended(let outcome):
                if peers.contains(number) { peers[number].birthday.end(outcome, now: now) }
            }
            if peers.contains(number) { peers[number].nextReason = now }
        }
    }

    /// What a member and we are to each other: nil where many ports are of no use, where one of us
    /// does not want that, or only wants to meet others in some networks (who asks does not know
    /// which address it will be), or where the relay does not carry the call.
    private func role(with number: Int) -> BirthdayRole? {
        guard phase == .inRoom, configuration.rungs.allowsDirect,
            configuration.rungs.allowsBirthday, configuration.rungs.allowed == nil,
            peers.contains(number), peers[number].isMember,
            peers[number].path.relayedSince != nil, !peers[number].path.hasDirect
        else { return nil }
        switch (ownMapping, peers[number].mapping) {
        case (.independent, .dependent): return .asks
        case (.dependent, .independent): return .opens
        default: return nil
        }
    }

    /// After the relay has carried the call for a while, and everything else was tried.
    private func birthdayStart(_ number: Int) -> Instant? {
        guard let since = peers[number].path.relayedSince else { return nil }
        let tried = peers[number].since + PathReason.trial
        return max(max(since + BirthdayMachine.relayedFor, tried), peers[number].birthday.next)
    }

    private func subjects(with number: Int) -> BirthdayMachine.Subjects {
        BirthdayMachine.Subjects(
            own: Sighting.subject(room: room, of: keys.publicKey, for: peers[number].key),
            peer: Sighting.subject(room: room, of: peers[number].key, for: keys.publicKey))
    }
}
