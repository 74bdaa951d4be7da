public import VCCore

/// Where a relayed datagram goes.
public struct RelayTarget: Equatable, Sendable {
    public let endpoint: Endpoint
    /// The same for all datagrams to the same session, as long as it exists.
    public let key: Int32
}
