// Datagrams from the network: voice on the shortest way, the rest to whom it concerns.
extension RoomMachine {
    /// Takes a datagram, opening it in place. Returns a voice frame, if it is one: its payload
    /// stands in `datagram` until the next one is read into it.
    @unsafe public mutating func receive(
        _ datagram: UnsafeMutableRawBufferPointer, from source: Endpoint, now: Instant
    ) -> VoiceArrival? {
        guard datagram.count > 0, datagram.count <= Limits.datagram else {
            counters.unknown += 1
            return nil
        }
        switch unsafe datagram[0] {
        case PacketType.signal:
            let bytes = unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(datagram))
            let taken =
                signal.handle(bytes, from: source, now: now)
                || receiveForInvite(bytes, from: source, now: now)
                || handleTuneSignal(bytes, from: source, now: now)
            if taken { wake(now) } else { counters.unknown += 1 }
            return nil
        case PacketType.sealed, PacketType.handshake:
            guard configuration.rungs.admits(source) else {
                counters.unadmitted += 1
                return nil
            }
            return unsafe receiveFromMember(datagram, on: .direct(source), now: now)
        case PacketType.relayData:
            return unsafe receiveRelayed(datagram, from: source, now: now)
        case PacketType.hostForward:
            return unsafe receiveForward(datagram, from: source, now: now)
        case PacketType.discovery:
            handleDiscovery(
                unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(datagram)), from: source,
                now: now)
            return nil
        case _:
            unsafe receiveAnswer(
                RawSpan(_unsafeBytes: UnsafeRawBufferPointer(datagram)), from: source, now: now)
            return nil
        }
    }

    /// What relays and STUN servers answer.
    private mutating func receiveAnswer(_ datagram: RawSpan, from source: Endpoint, now: Instant) {
        if relays.handle(datagram, from: source, key: relayKey, now: now) {
            handleRelayEvents(now: now)
            wake(now)
        } else if mapping.handle(datagram, from: source) {
            for number in peers.numbers { peers[number].owesCandidates = true }
            wake(now)
        } else {
            counters.unknown += 1
        }
    }

    /// A sealed packet or handshake. `route` is nil when the mailbox brought it; `sender` is whom a
    /// forwarder names.
    @unsafe mutating func receiveFromMember(
        _ datagram: UnsafeMutableRawBufferPointer, on route: Route?, sentBy sender: Int? = nil,
        mailbox: UInt32? = nil, now: Instant
    ) -> VoiceArrival? {
        guard unsafe datagram[0] == PacketType.sealed else {
            handleHandshake(
                unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(datagram)),
                forwardedFrom: sender, mailbox: mailbox, now: now)
            return nil
        }
        guard
            let (index, counter) = unsafe SealedPacket.readHeader(UnsafeRawBufferPointer(datagram)),
            let number = peers.number(listeningTo: index), sender == nil || sender == number,
            let opened = unsafe peers[number].slots.open(
                datagram, index: index, counter: counter, now: now)
        else {
            counters.unopened += 1
            return nil
        }
        counters.opened += 1
        if !peers[number].hasMet { meet(number, now: now) }
        if let mailbox { peers[number].open(mailbox: mailbox, now: now) }
        noteHeard(number, on: route, isNewest: opened.isNewest, now: now)
        let header = SealedPacket.headerSize
        let plaintext = unsafe UnsafeMutableRawBufferPointer(
            rebasing: datagram[header..<header + opened.count])
        guard opened.count > 0 else { return nil }
        if unsafe plaintext[0] == SealedKind.voice.rawValue {
            return unsafe openVoice(
                UnsafeRawBufferPointer(plaintext), number, on: route, now: now)
        }
        handle(
            unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(plaintext)), from: number,
            on: route, now: now)
        return nil
    }

    @unsafe private mutating func openVoice(
        _ plaintext: UnsafeRawBufferPointer, _ number: Int, on route: Route?, now: Instant
    ) -> VoiceArrival? {
        guard let header = unsafe VoiceHeader(opened: plaintext),
            let blocks = unsafe VoiceBlocks(
                UnsafeRawBufferPointer(rebasing: plaintext[VoiceHeader.size...]),
                copies: header.copies)
        else {
            counters.malformed += 1
            return nil
        }
        peers[number].path.silence.heard(
            on: route, expectsVoice: header.flags & VoiceHeader.endOfTalkSpurt == 0, now: now)
        return unsafe VoiceArrival(member: UInt8(number), header: header, blocks: blocks)
    }

    /// Seals one voice frame for a member into `packet`, which has room for `Limits.datagram`
    /// bytes. Nil when nothing leads there now.
    @unsafe public mutating func sealVoice(
        _ header: VoiceHeader, _ frame: UnsafeRawBufferPointer, for member: UInt8,
        into packet: UnsafeMutableRawBufferPointer, now: Instant
    ) -> (destination: Endpoint, size: Int)? {
        let number = Int(member)
        guard peers.contains(number), peers[number].isMember, peers[number].mayHear,
            phase == .inRoom, isMeant(number), let route = peers[number].path.selected,
            let destination = destination(of: route),
            frame.count <= VoiceHeader.maximumFrame, unsafe !frame.isEmpty,
            let inner = unsafe writeRouteHeader(route, to: number, into: packet)
        else { return nil }
        let sealed = unsafe UnsafeMutableRawBufferPointer(rebasing: packet[inner...])
        let start = SealedPacket.headerSize
        let shown = peers[number].shown(header, isWhisper: isWhispering)
        let room = sealed.count - ChaChaPoly.tagSize
        let count = unsafe writeVoice(
            shown, frame, to: number,
            into: UnsafeMutableRawBufferPointer(rebasing: sealed[start..<room]))
        guard let size = unsafe peers[number].slots.seal(sealed, plaintext: count, now: now) else {
            return nil
        }
        peers[number].owesTalkSpurt = false
        noteVoiceSent(shown, count - VoiceHeader.size, to: number, now: now)
        return (destination, inner + size)
    }

    /// Whether voice is for this member; counts it as withheld if not.
    private mutating func isMeant(_ number: Int) -> Bool {
        if hearsUs(number) { return true }
        peers[number].withhold()
        return false
    }

    private mutating func noteVoiceSent(
        _ header: VoiceHeader, _ size: Int, to number: Int, now: Instant
    ) {
        peers[number].largestFrame = max(peers[number].largestFrame, size)
        peers[number].voiceFramesSent += 1
        peers[number].lastSent = now
        guard header.flags & VoiceHeader.endOfTalkSpurt != 0 else { return }
        // Should this last frame be lost, a keepalive soon says that no voice is missing.
        peers[number].lastSent =
            now + Peer.afterTalkSpurt + (.zero - configuration.keepalive.interval)
        wake(now + Peer.afterTalkSpurt)
    }

    private mutating func noteHeard(
        _ number: Int, on route: Route?, isNewest: Bool, now: Instant
    ) {
        if peers[number].isLost {
            peers[number].isLost = false
            peers[number].stream.pathReturned(now: now)
            if peers[number].isAnnounced { events.append(.member(member(number), .back)) }
            noteBack(number, now: now)
            wake(now)
        } else if now >= peers[number].lastHeard + .seconds(1) {
            // Something was gone for a while: what waits for its timer need not wait.
            peers[number].stream.pathReturned(now: now)
            wake(now)
        }
        let silence = now - peers[number].lastHeard
        if silence >= .seconds(1) { peers[number].chatAllowance.noteOutage(silence, now: now) }
        peers[number].lastHeard = max(peers[number].lastHeard, now)
        if route != nil, peers[number].isSought { peers[number].isSought = false }
        if !peers[number].isMember, isHost {
            confirm(number, now: now)
            wake(now)
        }
        guard let route, !route.isDirect || configuration.rungs.allowsDirect else { return }
        // What relays brought meanwhile may be newer than the one packet that came through.
        let isHit = route.isDirect && noteBirthday(number, at: route.endpoint, now: now)
        if peers[number].path.heard(on: route, isNewest: isNewest || isHit, now: now) { wake(now) }
    }

    /// A packet of a member that is no voice.
    private mutating func handle(
        _ plaintext: RawSpan, from number: Int, on route: Route?, now: Instant
    ) {
        let wasBroken = peers[number].stream.isBroken
        do throws(DecodeError) {
            try dispatch(plaintext, from: number, on: route, now: now)
        } catch {
            counters.malformed += 1
            guard !wasBroken, peers.contains(number), peers[number].stream.isBroken else { return }
            events.append(.warning(.protocolBroken(member: UInt8(number))))
        }
    }

    private mutating func dispatch(
        _ plaintext: RawSpan, from number: Int, on route: Route?, now: Instant
    ) throws(DecodeError) {
        var reader = ByteReader(plaintext)
        guard let kind = SealedKind(rawValue: try reader.readUInt8()) else {
            throw .unexpectedValue
        }
        if kind != .ping, kind != .pong {
            peers[number].path.silence.heard(
                on: route, expectsVoice: kind == .keepalive ? false : nil, now: now)
        }
        switch kind {
        case .voice, .keepalive: return
        case .ping: return try answer(&reader, from: number, on: route, now: now)
        case .pong:
            let transaction = try reader.readUInt64()
            _ = try Endpoint(from: &reader)
            try reader.expectEnd()
            _ = peers[number].path.answered(transaction, now: now)
        case .report:
            let report = try ReceiverReport(from: &reader)
            if let before = peers[number].report, report.received > before.received {
                peers[number].heardUs = now
            }
            peers[number].report = report
            peers[number].loss.note(report, now: now)
            peers[number].path.report(received: report.received, lost: report.lost, now: now)
            return
        case .segment:
            try peers[number].stream.handleSegment(&reader)
            drainStream(number, now: now)
        case .acknowledgement:
            try peers[number].stream.handleAcknowledgement(&reader, now: now)
            drainDelivered(number)
        case .leave:
            let leave = try LeaveNotice(from: &reader)
            seal(to: number, now: now) { $0.write(SealedKind.leaveAcknowledgement.rawValue) }
            takeLeave(leave, of: number, now: now)
        case .leaveAcknowledgement:
            if phase == .leaving { peers.remove(number) }
        case .please:
            peers[number].rekey.handlePlease(now: now)
        case .removal: try takeRemoval(&reader, from: number, on: route, now: now)
        case .removalAcknowledgement:
            try takeRemovalAcknowledgement(&reader, from: number)
        }
        wake(now)
    }

    /// A ping is answered on the route that it came on.
    private mutating func answer(
        _ reader: inout ByteReader, from number: Int, on route: Route?, now: Instant
    ) throws(DecodeError) {
        let transaction = try reader.readUInt64()
        let flags = try reader.readUInt8()
        guard reader.remaining >= Endpoint.encodedSize - 1, let route,
            !route.isDirect || configuration.rungs.allowsDirect
        else { return }
        seal(to: number, on: route, now: now) { writer in
            writer.write(SealedKind.pong.rawValue)
            writer.write(transaction)
            route.endpoint.encode(into: &writer)
        }
        if flags & SealedKind.hearsNothing != 0 {
            peers[number].path.peerHearsNothing(on: route, now: now)
            wake(now)
        }
    }
}

/// A voice frame that arrived, still in the shell's buffer.
@unsafe public struct VoiceArrival {
    /// Whose voice it is.
    public let member: UInt8
    public let header: VoiceHeader
    /// The Opus frame, and copies of earlier ones.
    public let blocks: VoiceBlocks

    /// The Opus frame.
    public var frame: UnsafeRawBufferPointer { unsafe blocks.frame }
}
