// Sealed packets: what each member sends and gets, and who is there.
extension RoomMachine {
    /// Members' packets that are no voice are made here: sealed in place in the outbox.
    ///
    /// - Parameter route: of pings and pongs. The peer does not count them as signs of life, so
    ///   they put off no keepalive.
    mutating func seal(
        to number: Int, on route: Route? = nil, hops: UInt8 = 0, now: Instant,
        _ body: (inout ByteWriter) -> Void
    ) {
        if route == nil { peers[number].lastSent = now }
        if let route = route ?? peers[number].way(now: now) {
            guard let buffer = unsafe outbox.reserve(),
                let start = unsafe writeRouteHeader(route, to: number, into: buffer),
                let destination = destination(of: route),
                let size = unsafe sealInPlace(
                    number, UnsafeMutableRawBufferPointer(rebasing: buffer[start...]), now: now,
                    body)
            else { return }
            outbox.commit(start + size, to: destination, hops: hops)
        } else {
            let mailbox = peers[number].usableMailbox(now: now)
            guard mailbox != nil || courier(for: number, now: now) != nil else { return }
            var packet = [UInt8](repeating: 0, count: SignalFormat.maximumBody)
            let size = unsafe packet.withUnsafeMutableBytes { buffer in
                unsafe sealInPlace(number, buffer, now: now, body)
            }
            guard let size else { return }
            let datagram = unsafe packet.span.bytes.extracting(0..<size)
            if let mailbox {
                post(datagram, mailbox: mailbox, now: now)
            } else {
                sendByCourier(datagram, to: number, now: now)
            }
        }
    }

    /// A sealed datagram that is kept: for a member whose keys are about to go.
    mutating func sealedCopy(
        for number: Int, on route: Route, now: Instant, _ body: (inout ByteWriter) -> Void
    ) -> (bytes: [UInt8], destination: Endpoint)? {
        guard let destination = destination(of: route) else { return nil }
        var bytes = [UInt8](repeating: 0, count: Limits.datagram)
        let size: Int? = unsafe bytes.withUnsafeMutableBytes { buffer in
            guard let start = unsafe writeRouteHeader(route, to: number, into: buffer),
                let size = unsafe sealInPlace(
                    number, UnsafeMutableRawBufferPointer(rebasing: buffer[start...]), now: now,
                    body)
            else { return nil }
            return start + size
        }
        guard let size else { return nil }
        return (Array(bytes.prefix(size)), destination)
    }

    @unsafe private mutating func sealInPlace(
        _ number: Int, _ buffer: UnsafeMutableRawBufferPointer, now: Instant,
        _ body: (inout ByteWriter) -> Void
    ) -> Int? {
        let space = unsafe UnsafeMutableRawBufferPointer(
            rebasing: buffer[SealedPacket.headerSize..<buffer.count - ChaChaPoly.tagSize])
        var writer = unsafe ByteWriter(MutableRawSpan(_unsafeBytes: space))
        body(&writer)
        guard !writer.overflowed else { return nil }
        let count = writer.count
        guard let size = unsafe peers[number].slots.seal(buffer, plaintext: count, now: now) else {
            return nil
        }
        return size
    }

    /// A handshake datagram, over the same way as sealed packets; to a stranger through all who
    /// forward, and after a while by a courier.
    private mutating func sendHandshake(_ datagram: [UInt8], to number: Int, now: Instant) {
        if let route = peers[number].way(now: now) {
            sendHandshake(datagram, to: number, on: route)
        } else if let mailbox = peers[number].usableMailbox(now: now) {
            unsafe post(datagram.span.bytes, mailbox: mailbox, now: now)
        } else {
            if servesHost(for: number) { sendHandshake(datagram, to: number, on: .host) }
            for endpoint in relays.endpoints {
                sendHandshake(datagram, to: number, on: .relay(endpoint))
            }
            unsafe sendByCourier(datagram.span.bytes, to: number, now: now)
        }
    }

