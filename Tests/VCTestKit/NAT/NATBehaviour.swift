/// What a router on the way does to datagrams, in the terms of RFC 4787.
public struct NATBehaviour: Sendable, Equatable {
    /// How an outside port is given to an inside endpoint (RFC 4787 section 4.1).
    public enum Mapping: Sendable, Equatable {
        /// Addresses stay as they are: a router or a firewall, no NAT.
        case none
        /// One outside port for all destinations; the inside port itself where it is free.
        case endpointIndependent
        /// One outside port for all destinations, a random one.
        case endpointIndependentRandom
        /// As Linux masquerades: each destination on its own gets the inside port, unless another
        /// flow to the same destination has it.
        case preservingPerDestination
        /// A random outside port per destination ("symmetric").
        case randomPerDestination

        var isPerDestination: Bool {
            self == .preservingPerDestination || self == .randomPerDestination
        }

        var preservesPort: Bool {
            self == .endpointIndependent || self == .preservingPerDestination
        }
    }

    /// Whose datagrams come in through a mapping (RFC 4787 section 5).
    public enum Filtering: Sendable, Equatable {
        case endpointIndependent
        case addressDependent
        case addressAndPortDependent
    }

    public var mapping: Mapping
    public var filtering: Filtering
    /// Whether the router takes unasked datagrams to its outside address for itself (the INPUT
    /// chain of its WAN side accepts). It has no use for them, but its connection tracking then
    /// knows the flow, and the port is taken as far as that sender is concerned.
    public var acceptsFromOutside = false
    public var passesUDP = true
    public var passesTCP = true
    /// Whether inside hosts reach each other through the outside address (RFC 4787 section 6).
    public var hairpins = false
    /// A flow that was not answered is forgotten after this (Linux: nf_conntrack_udp_timeout).
    public var oneWayLifetime = Duration.seconds(30)
    /// One that was, after this (Linux: nf_conntrack_udp_timeout_stream) ...
    public var twoWayLifetime = Duration.seconds(120)
    /// ... if it is at least this old (Linux since 5.0).
    public var twoWayAge = Duration.seconds(2)
    /// A mapping dies this long after it was made, whatever passes (seen at carriers: 50 to 75 s).
    public var absoluteLifetime: Duration?

    public init(_ mapping: Mapping, _ filtering: Filtering) {
        self.mapping = mapping
        self.filtering = filtering
    }
}

/// The routers that people are behind.
public enum NATKind: String, Sendable, CaseIterable {
    /// No NAT and no firewall.
    case open
    case fullCone
    case addressRestricted
    case portRestricted
    /// A Linux router whose WAN side accepts: port-restricted, and a probe that comes too early
    /// takes the port.
    case portRestrictedAcceptingWAN
    case symmetric
    /// No translation, but only answers come in.
    case ipv6Firewall
    /// TCP passes, as through a port-restricted NAT.
    case udpBlocked
    /// Nothing passes.
    case blocked

    /// What routers of this kind do.
    public var behaviour: NATBehaviour {
        switch self {
        case .open: return NATBehaviour(.none, .endpointIndependent)
        case .fullCone: return NATBehaviour(.endpointIndependent, .endpointIndependent)
        case .addressRestricted: return NATBehaviour(.endpointIndependent, .addressDependent)
        case .portRestricted:
            return NATBehaviour(.endpointIndependent, .addressAndPortDependent)
        case .portRestrictedAcceptingWAN:
            var behaviour = NATBehaviour(.preservingPerDestination, .addressAndPortDependent)
            behaviour.acceptsFromOutside = true
            return behaviour
        case .symmetric: return NATBehaviour(.randomPerDestination, .addressAndPortDependent)
        case .ipv6Firewall: return NATBehaviour(.none, .addressAndPortDependent)
        case .udpBlocked, .blocked:
            var behaviour = NATBehaviour(.endpointIndependent, .addressAndPortDependent)
            behaviour.passesUDP = false
            behaviour.passesTCP = self == .udpBlocked
            return behaviour
        }
    }
}
