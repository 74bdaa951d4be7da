internal import VCCore

/// What each request of protocol 0xC0 does.
extension SignalService {
    mutating func handle(
        _ request: SignalRequest, _ sender: Sender, in datagram: RawSpan, now: Instant
    ) {
        switch request {
        case .hello:
            sendCookie(to: sender, now: now)
        case .claim(let cookie, let roomID, let token, let wanted, let proof):
            guard admits(cookie, sender, now: now) else { return }
            let isTrusted = isTrusted(proof, cookie, roomID, datagram.extracting(token))
            claim(hash(token, datagram), roomID, wanted, isTrusted, sender, now: now)
        case .keepalive(let cookie, let token):
            guard admits(cookie, sender, now: now) else { return }
            keep(hash(token, datagram), sender, now: now)
        case .release(let cookie, let token):
            guard admits(cookie, sender, now: now) else { return }
            release(hash(token, datagram), sender, now: now)
        case .post(let cookie, let nameplate, let run, let relayKey, let body):
            guard admits(cookie, sender, now: now) else { return }
            post(
                datagram.extracting(body), nameplate, run, relayKey, sender, now: now)
        case .reply(let cookie, let token, let mailbox, let grant, let body):
            guard admits(cookie, sender, now: now) else { return }
            reply(
                datagram.extracting(body), mailbox, grant, hash(token, datagram), sender, now: now)
        case .relays(let cookie, let nameplate):
            guard admits(cookie, sender, now: now) else { return }
            answerRelays(nameplate, sender, now: now)
        case .ticket(let cookie, let token, let grant, let relayKey):
            guard admits(cookie, sender, now: now) else { return }
            answerTicket(grant, relayKey, hash(token, datagram), sender, now: now)
        case .sight(let cookie, let subject):
            guard admits(cookie, sender, now: now) else { return }
            answerSight(subject, sender, now: now)
        case .verify(let cookie, let subject, let sighting):
            guard admits(cookie, sender, now: now) else { return }
            answerVerify(subject, sighting, sender, now: now)
        case .tuneClaim(let cookie, let roomID, let token, let bucket, let wanted, let proof):
            guard admits(cookie, sender, now: now) else { return }
            let isTrusted = isTrusted(proof, cookie, roomID, datagram.extracting(token))
            tuneClaim(
                hash(token, datagram), roomID, bucket, wanted, isTrusted, sender, now: now)
        case .tuneList(let cookie, let bucket):
            guard admits(cookie, sender, now: now) else { return }
            tuneList(bucket, sender, now: now)
        }
    }

    private func isTrusted(
        _ proof: Block16, _ cookie: Block16, _ roomID: Block16, _ token: RawSpan
    ) -> Bool {
        hostToken?.accepts(proof, cookie: cookie, roomID: roomID, claimToken: token) ?? true
    }

    // MARK: Cookies

    /// The cookie of an address in a slot of time. The slot is hashed with the address, so a cookie
    /// ends with its time although the key stays.
    private func cookie(of endpoint: Endpoint, slot: UInt64) -> Block16 {
        cookieHash.hash(
            endpoint.high, endpoint.low, UInt64(endpoint.port) << 32 | UInt64(endpoint.scope),
            slot << 1 | UInt64(endpoint.transport.rawValue))
    }

    func slot(_ now: Instant) -> UInt64 {
        now.nanoseconds / UInt64(SignalLimits.cookieSlot.wholeNanoseconds)
    }

    private mutating func sendCookie(to sender: Sender, now: Instant) {
        guard statelessAnswers.take(limits.statelessAnswers, now: now) else {
            counters.rateLimited += 1
            return
        }
        counters.cookies += 1
        let cookie = cookie(of: sender.endpoint, slot: slot(now))
        let secondPort = secondPort
        answer(sender) {
            SignalAnswer.writeCookie(
                transaction: sender.transaction, cookie: cookie, observed: sender.endpoint,
                secondPort: secondPort, into: &$0)
        }
    }

