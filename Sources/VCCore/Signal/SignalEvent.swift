/// What a `SignalClient` has to tell.
public enum SignalEvent: Equatable, Sendable {
    /// The server answers; `observed` is our address as it sees it, nil while TCP serves: the
    /// address of a connection is of no use to others. Again when any of that changes. `secondPort`
    /// answers STUN too; a different mapping there tells about the NAT.
    case reachable(server: Endpoint, observed: Endpoint?, secondPort: UInt16)
    /// No server answered for 5 s. A host goes on trying, a joiner has stopped.
    case unreachable
    /// The nameplate is ours. Again after it was lost; then it may be another one.
    case leased(nameplate: UInt32)
    /// The server does not know our lease (any more). It is claimed again.
    case leaseLost
    /// Somebody else has the nameplate that we had; another one is claimed.
    case nameplateTaken
    /// The nameplate was given back, or nobody answered to that.
    case released
    /// A body for us. A joiner's own messages come with mailbox 0 and tag 0.
    case message(mailbox: UInt32, sourceTag: UInt64, body: [UInt8])
    /// Host: the ticket that was asked for. Joiner: the own one; it came with the message that is
    /// the next event.
    case ticket(Ticket)
    /// The relays that answer the server, best first for this room; the same for all its members
    /// while the same ones answer.
    case relays([RelayServer])
    /// Where the server sees us, for others to verify.
    case sight(subject: Block16, Sighting)
    /// Whether the server made the sighting that was asked about.
    case sightVerified(subject: Block16, Bool)
    /// Leases of a bucket of phrases that was asked about, in random order.
    case leases(bucket: UInt16, [UInt32])
    /// No host holds this nameplate.
    case noSuchRoom
    /// Too many claims or runs; the client's own retries go on.
    case rateLimited
    /// The server holds as many leases or runs as it can.
    case serverFull
    /// The server is about to stop. A host keeps what it has until then.
    case serverDraining
    /// The joiner behind this mailbox is gone, or our run is over.
    case mailboxClosed(mailbox: UInt32)
    /// The server refuses the claim: its token belongs to another room.
    case claimRefused
    /// The server opens rooms only for those who know its host token: there is none here, or not
    /// the right one.
    case tokenNeeded
    /// The server speaks this version of the protocol, not ours.
    case unsupportedVersion(UInt32)
}
