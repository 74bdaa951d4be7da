public import VCCore

/// How much a signaling service holds and does. Every rate is a token bucket: `burst` at once, then
/// `perSecond`.
public struct SignalLimits: Sendable, Equatable {
    public typealias Rate = TokenRate

    /// Leases in all, with those that rest. The host in the same process has its own beyond them.
    public var leases: Int
    /// Leases of one source, with those that rest: a carrier's NAT has many hosts behind one
    /// address.
    public var leasesPerSource: Int
    /// New rooms of one source.
    public var newLeasesPerSource = Rate(burst: 20, perSecond: 10 / 60)
    /// Open runs in all.
    public var mailboxes: Int
    /// Open runs of one nameplate (research: 32 open runs at the host).
    public var mailboxesPerLease = 32
    /// New runs of one source at one nameplate: five guesses a minute.
    public var newRunsPerSourceAndNameplate = Rate(burst: 5, perSecond: 5 / 60)
    /// Questions of one source for nameplates that nobody holds: typing errors, not a census.
    public var unknownNameplatesPerSource = Rate(burst: 20, perSecond: 1)
    /// Questions of one source for the leases of a bucket: each start asks once, and each host once
    /// a minute.
    public var tuneListsPerSource = Rate(burst: 30, perSecond: 1)
    /// Bodies through one mailbox, both ways together.
    public var packetsPerMailbox = Rate(burst: 20, perSecond: 20)
    /// Messages with a valid cookie from one source. A lease takes 0.5 a second.
    public var messagesPerSource = Rate(burst: 500, perSecond: 250)
    /// Answers to sources that have shown no cookie: cookies, and Binding answers that are not
    /// longer than their question. In all, to keep some of the machine for those that have one.
    public var statelessAnswers = Rate(burst: 20_000, perSecond: 20_000)
    /// Binding answers that are longer than their question, per /24 or /56.
    public var amplifyingAnswersPerNetwork = Rate(burst: 10, perSecond: 10)
    /// The same in all.
    public var amplifyingAnswers = Rate(burst: 1_000, perSecond: 1_000)
    /// Sources that are remembered by each limit.
    public var rememberedSources: Int
    /// A new room gets a nameplate from 1 to this one that its claim token decides, if that is
    /// free; with 1 it gets the lowest free one. Several hosts in a local network, each with a
    /// server of its own, would otherwise all have room 1.
    public var scatteredNameplates: UInt32 = 1

    /// For a server that does nothing else. Of one source 128 hosts at once, and as many that rest:
    /// the rate of new rooms lets it open 125 until the first of them is forgotten (630 s), so that
    /// those who close rooms shut no neighbour out.
    public static let standalone = SignalLimits(
        leases: 100_000, leasesPerSource: 256, mailboxes: 16_384, rememberedSources: 16_384)
    /// For the copy inside `vc host`, which serves one room and must stay small.
    public static let embedded = SignalLimits(
        leases: 64, leasesPerSource: 16, mailboxes: 128, rememberedSources: 512,
        scatteredNameplates: 99)

    // Times. They are promises of the protocol, so they are the same everywhere.

    /// A host that is silent for this long loses its nameplate.
    public static let leaseTime = Duration.seconds(30)
    /// A host in a bucket that is silent for this long is not told any more: three keepalives. Who
    /// comes back to a phrase after a crash does not wait for its old self.
    static let tuneSilence = Duration.seconds(7)
    /// A host that is silent for this long can be succeeded by who knows its claim token; it sends
    /// each 2 s.
    public static let successionTime = Duration.seconds(5)
    /// For this long a lost nameplate returns to its claim token only, and nobody else gets it.
    public static let quarantine = Duration.seconds(600)
    /// For this long after a restart newcomers get numbers from all over: the hosts of before come
    /// for theirs with their next keepalive.
    public static let returnTime = Duration.seconds(10)
    /// A run is over after this.
    public static let mailboxLifetime = Duration.seconds(30)
    /// A cookie holds in its own slot of this length and in the next one.
    public static let cookieSlot = Duration.seconds(120)
    /// How long hosts hear `draining` before the server stops: one keepalive and a little.
    public static let drainTime = Duration.milliseconds(2_500)
}
