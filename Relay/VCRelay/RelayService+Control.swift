public import VCCore

/// What each request of protocol 0xC1 does.
extension RelayService {
    /// Who sent a message, and what its answer has to repeat.
    struct Sender {
        let endpoint: Endpoint
        let transaction: UInt64
    }

    /// Takes a datagram of any protocol but 0xC2.
    ///
    /// - Parameter unixSeconds: the wall clock, which tickets end by.
    public mutating func handle(
        _ datagram: RawSpan, from source: Endpoint, now: Instant, unixSeconds: UInt64
    ) {
        counters.received += 1
        counters.receivedBytes += UInt64(datagram.byteCount)
        do throws(DecodeError) {
            let (header, request) = try RelayRequest.decode(datagram)
            let sender = Sender(endpoint: source, transaction: header.transaction)
            switch request {
            case .bind: challenge(sender, now: now)
            case .answer(let answer): bind(answer, sender, now: now, unixSeconds: unixSeconds)
            case .keepalive(let session): keep(session, sender, now: now)
            case .unbind(let session): unbind(session, sender, now: now)
            }
        } catch {
            handleUnreadable(datagram, error, from: source, now: now)
        }
    }

    // MARK: Without state

    /// A message of another version is told so, if it is no answer itself.
    private mutating func handleUnreadable(
        _ datagram: RawSpan, _ error: DecodeError, from source: Endpoint, now: Instant
    ) {
        counters.malformed += 1
        guard error == .unsupportedVersion, datagram.byteCount >= RelayFormat.noticeSize else {
            return
        }
        var reader = ByteReader(datagram)
        do throws(DecodeError) {
            let header = try RelayHeader(from: &reader)
            guard header.isRequest else { return }
            notice(
                .unsupportedVersion,
                to: Sender(endpoint: source, transaction: header.transaction), now: now)
        } catch {
            return
        }
    }

    private mutating func challenge(_ sender: Sender, now: Instant) {
        guard statelessAnswers.take(limits.statelessAnswers, now: now) else {
            counters.rateLimited += 1
            return
        }
        let challenge = RelayAnswer.Challenge(
            cookie: cookie(of: sender.endpoint, slot: slot(now)), observed: sender.endpoint,
            tcpPort: tcpPort, isDraining: isDraining)
        send(to: sender.endpoint) {
            RelayAnswer.writeChallenge(
                transaction: sender.transaction, challenge, into: &$0)
        }
    }

    /// Every request is at least as long as this.
    private mutating func notice(
        _ notice: RelayAnswer.Notice, to sender: Sender, now: Instant
    ) {
        guard statelessAnswers.take(limits.statelessAnswers, now: now) else {
            counters.rateLimited += 1
            return
        }
        send(to: sender.endpoint) {
            RelayAnswer.writeNotice(transaction: sender.transaction, notice, into: &$0)
        }
    }

    // MARK: Cookies

    /// The cookie of an address in a slot of time. The slot is hashed with the address, so a cookie
    /// ends with its time although the key stays.
    private func cookie(of endpoint: Endpoint, slot: UInt64) -> Block16 {
        let path = UInt64(endpoint.transport.rawValue) << 48 | UInt64(endpoint.port) << 32
        return cookieHash.hash(
            endpoint.high, endpoint.low, path | UInt64(endpoint.scope), slot)
    }

    private func slot(_ now: Instant) -> UInt64 {
        now.nanoseconds / UInt64(RelayLimits.cookieSlot.wholeNanoseconds)
    }

    private func holds(_ shown: Block16, _ source: Endpoint, now: Instant) -> Bool {
        let slot = slot(now)
        return cookie(of: source, slot: slot).matches(shown)
            || slot > 0 && cookie(of: source, slot: slot - 1).matches(shown)
    }

    // MARK: Binding

    private mutating func bind(
        _ answer: RelayBindAnswer, _ sender: Sender, now: Instant, unixSeconds: UInt64
    ) {
        if let refusal = refusal(of: answer, sender.endpoint, now: now, unixSeconds: unixSeconds) {
            return refuse(refusal, sender, now: now)
        }
        let expiry = expiry(of: answer.ticket, now: now, unixSeconds: unixSeconds)
        switch session(for: answer.ticket, at: sender.endpoint, expiry: expiry, now: now) {
        case .refused(let refusal): refuse(refusal, sender, now: now)
        case .session(let id):
            let idle = UInt16(RelayLimits.idleTime.components.seconds)
            send(to: sender.endpoint) {
                RelayAnswer.writeBound(
                    transaction: sender.transaction, session: id, idleSeconds: idle, into: &$0)
            }
        }
    }

    private mutating func refuse(
        _ refusal: RelayAnswer.Notice, _ sender: Sender, now: Instant
    ) {
        counters.refused += 1
        tell(.refused(refusal, client: sender.endpoint))
        notice(refusal, to: sender, now: now)
    }

    /// What is wrong with an ANSWER by itself: first what costs little to see.
    private mutating func refusal(
        of answer: RelayBindAnswer, _ source: Endpoint, now: Instant, unixSeconds: UInt64
    ) -> RelayAnswer.Notice? {
        guard holds(answer.cookie, source, now: now), answer.own.hasSameAddress(as: source),
            answer.own.port == source.port
        else { return .bindAgain }
        guard !isDraining else { return .draining }
        let prefix = SourcePrefix(source: source)
        guard bindingsPerSource.take(hash(of: prefix, purpose: .bindings), now: now),
            bindings.take(limits.bindings, now: now)
        else { return .rateLimited }
        do throws(Ticket.Refusal) {
            try answer.ticket.check(against: keys, unixSeconds: unixSeconds)
        } catch {
            return error == .expired ? .ticketExpired : .ticketRefused
        }
        guard answer.isProven else { return .ticketRefused }
        guard accepts(answer.relay, over: source.transport) else {
            // What a stranger says is written down nowhere.
            tell(.unknownAddress(answer.relay))
            return .ticketRefused
        }
        return nil
    }

