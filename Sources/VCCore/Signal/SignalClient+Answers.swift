/// What the answers of the server do to a `SignalClient`.
extension SignalClient {
    mutating func handle(
        _ answer: SignalAnswer, in datagram: RawSpan, from way: Int, now: Instant
    ) {
        switch answer {
        case .cookie(let cookie, let observed, let secondPort):
            self.secondPort = secondPort
            handleCookie(cookie, from: way, now: now)
            note(observed, from: way)
        case .lease(let status, let nameplate, _):
            handleLease(status, nameplate, now: now)
        case .kept(let status, let observed):
            if handleKept(status, now: now) { note(observed, from: way) }
        case .toHost(let mailbox, let sourceTag, let body):
            guard isHost, phase == .holding else { return }
            deliver(datagram, body, mailbox: mailbox, sourceTag: sourceTag)
        case .toJoiner(let run, let ticket, let body):
            guard !isHost, phase == .open, run == self.run else { return }
            if let ticket, ticket.memberKey == relayKey { tell(.ticket(ticket)) }
            deliver(datagram, body, mailbox: 0, sourceTag: 0)
        case .notice(let status, let subject):
            handleNotice(status, subject, now: now)
        case .relays(let relays):
            timers.answered(now)
            if relayInquiry.answered(relays, now: now) { tell(.relays(relays)) }
        case .ticket(let status, let member, let ticket):
            handleTicket(status, member, ticket, now: now)
        case .sight(let subject, let sighting):
            handleSight(subject, sighting, now: now)
        case .verified(let subject, let seal, let isTrue):
            handleVerified(subject, seal, isTrue: isTrue, now: now)
        case .leases(let bucket, let leases):
            handleLeases(bucket, leases, now: now)
        }
    }

    private mutating func handleCookie(_ cookie: Block16, from way: Int, now: Instant) {
        guard phase != .closed else { return }
        if phase == .greeting {
            isUnreachable = false
            told = nil
            use(way, cookie, now: now)
            enterAfterGreeting(now)
        } else if way == route {
            timers.answered(now)
            timers.gotCookie(now)
            let isNew = cookie != self.cookie
            self.cookie = cookie
            // What was sent with the old cookie was not heard.
            if isNew, timers.mayReact(now) { sayAgain(now) }
        } else if !routes.isTCP(way) {
            change(to: way, cookie, now: now)
        } else if let route, !routes.isTCP(route), timers.isSuspect(now) {
            change(to: way, cookie, now: now)
        }
    }

    private mutating func use(_ way: Int, _ cookie: Block16, now: Instant) {
        route = way
        self.cookie = cookie
        helloDue = 0
        timers.answered(now)
        timers.gotCookie(now)
        timers.serves(overTCP: routes.isTCP(way), now)
    }

    /// The same server answers over the other transport, and is to know that we are there.
    private mutating func change(to way: Int, _ cookie: Block16, now: Instant) {
        use(way, cookie, now: now)
        if phase == .holding { timers.startKeepalive(now) }
        sayAgain(now)
    }

    private mutating func sayAgain(_ now: Instant) {
        controlDue = isHost
        repeatLastLetter(now)
    }

    private mutating func enterAfterGreeting(_ now: Instant) {
        if !isHost {
            phase = .open
            // Relays are chosen by room.
            if nameplate != 0 { relayInquiry.start(now) }
        } else if hasLease {
            phase = .holding
            controlDue = true
            timers.startKeepalive(now)
            relayInquiry.start(now)
        } else {
            claim(now)
        }
    }

    private mutating func claim(_ now: Instant) {
        phase = .claiming
        hasLease = false
        controlDue = true
        timers.start(now)
    }

    private mutating func repeatLastLetter(_ now: Instant) {
        guard let last = lastLetter, now < last.time + .seconds(2) else { return }
        lastLetter = nil
        if letters.count < Self.maximumLetters { letters.insert(last, at: 0) }
    }

    private mutating func handleLease(
        _ status: SignalAnswer.LeaseStatus, _ nameplate: UInt32, now: Instant
    ) {
        guard isHost, phase == .claiming else { return }
        timers.answered(now)
        switch status {
        case .granted:
            let numbers =
                bucket == nil ? 1...SignalFormat.maximumNameplate : SignalFormat.tuneLeases
            guard numbers.contains(nameplate) else { return }
            phase = .holding
            hasLease = true
            self.nameplate = nameplate
            lastRefusal = nil
            controlDue = false
            timers.awaitKeepalive(now)
            relayInquiry.start(now)
            tell(.leased(nameplate: nameplate))
        case .nameplateTaken:
            guard self.nameplate != 0 else { return }
            self.nameplate = 0
            tell(.nameplateTaken)
            claim(now)
        case .full: refuse(.serverFull)
        case .rateLimited: refuse(.rateLimited)
        case .draining: refuse(.serverDraining)
        case .refused: refuse(.claimRefused)
        case .tokenNeeded: refuse(.tokenNeeded)
        }
    }

    /// - Returns: whether the lease goes on.
    private mutating func handleKept(
        _ status: SignalAnswer.KeptStatus, now: Instant
    ) -> Bool {
        guard isHost else { return false }
        timers.answered(now)
        switch status {
        case .kept:
            return true
        case .draining:
            refuse(.serverDraining)
            return true
        case .unknown:
            loseLease(now)
        case .released:
            if phase == .releasing { close() }
        }
        return false
    }

    private mutating func loseLease(_ now: Instant) {
        if phase == .releasing {
            close()
        } else if phase == .holding {
            tell(.leaseLost)
            claim(now)
        }
    }

    private mutating func handleTicket(
        _ status: SignalAnswer.TicketStatus, _ member: UInt8, _ ticket: Ticket?, now: Instant
    ) {
        guard isHost else { return }
        timers.answered(now)
        switch status {
        case .signed:
            if let ticket, ticketRequests.answered(ticket) { tell(.ticket(ticket)) }
        case .unknownLease: loseLease(now)
        case .noKey: ticketRequests.refused(member: member)
        }
    }

    private mutating func handleNotice(
        _ status: SignalAnswer.NoticeStatus, _ subject: UInt32, now: Instant
    ) {
        guard phase != .closed else { return }
        timers.answered(now)
        switch status {
        case .noSuchNameplate: if !isHost, subject == nameplate { tell(.noSuchRoom) }
        case .rateLimited: refuse(.rateLimited)
        case .mailboxClosed: tell(.mailboxClosed(mailbox: subject))
        case .busy: refuse(.serverFull)
        case .draining: refuse(.serverDraining)
        case .unsupportedVersion: refuse(.unsupportedVersion(subject))
        }
    }

    /// Tells a refusal, but not the same one again and again.
    private mutating func refuse(_ event: SignalEvent) {
        guard event != lastRefusal else { return }
        lastRefusal = event
        tell(event)
    }

    /// Tells where the server is and where it sees us, when that is news. What comes over TCP is
    /// the address of the connection, which nobody else can use.
    private mutating func note(_ observed: Endpoint, from way: Int) {
        guard way == route, let server else { return }
        let observed = routes.isTCP(way) ? nil : observed
        if let told, told.server == server, told.observed == observed { return }
        told = (server, observed)
        tell(.reachable(server: server, observed: observed, secondPort: secondPort))
    }

    private mutating func deliver(
        _ datagram: RawSpan, _ body: Range<Int>, mailbox: UInt32, sourceTag: UInt64
    ) {
        let bytes = unsafe datagram.extracting(body).withUnsafeBytes { unsafe Array($0) }
        tell(.message(mailbox: mailbox, sourceTag: sourceTag, body: bytes))
    }
}
