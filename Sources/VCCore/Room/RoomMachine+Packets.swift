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
            let taken = signal.handle(
                unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(datagram)), from: source,
                now: now)
            if taken { wake(now) } else { counters.unknown += 1 }
            return nil
        case PacketType.sealed, PacketType.handshake:
            return unsafe receiveFromMember(datagram, from: source, now: now)
        case _:
            counters.unknown += 1
            return nil
        }
    }

    /// A sealed packet or handshake; `source` is nil when the mailbox brought it.
    @unsafe mutating func receiveFromMember(
        _ datagram: UnsafeMutableRawBufferPointer, from source: Endpoint?, now: Instant
    ) -> VoiceArrival? {
        guard unsafe datagram[0] == PacketType.sealed else {
            handleHandshake(
                unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(datagram)), now: now)
            return nil
        }
        guard
            let (index, counter) = unsafe SealedPacket.readHeader(UnsafeRawBufferPointer(datagram)),
            let number = peers.number(listeningTo: index),
            let opened = unsafe peers[number].slots.open(
                datagram, index: index, counter: counter, now: now)
        else {
            counters.unopened += 1
            return nil
        }
        counters.opened += 1
        noteHeard(number, from: source, isNewest: opened.isNewest, now: now)
        let header = SealedPacket.headerSize
        let plaintext = unsafe UnsafeMutableRawBufferPointer(
            rebasing: datagram[header..<header + opened.count])
        guard opened.count > 0 else { return nil }
        if unsafe plaintext[0] == SealedKind.voice.rawValue {
            return unsafe openVoice(UnsafeRawBufferPointer(plaintext), number)
        }
        handle(
            unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(plaintext)), from: number,
            at: source, now: now)
        return nil
    }

    @unsafe private mutating func openVoice(_ plaintext: UnsafeRawBufferPointer, _ number: Int)
        -> VoiceArrival?
    {
        guard let header = unsafe VoiceHeader(opened: plaintext) else {
            counters.malformed += 1
            return nil
        }
        return unsafe VoiceArrival(
            member: UInt8(number), header: header,
            frame: UnsafeRawBufferPointer(rebasing: plaintext[VoiceHeader.size...]))
    }

    /// Seals one voice frame for a member into `packet`, which has room for `Limits.datagram`
    /// bytes. Nil when nothing leads there now.
    @unsafe public mutating func sealVoice(
        _ header: VoiceHeader, _ frame: UnsafeRawBufferPointer, for member: UInt8,
        into packet: UnsafeMutableRawBufferPointer, now: Instant
    ) -> (destination: Endpoint, size: Int)? {
        let number = Int(member)
        guard peers.contains(number), peers[number].isMember, phase == .inRoom,
            let destination = peers[number].path.selected,
            frame.count <= VoiceHeader.maximumFrame, unsafe !frame.isEmpty
        else { return nil }
        let start = SealedPacket.headerSize
        unsafe header.write(
            to: UnsafeMutableRawBufferPointer(rebasing: packet[start..<start + VoiceHeader.size]))
        unsafe UnsafeMutableRawBufferPointer(rebasing: packet[(start + VoiceHeader.size)...])
            .copyMemory(from: frame)
        let count = VoiceHeader.size + frame.count
        guard let size = unsafe peers[number].slots.seal(packet, plaintext: count, now: now) else {
            return nil
        }
        peers[number].lastSent = now
        peers[number].voiceFramesSent += 1
        return (destination, size)
    }

    private mutating func noteHeard(
        _ number: Int, from source: Endpoint?, isNewest: Bool, now: Instant
    ) {
        if peers[number].isLost {
            peers[number].isLost = false
            peers[number].stream.pathReturned(now: now)
            if peers[number].isAnnounced { events.append(.member(member(number), .back)) }
            wake(now)
        } else if now >= peers[number].lastHeard + .seconds(1) {
            // Something was gone for a while: what waits for its timer need not wait.
            peers[number].stream.pathReturned(now: now)
            wake(now)
        }
        peers[number].lastHeard = max(peers[number].lastHeard, now)
        if !peers[number].isMember, isHost {
            confirm(number, now: now)
            wake(now)
        }
        guard let source else { return }
        if peers[number].path.heard(from: source, isNewest: isNewest, now: now) { wake(now) }
    }

    /// A packet of a member that is no voice.
    private mutating func handle(
        _ plaintext: RawSpan, from number: Int, at source: Endpoint?, now: Instant
    ) {
        let wasBroken = peers[number].stream.isBroken
        do throws(DecodeError) {
            try dispatch(plaintext, from: number, at: source, now: now)
        } catch {
            counters.malformed += 1
            guard !wasBroken, peers.contains(number), peers[number].stream.isBroken else { return }
            events.append(.warning(.protocolBroken(member: UInt8(number))))
        }
    }

    private mutating func dispatch(
        _ plaintext: RawSpan, from number: Int, at source: Endpoint?, now: Instant
    ) throws(DecodeError) {
        var reader = ByteReader(plaintext)
        guard let kind = SealedKind(rawValue: try reader.readUInt8()) else {
            throw .unexpectedValue
        }
        switch kind {
        case .voice, .keepalive: return
        case .ping:
            let transaction = try reader.readUInt64()
            guard reader.remaining == Endpoint.encodedSize, let source else { return }
            seal(to: number, at: source, now: now) { writer in
                writer.write(SealedKind.pong.rawValue)
                writer.write(transaction)
                source.encode(into: &writer)
            }
            return
        case .pong:
            let transaction = try reader.readUInt64()
            _ = try Endpoint(from: &reader)
            try reader.expectEnd()
            _ = peers[number].path.answered(transaction, now: now)
        case .report:
            peers[number].report = try ReceiverReport(from: &reader)
            return
        case .segment:
            try peers[number].stream.handleSegment(&reader)
            drainStream(number, now: now)
        case .acknowledgement:
            try peers[number].stream.handleAcknowledgement(&reader, now: now)
            drainDelivered(number)
        case .leave:
            seal(to: number, now: now) { $0.write(SealedKind.leaveAcknowledgement.rawValue) }
            removePeer(number, .left, now: now)
        case .leaveAcknowledgement:
            if phase == .leaving { peers.remove(number) }
        case .please:
            peers[number].rekey.handlePlease(now: now)
        }
        wake(now)
    }
}

/// A voice frame that arrived, still in the shell's buffer.
@unsafe public struct VoiceArrival {
    /// Whose voice it is.
    public let member: UInt8
    public let header: VoiceHeader
    /// The Opus frame.
    public let frame: UnsafeRawBufferPointer
}
