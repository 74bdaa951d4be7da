public import VCCore

/// How much a relay holds and does.
public struct RelayLimits: Sendable, Equatable {
    /// Sessions at once; also rooms that are remembered. 65,536 take at most 16 MiB.
    public var sessions = 65_536
    /// What one member may send through the relay, in bytes with 28 for the headers of IPv4 and
    /// UDP. 15 others, 100 frames a second and two copies of each at 48 kbit/s are 390,000.
    public var memberBytesPerSecond: UInt64 = 500_000
    /// What a member may send at once: what it collects in 250 ms.
    public var memberBurstBytes: UInt64 = 125_000
    /// What the relay sends in all, in bytes a second as above; nil for no limit.
    public var totalBytesPerSecond: UInt64?
    /// Answers to sources that have shown no cookie, in all.
    public var statelessAnswers = TokenRate(burst: 20_000, perSecond: 20_000)
    /// Notices about relayed data, in all: the only answers that nobody asked for.
    public var notices = TokenRate(burst: 1_000, perSecond: 1_000)
    /// The same, per /24 of IPv4 or /56 of IPv6.
    public var noticesPerNetwork = TokenRate(burst: 20, perSecond: 10)
    /// Bindings that are looked at, in all: each costs two signatures, 0.15 ms.
    public var bindings = TokenRate(burst: 2_000, perSecond: 2_000)
    /// The same, per source: a carrier's NAT has many members behind one address.
    public var bindingsPerSource = TokenRate(burst: 64, perSecond: 8)
    /// Sources that are remembered by each limit.
    public var rememberedSources = 8_192

    public init() {}

    // Times and counts. They are promises of the protocol, so they are the same everywhere.

    /// A session of which nothing was heard for this long is forgotten.
    public static let idleTime = Duration.seconds(300)
    /// Nothing is forwarded to a member that was not heard for this long: its address may be
    /// somebody else's by now.
    public static let targetTime = Duration.seconds(30)
    /// How long sessions of lower generations go on after the first binding of a higher one.
    public static let generationTime = Duration.seconds(10)
    /// New sessions of one member within `bindingWindow`.
    public static let bindingsPerMember: UInt8 = 12
    public static let bindingWindow = Duration.seconds(300)
    /// A room without sessions is remembered for this long, for its generation and counts.
    public static let roomTime = Duration.seconds(300)
    /// A cookie holds in its own slot of this length and in the next one.
    public static let cookieSlot = Duration.seconds(120)
    /// How long clients have to be elsewhere when the relay is about to stop.
    public static let drainTime = Duration.seconds(20)
    /// How often they are told.
    public static let drainInterval = Duration.seconds(1)
    /// How often idle sessions are looked for.
    static let sweepInterval = Duration.seconds(5)
    /// IPv4 and UDP: what a datagram costs the line beside its bytes.
    static let headerBytes = 28
}
