/// What a relay has done. Every number only rises.
public struct RelayCounters: Sendable, Equatable {
    /// Datagrams that came in, of every kind. The base of all below.
    public var received: UInt64 = 0
    /// Bytes that came in.
    public var receivedBytes: UInt64 = 0
    /// Answers and notices that went out; relayed data is counted by `forwarded`.
    public var answered: UInt64 = 0
    /// Their bytes.
    public var answeredBytes: UInt64 = 0
    /// Datagrams of members that went on to another one.
    public var forwarded: UInt64 = 0
    /// Their bytes.
    public var forwardedBytes: UInt64 = 0
    /// Data with a session that does not exist, or not at this address. Per `received`.
    public var unbound: UInt64 = 0
    /// Data for a member that has no session, or was not heard for 30 s. Per `forwarded`.
    public var unreachable: UInt64 = 0
    /// Data over the rate of its sender. Per `forwarded`.
    public var overRate: UInt64 = 0
    /// Data over the rate of the whole relay. Per `forwarded`.
    public var overTotal: UInt64 = 0
    /// Datagrams that are no message of any protocol here. Per `received`.
    public var malformed: UInt64 = 0
    /// Answers left out because of their rate. Per `answered`.
    public var rateLimited: UInt64 = 0
    /// Sessions that began.
    public var bound: UInt64 = 0
    /// Bindings that were refused, for any reason. Per `bound`.
    public var refused: UInt64 = 0
    /// Sessions of which nothing was heard for too long. Per `bound`.
    public var idle: UInt64 = 0
    /// Answers that found the outbox full, because the shell does not drain it. Should be 0.
    public var outboxOverflows: UInt64 = 0

    public init() {}
}
