/// What a signaling service has done. Every number only rises.
public struct SignalCounters: Sendable, Equatable {
    /// Datagrams that came in, of every kind. The base of all below.
    public var received: UInt64 = 0
    /// Datagrams that went out. Never more bytes than `receivedBytes`, except for STUN clients
    /// whose questions are shorter than ours.
    public var transmitted: UInt64 = 0
    /// Bytes that came in.
    public var receivedBytes: UInt64 = 0
    /// Bytes that went out.
    public var transmittedBytes: UInt64 = 0
    /// Datagrams that are no message of any protocol here. Per `received`.
    public var malformed: UInt64 = 0
    /// Messages of another version. Per `received`.
    public var unsupportedVersion: UInt64 = 0
    /// Cookies given out, for HELLO and instead of another answer. Per `received`.
    public var cookies: UInt64 = 0
    /// Messages whose cookie did not hold; each had a cookie as its answer. Per `received`.
    public var badCookies: UInt64 = 0
    /// Nameplates given out to a token that was not known.
    public var leasesGranted: UInt64 = 0
    /// Claims that were refused for any reason. Per `leasesGranted`.
    public var claimsRefused: UInt64 = 0
    /// Nameplates that their hosts were silent for too long to keep. Per `leasesGranted`.
    public var leasesLapsed: UInt64 = 0
    /// Nameplates that came back to their claim token. Per `leasesLapsed`.
    public var leasesReturned: UInt64 = 0
    /// Runs that were opened.
    public var runs: UInt64 = 0
    /// Runs that were not opened because of a limit. Per `runs`.
    public var runsRefused: UInt64 = 0
    /// Bodies passed on, both ways.
    public var forwarded: UInt64 = 0
    /// Tickets signed, asked for or with a host's message.
    public var tickets: UInt64 = 0
    /// Tickets refused: for a token without a lease, or because there is no key.
    public var ticketsRefused: UInt64 = 0
    /// Sightings handed out.
    public var sightings: UInt64 = 0
    /// Sightings that somebody asked about and that were not ours, or too old. Per `sightings`.
    public var sightingsRefused: UInt64 = 0
    /// Questions for the leases of a bucket that were answered. Per `received`.
    public var tuneLists: UInt64 = 0
    /// Messages over a rate, with or without an answer. Per `received`.
    public var rateLimited: UInt64 = 0
    /// Binding answers. Per `received`.
    public var bindings: UInt64 = 0
    /// Answers that found the outbox full, because the shell does not drain it. Should be 0.
    public var outboxOverflows: UInt64 = 0

    public init() {}
}
