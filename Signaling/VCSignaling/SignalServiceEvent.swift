public import VCCore

/// What happened in a signaling service, for its log. Endpoints and nameplates are in it so that
/// the shell can decide what may be written down.
public enum SignalServiceEvent: Equatable, Sendable {
    /// A new room.
    case leaseGranted(nameplate: UInt32, host: Endpoint)
    /// A nameplate that had lapsed is its host's again.
    case leaseReturned(nameplate: UInt32, host: Endpoint)
    /// A host has a new address.
    case leaseMoved(nameplate: UInt32, host: Endpoint)
    /// Another member is the host of a room now.
    case leaseSucceeded(nameplate: UInt32, host: Endpoint)
    /// A host was silent for too long.
    case leaseLapsed(nameplate: UInt32)
    /// A host gave its nameplate back.
    case leaseReleased(nameplate: UInt32)
    /// A claim was refused.
    case claimRefused(SignalAnswer.LeaseStatus, host: Endpoint)
    /// Somebody tries to join.
    case runOpened(nameplate: UInt32, joiner: Endpoint)
    /// Somebody tried to join and was not let through.
    case runRefused(SignalAnswer.NoticeStatus, nameplate: UInt32, joiner: Endpoint)
    /// A relay answers, is about to stop, or does not answer any more.
    case relayChanged(name: String, RelayStanding)
}

/// What a watched relay does.
public enum RelayStanding: Equatable, Sendable {
    case answers
    /// It answers, and takes nobody new.
    case draining
    /// Nothing for 15 s.
    case silent
}