    /// Whether the sender receives at its address, and is within its rate. If the cookie does not
    /// hold a new one is the answer.
    private mutating func admits(
        _ shown: Block16, _ sender: Sender, now: Instant
    ) -> Bool {
        let slot = slot(now)
        let holds =
            cookie(of: sender.endpoint, slot: slot).matches(shown)
            || slot > 0 && cookie(of: sender.endpoint, slot: slot - 1).matches(shown)
        guard holds else {
            counters.badCookies += 1
            sendCookie(to: sender, now: now)
            return false
        }
        let source = hash(of: SourcePrefix(source: sender.endpoint), purpose: .messages)
        guard messagesPerSource.take(source, now: now) else {
            counters.rateLimited += 1
            return false
        }
        return true
    }

    private func hash(_ token: Range<Int>, _ datagram: RawSpan) -> Block16 {
        tokenHash.hash(datagram.extracting(token))
    }

    // MARK: Leases

    private mutating func claim(
        _ token: Block16, _ roomID: Block16, _ wanted: UInt32, _ isTrusted: Bool,
        _ sender: Sender, now: Instant
    ) {
        guard mayClaim(token, isTrusted, sender, now: now) else { return }
        answer(
            directory.claim(
                tokenHash: token, roomID: roomID, wanted: wanted, from: sender, now: now), sender)
    }

    /// Whether the source may have a lease for a token that is not known; says no to it.
    mutating func mayClaim(
        _ token: Block16, _ isTrusted: Bool, _ sender: Sender, now: Instant
    ) -> Bool {
        guard !directory.knows(token) else { return true }
        guard !isDraining else {
            refuse(.draining, sender)
            return false
        }
        let source = hash(of: SourcePrefix(source: sender.endpoint), purpose: .leases)
        guard newLeasesPerSource.take(source, now: now) else {
            counters.rateLimited += 1
            refuse(.rateLimited, sender)
            return false
        }
        // After the rate: whoever tries tokens gets no more tries than rooms.
        if !isTrusted { refuse(.tokenNeeded, sender) }
        return isTrusted
    }

    mutating func answer(_ claim: NameplateDirectory.Claim, _ sender: Sender) {
        switch claim {
        case .granted(let nameplate):
            counters.leasesGranted += 1
            tell(.leaseGranted(nameplate: nameplate, host: sender.endpoint))
            answer(.granted, nameplate, sender)
        case .returned(let nameplate, let wasLapsed):
            if wasLapsed {
                counters.leasesReturned += 1
                tell(.leaseReturned(nameplate: nameplate, host: sender.endpoint))
            }
            answer(.granted, nameplate, sender)
        case .taken: refuse(.nameplateTaken, sender)
        case .full: refuse(.full, sender)
        case .otherRoom: refuse(.refused, sender)
        }
    }

    private mutating func refuse(_ status: SignalAnswer.LeaseStatus, _ sender: Sender) {
        counters.claimsRefused += 1
        tell(.claimRefused(status, host: sender.endpoint))
        answer(status, 0, sender)
    }

    private mutating func answer(
        _ status: SignalAnswer.LeaseStatus, _ nameplate: UInt32, _ sender: Sender
    ) {
        answer(sender) {
            SignalAnswer.writeLease(
                transaction: sender.transaction, status: status, nameplate: nameplate,
                seconds: UInt16(SignalLimits.leaseTime.components.seconds), into: &$0)
        }
    }

    private mutating func keep(_ token: Block16, _ sender: Sender, now: Instant) {
        let kept = directory.keep(
            tokenHash: token, from: sender, now: now)
        guard let kept else { return answer(.unknown, sender) }
        if kept.moved {
            tell(.leaseMoved(nameplate: kept.nameplate, host: sender.endpoint))
        }
        answer(isDraining ? .draining : .kept, sender)
    }

    private mutating func release(_ token: Block16, _ sender: Sender, now: Instant) {
        guard let nameplate = directory.release(tokenHash: token, now: now) else {
            return answer(.unknown, sender)
        }
        tell(.leaseReleased(nameplate: nameplate))
        answer(.released, sender)
    }

    private mutating func answer(_ status: SignalAnswer.KeptStatus, _ sender: Sender) {
        answer(sender) {
            SignalAnswer.writeKept(
                transaction: sender.transaction, status: status, observed: sender.endpoint,
                into: &$0)
        }
    }

    // MARK: Bodies

