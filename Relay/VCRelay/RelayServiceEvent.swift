public import VCCore

/// What happened in a relay, for its log. Endpoints are in it so that the shell can decide what may
/// be written down.
public enum RelayServiceEvent: Equatable, Sendable {
    /// Why a session is no more.
    public enum End: Equatable, Sendable {
        /// The client said so.
        case unbound
        /// Nothing was heard for 5 minutes.
        case idle
        /// Its ticket's time is over.
        case expired
        /// The room has a higher generation: this member is not in it any more.
        case generation
        /// The member has another session.
        case replaced
    }

    /// The relay forwards for somebody.
    case bound(member: UInt8, client: Endpoint)
    case ended(End, member: UInt8, client: Endpoint)
    /// Somebody tried to bind.
    case refused(RelayAnswer.Notice, client: Endpoint)
    /// Clients reach the relay at an address that it does not know as its own.
    case unknownAddress(Endpoint)
}
