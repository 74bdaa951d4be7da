/// What `SignalClient` reads and writes.
extension SignalClient {
    /// Takes a datagram.
    ///
    /// - Returns: whether it was for this client; other bytes change nothing.
    public mutating func handle(
        _ datagram: RawSpan, from source: Endpoint, now: Instant
    ) -> Bool {
        guard let way = routes.index(of: source), isAcceptable(way) else { return false }
        let header: SignalHeader
        let answer: SignalAnswer
        do throws(DecodeError) {
            (header, answer) = try SignalAnswer.decode(datagram)
        } catch {
            return false
        }
        guard header.transaction == transaction else { return false }
        handle(answer, in: datagram, from: way, now: now)
        return true
    }

    /// While greeting, whoever is asked may answer; then only the server that was first, by any
    /// way: what it sent by the last one may still be under way.
    private func isAcceptable(_ way: Int) -> Bool {
        guard phase != .greeting else { return true }
        guard let route else { return false }
        return routes.isSameServer(way, route)
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
            guard let destination = routes[index] else { return nil }
            return (destination, writer.count)
        }
        guard let server, let cookie else { return nil }
        if controlDue {
            controlDue = false
            if writeControl(cookie, into: &writer) { return (server, writer.count) }
        }
        guard phase == .holding || phase == .open,
            writeLetter(cookie, into: &writer) || writeQuestion(cookie, into: &writer)
        else { return nil }
        return (server, writer.count)
    }

    private mutating func writeLetter(_ cookie: Block16, into writer: inout ByteWriter) -> Bool {
        guard !letters.isEmpty else { return false }
        let letter = letters.removeFirst()
        lastLetter = letter
        write(letter, cookie, into: &writer)
        return true
    }

    /// What has an answer and is asked again until it comes.
    private mutating func writeQuestion(_ cookie: Block16, into writer: inout ByteWriter) -> Bool {
        if let (grant, key) = ticketRequests.take() {
            return write(grant, key, cookie, into: &writer)
        }
        if let question = sights.take() {
            writeSightQuestion(question, cookie, into: &writer)
            return true
        }
        if let bucket = bucketInquiry.take() {
            SignalRequest.writeTuneList(
                transaction: transaction, cookie: cookie, bucket: bucket, into: &writer)
            return true
        }
        guard relayInquiry.isDue else { return false }
        relayInquiry.sent()
        SignalRequest.writeRelays(
            transaction: transaction, cookie: cookie, nameplate: nameplate, into: &writer)
        return true
    }

    private func write(
        _ grant: SignalRequest.Grant, _ key: VerifyKey, _ cookie: Block16,
        into writer: inout ByteWriter
    ) -> Bool {
        switch token {
        case .some(let token):
            SignalRequest.writeTicket(
                transaction: transaction, cookie: cookie, token: token.span, grant: grant,
                relayKey: key, into: &writer)
            return true
        case .none: return false
        }
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
            writeClaim(cookie, token, into: &writer)
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

    private func writeClaim(_ cookie: Block16, _ token: RawSpan, into writer: inout ByteWriter) {
        let proof =
            hostToken?.proof(cookie: cookie, roomID: roomID, claimToken: token) ?? .zero
        if let bucket {
            SignalRequest.writeTuneClaim(
                transaction: transaction, cookie: cookie, roomID: roomID, token: token,
                bucket: bucket, wanted: nameplate, proof: proof, into: &writer)
        } else {
            SignalRequest.writeClaim(
                transaction: transaction, cookie: cookie, roomID: roomID, token: token,
                wanted: nameplate, proof: proof, into: &writer)
        }
    }

    private func write(_ letter: Letter, _ cookie: Block16, into writer: inout ByteWriter) {
        switch token {
        case .some(let token):
            unsafe SignalRequest.writeReply(
                transaction: transaction, cookie: cookie, token: token.span,
                mailbox: letter.mailbox, grant: letter.grant, body: letter.body.span.bytes,
                into: &writer)
        case .none:
            unsafe SignalRequest.writePost(
                transaction: transaction, cookie: cookie, nameplate: nameplate, run: run,
                relayKey: relayKey, body: letter.body.span.bytes, into: &writer)
        }
    }
}
