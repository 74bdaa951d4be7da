/// The rungs of the ladder, best first.
public enum Rung: String, Sendable, CaseIterable {
    /// The two machines reach each other.
    case direct
    /// The host forwards.
    case host
    /// A relay forwards.
    case relay
    /// A relay forwards, and reaches us over TCP because no UDP passes.
    case tcp
}

extension Rung: Comparable {
    private var order: Int {
        switch self {
        case .direct: 0
        case .host: 1
        case .relay: 2
        case .tcp: 3
        }
    }

    public static func < (left: Rung, right: Rung) -> Bool { left.order < right.order }
}

/// A way to a member: one of its own addresses, the host, or a relay that both are bound to.
public struct Route: Hashable, Sendable, BitwiseCopyable {
    /// What carries datagrams to the member.
    public enum Kind: Sendable, BitwiseCopyable {
        /// Nothing between the two but the internet.
        case direct
        /// The host forwards.
        case host
        /// A relay forwards.
        case relay
    }

    /// Where datagrams go: the member's address, or the relay's. The way through the host has none
    /// of its own: it goes where the host is, wherever that is now.
    public let endpoint: Endpoint
    public let kind: Kind

    /// Through the host.
    public static let host = Route(
        endpoint: Endpoint(high: 0, low: 0, port: 0), kind: .host)

    public static func direct(_ endpoint: Endpoint) -> Route {
        Route(endpoint: endpoint, kind: .direct)
    }

    public static func relay(_ endpoint: Endpoint) -> Route {
        Route(endpoint: endpoint, kind: .relay)
    }

    public var isDirect: Bool { kind == .direct }
    public var isRelayed: Bool { kind == .relay }

    public var rung: Rung {
        switch kind {
        case .direct: .direct
        case .host: .host
        case .relay: endpoint.transport == .tcp ? .tcp : .relay
        }
    }
}
