internal import VCCore

/// What members need to use a relay: which ones there are, and a ticket.
extension SignalService {
    /// Whoever has shown a cookie may know the relays: they let nobody in without a ticket.
    mutating func answerRelays(_ nameplate: UInt32, _ sender: Sender, now: Instant) {
        let relays = relayWatch.selection(forRoom: nameplate, now: now)
        answer(sender) {
            SignalAnswer.writeRelays(transaction: sender.transaction, relays, into: &$0)
        }
    }

    /// A ticket of a room is for its host to ask for: who holds the claim token of the lease.
    mutating func answerTicket(
        _ grant: SignalRequest.Grant, _ relayKey: VerifyKey, _ token: Block16, _ sender: Sender,
        now: Instant
    ) {
        let standing = directory.standing(tokenHash: token, of: sender)
        guard case .held(let slot) = standing, let lease = directory.lease(in: slot) else {
            counters.ticketsRefused += 1
            if standing == .displaced { return answer(.displaced, sender) }
            return answer(.unknownLease, grant, nil, sender)
        }
        let ticket = sign(grant, for: relayKey, of: lease.roomID, now: now)
        answer(ticket == nil ? .noKey : .signed, grant, ticket, sender)
    }

    /// Nil without a key.
    mutating func sign(
        _ grant: SignalRequest.Grant, for relayKey: VerifyKey, of roomID: Block16, now: Instant
    ) -> Ticket? {
        let expiry = unixSeconds(now) &+ Ticket.lifetimeSeconds
        switch signingKey {
        case .some(let key):
            counters.tickets += 1
            return Ticket(
                roomID: roomID, generation: grant.generation, member: grant.member,
                memberKey: relayKey, expiry: expiry, signedWith: key)
        case .none:
            counters.ticketsRefused += 1
            return nil
        }
    }

    private mutating func answer(
        _ status: SignalAnswer.TicketStatus, _ grant: SignalRequest.Grant, _ ticket: Ticket?,
        _ sender: Sender
    ) {
        answer(sender) {
            SignalAnswer.writeTicket(
                transaction: sender.transaction, status: status, member: grant.member,
                ticket: ticket, into: &$0)
        }
    }
}
