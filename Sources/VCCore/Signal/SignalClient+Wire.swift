/// What `SignalClient` reads and writes.
extension SignalClient {
    /// Takes a datagram.
    ///
    /// - Returns: whether it was for this client; other bytes change nothing.
    public mutating func handle(
        _ datagram: RawSpan, from source: Endpoint, now: Instant
    ) -> Bool {
        guard phase == .greeting ? servers.contains(source) : source == server else {
            return false
        }
        let header: SignalHeader
        let answer: SignalAnswer
        do throws(DecodeError) {
            (header, answer) = try SignalAnswer.decode(datagram)
        } catch {
            return false
        }
        guard header.transaction == transaction else { return false }
        handle(answer, in: datagram, from: source, now: now)
        return true
    }

    /// Writes the next datagram that is due.
    ///
    /// - Returns: where it goes and its size, or nil when there is nothing to send.
    public mutating func pollTransmit(
        into writer: inout ByteWriter
    ) -> (destination: Endpoint, count: Int)? {
        if helloDue != 0 {
            let index = helloDue.trailingZeroBitCount
            helloDue &= helloDue - 1
            SignalRequest.writeHello(transaction: transaction, into: &writer)
            return (servers[index], writer.count)
        }
        guard let server, let cookie else { return nil }
        if controlDue {
            controlDue = false
            if writeControl(cookie, into: &writer) { return (server, writer.count) }
        }
        guard phase == .holding || phase == .open, !letters.isEmpty else { return nil }
        let letter = letters.removeFirst()
        lastLetter = letter
        write(letter, cookie, into: &writer)
        return (server, writer.count)
    }

    private func writeControl(_ cookie: Block16, into writer: inout ByteWriter) -> Bool {
        switch token {
        case .some(let token): writeControl(cookie, token.span, into: &writer)
        case .none: false
        }
    }

    private func writeControl(
        _ cookie: Block16, _ token: RawSpan, into writer: inout ByteWriter
    ) -> Bool {
        switch phase {
        case .claiming:
            SignalRequest.writeClaim(
                transaction: transaction, cookie: cookie, roomID: roomID, token: token,
                wanted: nameplate, into: &writer)
            return true
        case .holding:
            SignalRequest.writeKeepalive(
                transaction: transaction, cookie: cookie, token: token, into: &writer)
            return true
        case .releasing:
            SignalRequest.writeRelease(
                transaction: transaction, cookie: cookie, token: token, into: &writer)
            return true
        case .greeting: return false
        case .open: return false
        case .closed: return false
        }
    }

    private func write(_ letter: Letter, _ cookie: Block16, into writer: inout ByteWriter) {
        switch token {
        case .some(let token):
            unsafe SignalRequest.writeReply(
                transaction: transaction, cookie: cookie, token: token.span,
                mailbox: letter.mailbox, body: letter.body.span.bytes, into: &writer)
        case .none:
            unsafe SignalRequest.writePost(
                transaction: transaction, cookie: cookie, nameplate: nameplate, run: run,
                body: letter.body.span.bytes, into: &writer)
        }
    }

    // MARK: Answers

    private mutating func handle(
        _ answer: SignalAnswer, in datagram: RawSpan, from source: Endpoint, now: Instant
    ) {
        switch answer {
        case .cookie(let cookie, let observed, let secondPort):
            handleCookie(cookie, observed, secondPort, from: source, now: now)
        case .lease(let status, let nameplate, _):
            handleLease(status, nameplate, now: now)
        case .kept(let status, let observed):
            handleKept(status, observed, now: now)
        case .toHost(let mailbox, let sourceTag, let body):
            guard isHost, phase == .holding else { return }
            deliver(datagram, body, mailbox: mailbox, sourceTag: sourceTag)
        case .toJoiner(let run, let body):
            guard !isHost, phase == .open, run == self.run else { return }
            deliver(datagram, body, mailbox: 0, sourceTag: 0)
        case .notice(let status, let subject):
            handleNotice(status, subject, now: now)
        }
    }

    private mutating func handleCookie(
        _ cookie: Block16, _ observed: Endpoint, _ secondPort: UInt16, from source: Endpoint,
        now: Instant
    ) {
        guard phase != .closed else { return }
        timers.answered(now)
        timers.gotCookie(now)
        let isNew = cookie != self.cookie
        self.cookie = cookie
        self.secondPort = secondPort
        if phase == .greeting {
            server = source
            helloDue = 0
            isUnreachable = false
            self.observed = nil
            enterAfterGreeting(now)
        } else if isNew, timers.mayReact(now) {
            // What was sent with the old cookie was not heard.
            controlDue = isHost
            repeatLastLetter(now)
        }
        note(observed)
    }

    private mutating func enterAfterGreeting(_ now: Instant) {
        if !isHost {
            phase = .open
        } else if hasLease {
            phase = .holding
            controlDue = true
            timers.startKeepalive(now)
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
            guard nameplate >= 1, nameplate <= SignalFormat.maximumNameplate else { return }
            phase = .holding
            hasLease = true
            self.nameplate = nameplate
            lastRefusal = nil
            controlDue = false
            timers.startKeepalive(now)
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
        }
    }

    private mutating func handleKept(
        _ status: SignalAnswer.KeptStatus, _ observed: Endpoint, now: Instant
    ) {
        guard isHost else { return }
        timers.answered(now)
        switch status {
        case .kept:
            note(observed)
        case .draining:
            refuse(.serverDraining)
        case .unknown:
            if phase == .releasing {
                close()
            } else if phase == .holding {
                tell(.leaseLost)
                claim(now)
            }
        case .released:
            if phase == .releasing { close() }
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

    private mutating func note(_ observed: Endpoint) {
        guard observed != self.observed, let server else { return }
        self.observed = observed
        tell(.reachable(server: server, observed: observed, secondPort: secondPort))
    }

    private mutating func deliver(
        _ datagram: RawSpan, _ body: Range<Int>, mailbox: UInt32, sourceTag: UInt64
    ) {
        let bytes = unsafe datagram.extracting(body).withUnsafeBytes { unsafe Array($0) }
        tell(.message(mailbox: mailbox, sourceTag: sourceTag, body: bytes))
    }
}
