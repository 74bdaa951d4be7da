// Two members that nothing leads between, since the host that would have introduced them is gone:
// somebody who hears both carries their handshakes and sealed packets, as the mailbox does, until
// they know where they can reach each other.
extension RoomMachine {
    /// What is given to others to carry in a second: two handshakes for each of some strangers.
    static let couriersPerSecond = 16
    /// What is carried for all others in a second.
    static let carriedPerSecond = 32

    /// Who carries packets to a member that nothing else leads to; nil where none is needed, or
    /// nobody is there.
    func courier(for number: Int, now: Instant) -> Int? {
        guard phase == .inRoom, !isTuned, peers[number].isMember,
            peers[number].path.selected == nil,
            peers[number].isLost || peers[number].courier != nil
        else { return nil }
        if let last = peers[number].courier, mayCarry(last, to: number) { return last }
        let all = peers.numbers.filter { mayCarry($0, to: number) }
        // Who of them hears it nobody knows: one after the other.
        let turn = Int(truncatingIfNeeded: (now - .zero).components.seconds) &+ number
        return all.isEmpty ? nil : all[turn % all.count]
    }

    private func mayCarry(_ number: Int, to target: Int) -> Bool {
        number != target && number != Int(roster.host) && peers.contains(number)
            && isHeard(number)
            && peers[number].path.selected != nil
    }

    private func isHeard(_ number: Int) -> Bool {
        peers[number].isMember && peers[number].hasMet && !peers[number].isLost
    }

    /// Has somebody carry a datagram, if there is anybody.
    mutating func sendByCourier(_ datagram: RawSpan, to number: Int, now: Instant) {
        guard let courier = courier(for: number, now: now), couriers.take(now: now) else { return }
        let bytes = unsafe datagram.withUnsafeBytes { unsafe Array($0) }
        send(.carry(to: peers[number].key, bytes), to: courier, now: now)
    }

    /// A member asks us to carry a datagram.
    mutating func takeCarry(
        _ datagram: [UInt8], to key: PublicKey, from number: Int, now: Instant
    ) {
        // A host forwards, or does not: that is its person's choice.
        guard phase == .inRoom, !isTuned, !isHost, peers[number].isMember,
            let target = peers.number(of: key), target != number, isHeard(target),
            carried.take(now: now)
        else { return }
        send(.carried(from: peers[number].key, datagram), to: target, now: now)
    }

    /// A member brings a datagram that another one gave it.
    mutating func takeCarried(
        _ datagram: [UInt8], from key: PublicKey, by courier: Int, now: Instant
    ) {
        guard phase == .inRoom, !isTuned, let number = peers.number(of: key),
            number != courier, peers[number].isMember,
            let first = datagram.first,
            first == PacketType.handshake || first == PacketType.sealed
        else { return }
        peers[number].courier = courier
        var packet = datagram
        unsafe packet.withUnsafeMutableBytes { bytes in
            _ = unsafe receiveFromMember(bytes, on: nil, sentBy: number, now: now)
        }
    }
}
