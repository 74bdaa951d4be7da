public import VCCore

/// Relayed data: the path of every packet. Nothing is allocated on it.
extension RelayService {
    /// `RelayLimits.targetTime`; a division of 128 bits, so not for each packet.
    private static let targetNanoseconds = UInt64(RelayLimits.targetTime.wholeNanoseconds)

    /// Takes a datagram of protocol 0xC2 and rewrites its header in place for the receiver.
    ///
    /// - Returns: where it goes now, or nil when it goes nowhere.
    public mutating func forward(
        _ datagram: UnsafeMutableRawBufferPointer, from source: Endpoint, now: Instant
    ) -> RelayTarget? {
        counters.received += 1
        counters.receivedBytes += UInt64(datagram.count)
        guard datagram.count > RelayFormat.dataOverhead, datagram.count <= Limits.datagram,
            let bytes = datagram.baseAddress
        else {
            counters.malformed += 1
            return nil
        }
        let id = UInt64(
            bigEndian: unsafe bytes.loadUnaligned(fromByteOffset: 1, as: UInt64.self))
        guard let slot = sessions.slot(of: id), sessions.endpoint(slot) == source else {
            counters.unbound += 1
            noticeUnbound(id, size: datagram.count, to: source, now: now)
            return nil
        }
        let member = Int(unsafe bytes.load(fromByteOffset: 9, as: UInt8.self))
        let cost = datagram.count + RelayLimits.headerBytes
        guard admit(cost, from: slot, now: now),
            let target = target(member, of: slot, cost: cost, now: now)
        else { return nil }
        unsafe bytes.storeBytes(of: sessions.id(target).bigEndian, toByteOffset: 1, as: UInt64.self)
        unsafe bytes.storeBytes(of: sessions.member(slot), toByteOffset: 9, as: UInt8.self)
        counters.forwarded += 1
        counters.forwardedBytes += UInt64(datagram.count)
        return RelayTarget(endpoint: sessions.endpoint(target), key: Int32(target))
    }

    /// Notes that the sender was heard, and takes the packet from its allowance.
    private mutating func admit(_ cost: Int, from slot: Int, now: Instant) -> Bool {
        sessions.hear(slot, now: now.nanoseconds)
        let isPaid = sessions.pay(
            slot, UInt64(cost) * memberNanosecondsPerByte, burst: memberBurstNanoseconds,
            now: now.nanoseconds)
        if !isPaid { counters.overRate += 1 }
        return isPaid
    }

    /// The session of another member of the room, if it was heard lately and the line has room.
    private mutating func target(
        _ member: Int, of slot: Int, cost: Int, now: Instant
    ) -> Int? {
        guard member >= 1, member <= Limits.members, member != Int(sessions.member(slot)),
            let target = rooms.session(of: member, in: sessions.room(slot)),
            now.nanoseconds < sessions.lastHeard(target) + Self.targetNanoseconds
        else {
            counters.unreachable += 1
            return nil
        }
        guard total.take(cost, now: now) else {
            counters.overTotal += 1
            return nil
        }
        return target
    }

    /// Says to somebody who may have been bound that it is not, or not at this address: rarely,
    /// since nothing shows that it is there.
    private mutating func noticeUnbound(
        _ id: UInt64, size: Int, to source: Endpoint, now: Instant
    ) {
        // One network's share first: what it has too many of takes nothing from the others.
        guard size >= RelayFormat.noticeSize,
            noticesPerNetwork.take(
                hash(of: SourcePrefix(network: source), purpose: .network), now: now),
            notices.take(limits.notices, now: now)
        else {
            counters.rateLimited += 1
            return
        }
        send(to: source) { RelayAnswer.writeNotice(transaction: id, .bindAgain, into: &$0) }
    }
}
