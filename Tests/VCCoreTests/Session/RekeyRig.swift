import Testing

@testable import VCCore

/// One side of a pair: its sessions, its re-handshake, and every datagram it ever made.
final class PairSide {
    let keys: KeyPair
    let names: PairNumbers
    var slots = SessionSlots()
    var rekey: Rekey
    var random: AnyRandomSource
    var wantsPlease = 0
    private var nextIndex: UInt32

    init(
        _ purpose: Rekey.Purpose, keys: consuming KeyPair, remote: PublicKey, names: PairNumbers,
        pairKey: [UInt8], room: RoomID, arena: SecretArena, seed: UInt64
    ) {
        random = AnyRandomSource(SplitMix64(seed: seed))
        rekey = Rekey(
            purpose, local: keys.publicKey, remote: remote,
            pairKey: SecretBytes(copying: pairKey.span.bytes, in: arena), room: room,
            random: &random, arena: arena)
        self.keys = keys
        self.names = names
        nextIndex = UInt32(names.local) * 1_000
    }

    private func freshIndex() -> UInt32 {
        nextIndex += 1
        return nextIndex
    }

    /// Time passes: the handshake datagrams that are due.
    func tick(at now: Instant) -> [[UInt8]] {
        let asks = rekey.handleTimeout(
            slots: &slots, local: keys, names: names, freshIndex: freshIndex(), random: &random,
            now: now)
        if asks { wantsPlease += 1 }
        return drain()
    }

    /// A handshake datagram came. Returns the answers, and whether a packet must follow at once.
    @discardableResult
    func receive(_ datagram: [UInt8], at now: Instant) -> (answers: [[UInt8]], isNew: Bool) {
        let isNew = rekey.handle(
            datagram.span.bytes, slots: &slots, local: keys, names: names,
            freshIndex: freshIndex(), random: &random, now: now)
        return (drain(), isNew)
    }

    private func drain() -> [[UInt8]] {
        var datagrams: [[UInt8]] = []
        while let datagram = rekey.pollTransmit() { datagrams.append(datagram) }
        return datagrams
    }

    /// A sealed packet with `text` in it, or nil without a session that may seal.
    func seal(_ text: [UInt8] = [SealedKind.keepalive.rawValue], at now: Instant) -> [UInt8]? {
        var packet = [UInt8](repeating: 0, count: SealedPacket.headerSize + text.count + 16)
        packet.replaceSubrange(
            SealedPacket.headerSize..<SealedPacket.headerSize + text.count, with: text)
        let size = packet.withUnsafeMutableBytes {
            slots.seal($0, plaintext: text.count, now: now)
        }
        return size.map { Array(packet[..<$0]) }
    }

    /// The plaintext of a packet that opens.
    @discardableResult
    func open(_ packet: [UInt8], at now: Instant) -> [UInt8]? {
        var packet = packet
        return packet.withUnsafeMutableBytes { buffer in
            guard let (index, counter) = SealedPacket.readHeader(UnsafeRawBufferPointer(buffer)),
                let opened = slots.open(buffer, index: index, counter: counter, now: now)
            else { return nil }
            return Array(buffer[SealedPacket.headerSize..<SealedPacket.headerSize + opened.count])
        }
    }

    var isConfirmed: Bool { slots.isConfirmed }
    var isStarter: Bool { rekey.isStarter }

    /// The own indices of previous, current and next; 0 where there is none.
    var indices: [UInt32] {
        [peek(slots.previous), peek(slots.current), peek(slots.next)]
    }
}

private func peek(_ slot: borrowing Session?) -> UInt32 {
    switch slot {
    case .some(let session): session.localIndex
    case .none: 0
    }
}

/// Two members after their join.
final class PairRig {
    /// The one with the smaller key.
    let starter: PairSide
    let other: PairSide
    let arena: SecretArena
    static let start = Instant(nanoseconds: 1_000_000_000)

    /// - Parameter purpose: of a meeting there are no keys before.
    init(_ purpose: Rekey.Purpose = .renewal, arena: SecretArena, seed: UInt64 = 1) {
        self.arena = arena
        var random = AnyRandomSource(SplitMix64(seed: seed))
        var first = KeyPair(random: &random, arena: arena)
        var second = KeyPair(random: &random, arena: arena)
        if second.publicKey < first.publicKey { swap(&first, &second) }
        let (smaller, larger) = (first.publicKey, second.publicKey)
        let pairKey = (0..<32).map { _ in UInt8(truncatingIfNeeded: random.next(UInt64.self)) }
        let room = RoomID(random: &random)
        starter = PairSide(
            purpose, keys: first, remote: larger, names: PairNumbers(local: 1, remote: 2),
            pairKey: pairKey, room: room, arena: arena, seed: seed &* 3)
        other = PairSide(
            purpose, keys: second, remote: smaller, names: PairNumbers(local: 2, remote: 1),
            pairKey: pairKey, room: room, arena: arena, seed: seed &* 5)
        guard purpose == .renewal else { return }
        let up = SecretBytes(random: &random, count: 32, in: arena)
        let down = SecretBytes(random: &random, count: 32, in: arena)
        starter.slots.establish(
            Session(
                sendKey: up.duplicate(), receiveKey: down.duplicate(), localIndex: 1_000,
                remoteIndex: 2_000, now: PairRig.start), now: PairRig.start)
        other.slots.establish(
            Session(
                sendKey: down.duplicate(), receiveKey: up.duplicate(), localIndex: 2_000,
                remoteIndex: 1_000, now: PairRig.start), now: PairRig.start)
    }

    /// A packet each way, delivered: both are confirmed.
    func exchange(at now: Instant) -> Bool {
        guard let up = starter.seal(at: now), other.open(up, at: now) != nil,
            let down = other.seal(at: now), starter.open(down, at: now) != nil
        else { return false }
        return true
    }

    /// A whole re-handshake without loss, asked for by a please. Returns its two messages.
    func renew(at now: Instant) throws -> (first: [UInt8], second: [UInt8]) {
        starter.rekey.handlePlease(now: now)
        let first = try #require(starter.tick(at: now).first)
        let second = try #require(other.receive(first, at: now).answers.first)
        let isNew = starter.receive(second, at: now).isNew
        try #require(isNew)
        try #require(exchange(at: now))
        return (first, second)
    }
}
