public import VCCore

/// How to run a relay.
public struct RelayConfiguration: Sendable {
    /// UDP; each has a thread, a socket and a table of its own, and nothing is shared.
    public var listen: [Endpoint]
    /// Where TCP connections are taken; they belong to the first of `listen`.
    public var listenTCP: Endpoint?
    /// Of the signaling servers whose tickets are taken.
    public var keys: [VerifyKey]
    /// Where clients reach the relay, beside the addresses of this machine; port 0: its own ports.
    public var advertised: [Endpoint]
    /// Whether bindings and addresses are logged.
    public var isVerbose: Bool
    public var limits: RelayLimits

    public init(
        listen: [Endpoint], listenTCP: Endpoint? = nil, keys: [VerifyKey],
        advertised: [Endpoint] = [], isVerbose: Bool = false, limits: RelayLimits = RelayLimits()
    ) {
        self.listen = listen
        self.listenTCP = listenTCP
        self.keys = keys
        self.advertised = advertised
        self.isVerbose = isVerbose
        self.limits = limits
    }

    /// The limits of one of the workers.
    var limitsOfWorker: RelayLimits {
        var limits = limits
        limits.totalBytesPerSecond = limits.totalBytesPerSecond.map {
            max(1, $0 / UInt64(max(1, listen.count)))
        }
        return limits
    }
}
