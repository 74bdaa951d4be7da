public import VCCore

/// How many connections a table keeps, and for how long.
public struct StreamLimits: Sendable {
    /// Connections at once. Each takes 4 KiB, and 38 KiB more once the other end reads too slowly.
    public var total: Int
    /// Connections of one source (/32 of IPv4, /56 of IPv6) at once.
    public var perSource: Int
    /// A connection that brings its first datagram later than this after it was accepted is closed:
    /// whoever only connects holds nothing for long.
    public var firstDatagram: Duration
    /// A connection that brings no datagram for this long is closed.
    public var idle: Duration
    /// Whether `send` to an endpoint without a connection opens one.
    public var connectsOnSend: Bool

    public init(
        total: Int, perSource: Int, firstDatagram: Duration = .seconds(10),
        idle: Duration, connectsOnSend: Bool
    ) {
        precondition(total > 0 && perSource > 0, "a table holds at least one connection")
        self.total = total
        self.perSource = perSource
        self.firstDatagram = firstDatagram
        self.idle = idle
        self.connectsOnSend = connectsOnSend
    }

    /// A server: half of the descriptors that a process usually may have, the members of two rooms
    /// behind one address, and the relay's five minutes.
    public static let server = StreamLimits(
        total: 512, perSource: 32, idle: .seconds(300), connectsOnSend: false)

    /// A member: vc-signal and the few relays of a room, which answer at least every 10 s while
    /// they are used.
    public static let client = StreamLimits(
        total: 8, perSource: 8, idle: .seconds(60), connectsOnSend: true)
}

/// Why a connection is no more.
public enum StreamCloseReason: Sendable, Equatable {
    /// `close` was called.
    case asked
    /// The other end closed it.
    case remote
    /// What came was no length of ours.
    case badLength
    /// Nothing came for too long.
    case idle
    /// Nobody accepted it in time.
    case connectTimeout
    /// The network or the other end refused it, or it broke, with errno.
    case failed(Int32)
}

/// What happened to a connection.
public enum StreamEvent: Sendable, Equatable {
    /// Datagrams pass now: the other end accepted it, or it was accepted here.
    case opened(Endpoint)
    case closed(Endpoint, StreamCloseReason)
}

/// What a table has done since it was made.
public struct StreamCounters: Sendable, Equatable {
    /// Connections accepted.
    public var accepted: UInt64 = 0
    /// Connections closed as soon as they came, by one of the limits; per `accepted`.
    public var refused: UInt64 = 0
    /// Connections that brought a length that is none of ours; per `accepted`.
    public var badLengths: UInt64 = 0
    /// Connections closed because nothing came; per `accepted`.
    public var idle: UInt64 = 0
    /// Datagrams received.
    public var received: UInt64 = 0
    /// Datagrams taken for sending.
    public var sent: UInt64 = 0
    /// Datagrams dropped because the other end read too slowly; per `sent`.
    public var dropped: UInt64 = 0
}
