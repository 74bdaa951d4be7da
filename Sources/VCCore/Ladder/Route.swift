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

/// A way to a member: one of its own addresses, or a relay that both are bound to.
public struct Route: Hashable, Sendable, BitwiseCopyable {
    /// Where datagrams go: the member's address, or the relay's.
    public let endpoint: Endpoint
    public let isRelayed: Bool

    public static func direct(_ endpoint: Endpoint) -> Route {
        Route(endpoint: endpoint, isRelayed: false)
    }

    public static func relay(_ endpoint: Endpoint) -> Route {
        Route(endpoint: endpoint, isRelayed: true)
    }

    public var rung: Rung {
        guard isRelayed else { return .direct }
        return endpoint.transport == .tcp ? .tcp : .relay
    }
}