    /// Whether the relay is at this address: else somebody else has asked the client to sign that,
    /// and brings the proof here.
    private func accepts(_ relay: Endpoint, over transport: Transport) -> Bool {
        let plain = relay.withoutTranslation
        return addresses.contains { own in
            own.hasSameAddress(as: plain) && own.transport == transport
                && (own.port == relay.port || own.port == 0)
        }
    }

    /// When the time of a ticket that holds is over, on the time line.
    private func expiry(of ticket: Ticket, now: Instant, unixSeconds: UInt64) -> UInt64 {
        let tolerance = Ticket.clockTolerance
        // A ticket of a century counts as one of a day, so that nothing overflows.
        let seconds =
            ticket.expiry >= unixSeconds
            ? tolerance + min(ticket.expiry - unixSeconds, Ticket.lifetimeSeconds + tolerance)
            : tolerance - min(tolerance, unixSeconds - ticket.expiry)
        return now.nanoseconds + seconds * 1_000_000_000
    }

    private enum Binding {
        case session(UInt64)
        case refused(RelayAnswer.Notice)
    }

    /// The session of a member whose ticket holds: the old one if it is at the same address.
    private mutating func session(
        for ticket: Ticket, at source: Endpoint, expiry: UInt64, now: Instant
    ) -> Binding {
        guard let room = room(of: ticket, now: now) else { return .refused(.full) }
        guard ticket.generation >= rooms[room].floor else { return .refused(.ticketRefused) }
        let old = rooms.session(of: Int(ticket.member), in: room)
        if let old {
            let isSame = sessions[old].memberKey == ticket.memberKey
            guard isSame || ticket.generation > sessions[old].generation else {
                return .refused(.ticketRefused)
            }
            if isSame, sessions[old].endpoint == source {
                return .session(refresh(old, ticket, expiry: expiry, now: now))
            }
        } else if sessions.count >= limits.sessions {
            return .refused(.full)
        }
        guard rooms[room].countBinding(Int(ticket.member), now: now.nanoseconds) else {
            return .refused(.rateLimited)
        }
        if let old { end(old, .replaced, now: now) }
        return .session(begin(ticket, in: room, at: source, expiry: expiry, now: now))
    }

    private mutating func refresh(
        _ slot: Int, _ ticket: Ticket, expiry: UInt64, now: Instant
    ) -> UInt64 {
        sessions[slot].generation = max(ticket.generation, sessions[slot].generation)
        sessions[slot].expiry = max(expiry, sessions[slot].expiry)
        sessions.hear(slot, now: now.nanoseconds)
        show(ticket.generation, in: Int(sessions[slot].room), now: now)
        return sessions[slot].id
    }

    private mutating func begin(
        _ ticket: Ticket, in room: Int, at source: Endpoint, expiry: UInt64, now: Instant
    ) -> UInt64 {
        let id = sessions.drawID(&random)
        let slot = sessions.insert(
            RelaySession(
                id: id, endpoint: source, room: Int32(room), member: ticket.member,
                generation: ticket.generation, lastHeard: now.nanoseconds, expiry: expiry,
                memberKey: ticket.memberKey))
        rooms[room].members[Int(ticket.member) - 1] = Int32(slot)
        rooms[room].count += 1
        show(ticket.generation, in: room, now: now)
        counters.bound += 1
        tell(.bound(member: ticket.member, client: source))
        return id
    }

    private mutating func room(of ticket: Ticket, now: Instant) -> Int? {
        if let slot = rooms.slot(of: ticket.roomID) { return slot }
        guard rooms.count < limits.sessions, sessions.count < limits.sessions else { return nil }
        var room = RelayRoom(id: ticket.roomID, generation: ticket.generation)
        room.emptySince = now.nanoseconds
        return rooms.insert(room)
    }

    private mutating func show(_ generation: UInt32, in room: Int, now: Instant) {
        rooms[room].show(generation, now: now.nanoseconds)
        nextRaise = min(nextRaise, Instant(nanoseconds: rooms[room].raise))
    }

    // MARK: Sessions

    /// The place of a session, if it is at this address.
    private func slot(of session: UInt64, at source: Endpoint) -> Int? {
        guard let slot = sessions.slot(of: session), sessions[slot].endpoint == source else {
            return nil
        }
        return slot
    }

    private mutating func keep(_ session: UInt64, _ sender: Sender, now: Instant) {
        guard let slot = slot(of: session, at: sender.endpoint) else {
            return notice(.bindAgain, to: sender, now: now)
        }
        sessions.hear(slot, now: now.nanoseconds)
        let isDraining = isDraining
        send(to: sender.endpoint) {
            RelayAnswer.writeKept(
                transaction: sender.transaction, session: session, isDraining: isDraining,
                into: &$0)
        }
    }

    /// Afterwards the session is not known: which is the answer, also to a repeated one.
    private mutating func unbind(_ session: UInt64, _ sender: Sender, now: Instant) {
        if let slot = slot(of: session, at: sender.endpoint) { end(slot, .unbound, now: now) }
        notice(.bindAgain, to: sender, now: now)
    }
}
