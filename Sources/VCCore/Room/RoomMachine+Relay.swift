// Relays: tickets, bindings, and when TCP is needed.
extension RoomMachine {
    /// No UDP for this long, and TCP is tried.
    static let udpPatience = Duration.seconds(2)
    /// Host: tickets are asked for again at half their life.
    static let ticketInterval = Duration.seconds(Int64(Ticket.lifetimeSeconds / 2))

    mutating func driveRelays(now: Instant) {
        mapping.handleTimeout(now: now)
        guard configuration.rungs.allowsRelay else { return }
        relays.handleTimeout(key: relayKey, random: &random, now: now)
        handleRelayEvents(now: now)
        relays.setUsesTCP(needsTCP(now: now), key: relayKey, random: &random, now: now)
        if isHost, now >= nextTickets {
            nextTickets = now + RoomMachine.ticketInterval
            requestTickets(now: now)
        }
    }

    mutating func handleRelayEvents(now: Instant) {
        noteForwarders(now: now)
        while let event = relays.pollEvent() {
            switch event {
            case .bound(let endpoint):
                for number in peers.numbers { peers[number].path.addRelay(endpoint, now: now) }
            case .gone(let endpoint):
                for number in peers.numbers { peers[number].path.removeRelay(endpoint, now: now) }
            case .draining(let endpoint):
                for number in peers.numbers {
                    peers[number].path.setDraining(endpoint, now: now)
                }
            case .refused(let notice): events.append(.warning(.relayRefused(notice)))
            }
            wake(now)
        }
    }

    /// TCP is for networks that let no UDP pass: nothing answers over UDP, neither the server nor a
    /// relay nor a member.
    private func needsTCP(now: Instant) -> Bool {
        guard !relays.isEmpty, relays.hasTicket, phase == .inRoom else { return false }
        // While somebody is silent, relays are asked all the time.
        let relaysAnswer = now < relays.lastUDPAnswer + RoomMachine.udpPatience
        if relays.usesTCP { return relays.hasTCP }
        return !relaysAnswer && (signal.isOverTCP || peersAreSilent(now: now))
    }

    /// Whether there are members, and none is heard.
    private func peersAreSilent(now: Instant) -> Bool {
        var isSilent = false
        for number in peers.numbers {
            let quiet = peers[number].quietSince(now: now)
            guard quiet + RoomMachine.udpPatience <= now else { return false }
            isSilent = true
        }
        return isSilent
    }

    /// A relayed datagram: for us, by the session that we are bound under.
    @unsafe mutating func receiveRelayed(
        _ datagram: UnsafeMutableRawBufferPointer, from source: Endpoint, now: Instant
    ) -> VoiceArrival? {
        let header = RelayFormat.dataOverhead
        guard datagram.count > header, let session = relays.session(at: source),
            unsafe UInt64(
                bigEndian: datagram.loadUnaligned(fromByteOffset: 1, as: UInt64.self)) == session
        else {
            counters.unknown += 1
            return nil
        }
        let sender = unsafe datagram[9]
        let inner = unsafe UnsafeMutableRawBufferPointer(rebasing: datagram[header...])
        guard unsafe inner[0] == PacketType.sealed || inner[0] == PacketType.handshake else {
            counters.unknown += 1
            return nil
        }
        return unsafe receiveFromMember(
            inner, on: .relay(source), sentBy: Int(sender), now: now)
    }

    // MARK: Tickets

    /// Host: a ticket for itself and for each member whose key it knows.
    private mutating func requestTickets(now: Instant) {
        requestTicket(for: number, relayKey.verifyKey, now: now)
        for number in peers.numbers {
            guard let key = peers[number].relayKey else { continue }
            requestTicket(for: UInt8(number), key, now: now)
        }
    }

    private mutating func requestTicket(for member: UInt8, _ key: VerifyKey, now: Instant) {
        signal.requestTicket(
            SignalRequest.Grant(member: member, generation: ticketGeneration), key: key, now: now)
    }

    /// The nameplate is ours: with it come tickets.
    mutating func beginTickets(now: Instant) {
        guard configuration.rungs.allowsRelay else { return }
        nextTickets = now
        wake(now)
    }

    /// A ticket from vc-signal: ours, or one that a member waits for.
    mutating func takeTicket(_ ticket: Ticket, now: Instant) {
        guard configuration.rungs.allowsRelay else { return }
        let member = Int(ticket.member)
        if ticket.memberKey == relayKey.verifyKey {
            relays.setTicket(ticket, key: relayKey, now: now)
        } else if isHost, peers.contains(member), peers[member].relayKey == ticket.memberKey {
            send(.ticket(ticket), to: member, now: now)
        }
        wake(now)
    }

    // MARK: Why

    /// Why the call to a member goes where it goes.
    func reason(of route: Route, to number: Int, now: Instant) -> String {
        PathReason(
            route: route, policy: configuration.rungs, local: local, ownMapping: ownMapping,
            peerMapping: peers[number].mapping, peerHides: peers[number].hidesAddresses,
            isFiltered: peers[number].isFiltered,
            hasTried: now >= peers[number].since + PathReason.trial,
            directFailed: peers[number].path.hasFailedDirect, host: hostName,
            birthday: peers[number].birthday.standing
        ).sentence
    }

    private var hostName: DisplayText {
        let host = Int(roster.host)
        return peers.contains(host) ? peers[host].displayName : name
    }

    /// How our NAT maps, for the others.
    var ownMapping: NATMapping { signal.isOverTCP ? .blocked : mapping.mapping }
}