    private mutating func sendHandshake(_ datagram: [UInt8], to number: Int, on route: Route) {
        guard let destination = destination(of: route), let buffer = unsafe outbox.reserve(),
            let start = unsafe writeRouteHeader(route, to: number, into: buffer),
            start + datagram.count <= buffer.count
        else { return }
        unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[start...])
            .copyBytes(from: datagram)
        outbox.commit(start + datagram.count, to: destination)
    }

    /// Queues a message on the pair's stream. Returns false when too much waits already.
    @discardableResult
    mutating func send(
        _ message: StreamMessage, to number: Int, id: UInt64 = 0, now: Instant
    ) -> Bool {
        wake(now)
        return peers[number].stream.send(message.encode(), number: id)
    }

    // MARK: Paths

    mutating func noteChange(ofPath number: Int, now: Instant) {
        if peers[number].path.pollChange() {
            // What was lost on the old way, or did not fit the mailbox, need not wait for its
            // timer.
            peers[number].stream.pathReturned(now: now)
            peers[number].nextReason = now
        }
        guard now >= peers[number].nextReason, peers[number].isAnnounced else { return }
        // Only once is there more to say about a route that stays: when all others were tried.
        let tried = peers[number].since + PathReason.trial
        peers[number].nextReason = now < tried ? tried : .distantFuture
        guard let route = peers[number].path.selected,
            let roundTrip = peers[number].path.roundTrip
        else { return }
        let why = reason(of: route, to: number, now: now)
        if let told = peers[number].toldReason, told == (route.rung, why) { return }
        peers[number].toldReason = (route.rung, why)
        events.append(
            .path(member: UInt8(number), rung: route.rung, roundTrip: roundTrip, why: why))
    }

    /// A receiver index that no session of ours uses.
    mutating func freshIndex() -> UInt32 {
        while true {
            let index = random.next(UInt32.self)
            if index != joinIndex, peers.number(listeningTo: index) == nil { return index }
        }
    }

    // MARK: Time

    mutating func drivePeer(_ number: Int, now: Instant) {
        guard checkSilence(number, now: now) else { return }
        peers[number].slots.expire(now: now)
        peers[number].loss.age(now: now)
        if now >= peers[number].rekey.timeout(peers[number].slots) {
            driveKeys(number, now: now)
        }
        while let probe = nextProbe(number, now: now) { send(probe, to: number, now: now) }
        noteChange(ofPath: number, now: now)
        announce(number, now: now)
        sendCandidates(number, now: now)
        driveStream(number, now: now)
        let interval =
            peers[number].way(now: now) == nil
            ? Peer.mailboxInterval
            : configuration.keepalive.interval + (.zero - configuration.keepalive.slack)
        if peers[number].isMember, now >= peers[number].lastSent + interval {
            seal(to: number, now: now) { $0.write(SealedKind.keepalive.rawValue) }
            // Without any way out nothing was sent; the next try waits all the same.
            peers[number].lastSent = now
        }
    }

    private mutating func send(_ probe: PathMachine.Probe, to number: Int, now: Instant) {
        let transaction = probeTransaction
        let hearsNothing = peers[number].path.silence.since != nil
        let size = VoiceHeader.size + peers[number].largestFrame
        if hearsNothing, probe.route.isRelayed { relays.check(probe.route.endpoint, now: now) }
        seal(to: number, on: probe.route, hops: probe.hops ?? 0, now: now) {
            SealedKind.writePing(
                transaction, flags: hearsNothing ? SealedKind.hearsNothing : 0,
                size: probe.isLarge ? size : 0, into: &$0)
        }
    }

    func peerTimeout(_ number: Int, now: Instant) -> Instant {
        var due = peers[number].rekey.timeout(peers[number].slots)
        // Nothing can be sealed for a stranger.
        guard peers[number].hasMet || peers[number].slots.currentSince != nil else {
            for patience in [RoomMachine.namePatience, Peer.lostAfter]
            where now < peers[number].since + patience {
                due = min(due, peers[number].since + patience)
            }
            return due
        }
        if peers[number].isAnnounced { due = min(due, peers[number].nextReason) }
        // Without a session nothing of this can be done; a new one wakes us.
        if peers[number].slots.canSeal(at: now) {
            due = min(due, birthdayTimeout(number) ?? .distantFuture)
            due = min(due, peers[number].path.timeout ?? .distantFuture)
            due = min(due, peers[number].stream.timeout ?? .distantFuture)
            if peers[number].stream.hasWork, peers[number].path.selected != nil { due = now }
        }
        guard peers[number].isMember else {
            return min(due, peers[number].lastHeard + Peer.pendingLifetime)
        }
        if peers[number].owesCandidates { due = min(due, peers[number].nextCandidates) }
        due = min(due, peers[number].loss.timeout ?? .distantFuture)
        let interval =
            peers[number].way(now: now) == nil
            ? Peer.mailboxInterval : configuration.keepalive.interval
        return min(due, peers[number].lastSent + interval)
    }

    /// Whether the member is still there.
    private mutating func checkSilence(_ number: Int, now: Instant) -> Bool {
        guard phase != .leaving else { return true }
        let silence = now - peers[number].lastHeard
        if !peers[number].isMember {
            guard silence >= Peer.pendingLifetime else { return true }
            peers.remove(number)
            return false
        }
        // Who is in the room is the host's to say.
        if silence >= Peer.removedAfter, isHost || (isTuned && UInt8(number) == roster.host) {
            removePeer(number, .expired, now: now)
            return false
        }
        if silence >= Peer.forgottenAfter, peers[number].hasMet, !isTuned {
            estrange(number, now: now)
        }
        if silence >= Peer.lostAfter, !peers[number].isLost {
            peers[number].isLost = true
            peers[number].lostAt = now
            peers[number].path.probeAgain(now: now)
            if peers[number].isAnnounced { events.append(.member(member(number), .lost)) }
        }
        return true
    }

    private mutating func driveKeys(_ number: Int, now: Instant) {
        let names = PairNumbers(local: self.number, remote: peers[number].number)
        let index = freshIndex()
        let asks = peers[number].driveKeys(
            local: keys, names: names, freshIndex: index, random: &random, now: now)
        if asks { seal(to: number, now: now) { $0.write(SealedKind.please.rawValue) } }
        flushHandshakes(number, now: now)
    }

    private mutating func flushHandshakes(_ number: Int, now: Instant) {
        while let datagram = peers[number].rekey.pollTransmit() {
            sendHandshake(datagram, to: number, now: now)
        }
    }

    private mutating func nextProbe(_ number: Int, now: Instant) -> PathMachine.Probe? {
        guard let due = peers[number].path.timeout, now >= due,
            peers[number].slots.canSeal(at: now)
        else { return nil }
        probeTransaction = random.next()
        return peers[number].path.nextProbe(transaction: probeTransaction, now: now)
    }

    private mutating func driveStream(_ number: Int, now: Instant) {
        peers[number].stream.handleTimeout(now: now)
        guard peers[number].hasMet,
            peers[number].path.selected != nil || peers[number].usableMailbox(now: now) != nil
                || courier(for: number, now: now) != nil
        else { return }
        while peers[number].stream.hasWork, outbox.count < TransmitQueue.capacity - 8 {
            var packet = [UInt8](repeating: 0, count: SealedPacket.maximumPlaintext)
            var size = 0
            _ = packet.write { writer in
                if peers[number].stream.encodeNext(into: &writer, now: now) { size = writer.count }
            }
            guard size > 0 else { return }
            seal(to: number, now: now) {
                unsafe $0.write(bytes: packet.span.bytes.extracting(0..<size))
            }
        }
    }

    /// A handshake datagram of a member.
    ///
    /// - Parameter forwarded: whom the forwarder names as its sender.
    mutating func handleHandshake(
        _ datagram: RawSpan, forwardedFrom forwarded: Int? = nil, mailbox: UInt32? = nil,
        now: Instant
    ) {
        guard let sender = HandshakeDatagram.sender(of: datagram, receiver: number),
            peers.contains(Int(sender)), forwarded == nil || forwarded == Int(sender)
        else {
            counters.strayHandshakes += 1
            return
        }
        let number = Int(sender)
        let names = PairNumbers(local: self.number, remote: sender)
        let index = freshIndex()
        let isNew = peers[number].handleHandshake(
            datagram, local: keys, names: names, freshIndex: index, random: &random, now: now)
        // Only what has a good mac1 is answered: then the mailbox is the member's.
        if let mailbox, isNew || peers[number].rekey.hasAnswer {
            peers[number].open(mailbox: mailbox, now: now)
        }
        flushHandshakes(number, now: now)
        if isNew {
            if !peers[number].hasMet { peers[number].path.probeAgain(now: now) }
            seal(to: number, now: now) { $0.write(SealedKind.keepalive.rawValue) }
        }
        wake(now)
    }
}
