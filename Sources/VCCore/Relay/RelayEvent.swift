/// What a `RelayClient` has to tell.
public enum RelayEvent: Equatable, Sendable {
    /// The relay forwards for us under this session. Again when the session is another one.
    case bound(session: UInt64)
    /// The relay answered nothing for 5 s. The client goes on asking.
    case lost
    /// The relay is about to stop: be elsewhere in so many seconds; 0 when it did not say.
    case draining(seconds: UInt16)
    /// The relay does not forward for us. After `ticketRefused` and `ticketExpired` the client
    /// waits for another ticket; after the others it asks again by itself.
    case refused(RelayAnswer.Notice)
}