    private mutating func post(
        _ body: RawSpan, _ nameplate: UInt32, _ run: UInt64, _ relayKey: VerifyKey,
        _ sender: Sender, now: Instant
    ) {
        guard let lease = directory.lease(ofNameplate: nameplate) else {
            return refuseUnknown(nameplate, sender, now: now)
        }
        var posting = mailboxes.post(
            nameplate: nameplate, run: run, from: sender, now: now)
        if case .unknown = posting {
            posting = open(nameplate, run, relayKey, sender, now: now)
        }
        switch posting {
        case .deliver(let mailbox, let isNew):
            if isNew {
                counters.runs += 1
                tell(.runOpened(nameplate: nameplate, joiner: sender.endpoint))
            }
            counters.forwarded += 1
            send(to: lease.host, from: lease.local) {
                SignalAnswer.writeToHost(
                    transaction: lease.transaction, mailbox: mailbox.id,
                    sourceTag: mailbox.sourceTag, body: body, into: &$0)
            }
        case .rateLimited:
            counters.rateLimited += 1
        case .busy:
            refuseRun(.busy, nameplate, sender)
        case .unknown:
            counters.rateLimited += 1
            refuseRun(.rateLimited, nameplate, sender)
        }
    }

    /// Opens a run, `.unknown` if its source has opened too many.
    private mutating func open(
        _ nameplate: UInt32, _ run: UInt64, _ relayKey: VerifyKey, _ sender: Sender, now: Instant
    ) -> Mailboxes.Posting {
        let prefix = SourcePrefix(source: sender.endpoint)
        let source = hash(of: prefix, purpose: .runs, nameplate: nameplate)
        guard newRuns.take(source, now: now) else { return .unknown }
        return mailboxes.open(
            id: drawMailboxID(), nameplate: nameplate, run: run,
            sourceTag: hash(of: prefix, purpose: .tag, nameplate: nameplate), relayKey: relayKey,
            from: sender, now: now)
    }

    /// An unpredictable number that is not in use; with 16,384 of 2^32 in use the first one nearly
    /// always is.
    private mutating func drawMailboxID() -> UInt32 {
        while true {
            mailboxesDrawn += 1
            let hash = sourceHash.hash(mailboxesDrawn, 0, Purpose.mailbox.rawValue, 0)
            let id = UInt32(truncatingIfNeeded: hash.high)
            if mailboxes.isFree(id) { return id }
        }
    }

    /// Who counts through the nameplates learns that at the rate of joins, not of packets.
    private mutating func refuseUnknown(_ nameplate: UInt32, _ sender: Sender, now: Instant) {
        let source = hash(
            of: SourcePrefix(source: sender.endpoint), purpose: .unknownNameplates)
        guard unknownNameplates.take(source, now: now) else {
            counters.rateLimited += 1
            return refuseRun(.rateLimited, nameplate, sender)
        }
        refuseRun(.noSuchNameplate, nameplate, sender)
    }

    private mutating func refuseRun(
        _ status: SignalAnswer.NoticeStatus, _ nameplate: UInt32, _ sender: Sender
    ) {
        counters.runsRefused += 1
        tell(.runRefused(status, nameplate: nameplate, joiner: sender.endpoint))
        notice(status, nameplate, to: sender)
    }

    private mutating func reply(
        _ body: RawSpan, _ mailbox: UInt32, _ grant: SignalRequest.Grant?, _ token: Block16,
        _ sender: Sender, now: Instant
    ) {
        guard let lease = directory.lease(ofToken: token) else {
            return answer(.unknown, sender)
        }
        switch mailboxes.reply(id: mailbox, nameplate: lease.nameplate, now: now) {
        case .deliver(let mailbox, _):
            counters.forwarded += 1
            let ticket = grant.flatMap {
                mailbox.relayKey == .none
                    ? nil : sign($0, for: mailbox.relayKey, of: lease.roomID, now: now)
            }
            send(to: mailbox.joiner, from: mailbox.local) {
                SignalAnswer.writeToJoiner(
                    transaction: mailbox.transaction, run: mailbox.run, ticket: ticket, body: body,
                    into: &$0)
            }
        case .rateLimited:
            counters.rateLimited += 1
        case .busy:
            counters.rateLimited += 1
        case .unknown:
            notice(.mailboxClosed, mailbox, to: sender)
        }
    }
}
