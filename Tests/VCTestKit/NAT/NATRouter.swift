public import VCCore

/// A datagram on its way through the network.
public struct Packet: Sendable, Equatable {
    /// What an operating system sets (RFC 1700).
    public static let initialHops: UInt8 = 64

    public var source: Endpoint
    public var destination: Endpoint
    /// Routers that it may still meet: each takes one, and the one that takes the last drops it.
    public var hops: UInt8
    public var bytes: [UInt8]

    public init(
        _ bytes: [UInt8], from source: Endpoint, to destination: Endpoint,
        hops: UInt8 = Packet.initialHops
    ) {
        self.source = source
        self.destination = destination
        self.hops = hops
        self.bytes = bytes
    }
}

/// A router between one network and the next, as a machine: it translates and filters what it is
/// given, in virtual time and from a seed.
///
/// ```
///   inside endpoint --outward--> mapping --flow per destination--> expired
///                                   ^               |                 |
///                                   +----inward-----+   30 s one way, 120 s both ways
/// ```
public struct NATRouter: Sendable {
    /// The two networks of a router.
    public enum Side: Sendable {
        case inside, outside
    }

    /// Why a datagram did not pass.
    public enum Drop: Sendable, Equatable, CaseIterable {
        /// Its last hop was here.
        case hops
        /// The router lets this transport not pass.
        case blocked
        /// Nobody inside uses the port.
        case noMapping
        /// Somebody does, but did not ask this sender.
        case filtered
        /// From inside to the outside address, and the router does not turn it around.
        case hairpin
        /// No outside port is left.
        case noPort
    }

    /// What became of a datagram.
    public enum Verdict: Sendable, Equatable {
        /// It goes on in the network of that side.
        case forwarded(Packet, to: Side)
        case dropped(Drop)
    }

    /// Ports of flows that cannot have their own.
    private static let randomPorts: ClosedRange<UInt16> = 1_024...65_535
    /// Random ports that are tried for one mapping.
    private static let maximumPicks = 256

    public let behaviour: NATBehaviour
    /// The address on the outside; nil where addresses are not translated.
    public private(set) var outsideAddress: Endpoint?
    /// Datagrams that did not pass.
    public private(set) var drops: [Drop: Int] = [:]
    private var table: NATTable
    private var random: SplitMix64

    /// - Parameter address: its outside address; the port does not matter. Behaviours that
    ///   translate need one.
    public init(_ behaviour: NATBehaviour, address: Endpoint? = nil, seed: UInt64) {
        precondition((behaviour.mapping == .none) == (address == nil), "an address to translate to")
        self.behaviour = behaviour
        outsideAddress = address?.address
        table = NATTable(behaviour)
        random = SplitMix64(seed: seed)
    }

    /// Mappings that are alive, without those of a port mapping protocol.
    public func mappingCount(at now: Instant) -> Int { table.count(at: now) }

    /// Takes a datagram that arrived on `side`.
    public mutating func forward(_ packet: Packet, from side: Side, now: Instant) -> Verdict {
        let verdict = judge(packet, from: side, now: now)
        if case .dropped(let drop) = verdict { drops[drop, default: 0] += 1 }
        return verdict
    }

    /// Makes a mapping as a port mapping protocol does: what comes to `port` goes to `inside`,
    /// whoever sends it, and what `inside` sends comes from `port` (RFC 6887 section 11).
    public mutating func mapPort(_ port: UInt16, to inside: Endpoint) {
        guard let outsideAddress else { return }
        table.fix(outsideAddress.with(port: port).over(inside.transport), to: inside)
    }

    /// Loses all mappings but those of a port mapping protocol.
    public mutating func flush() { table.flush() }

    /// Starts again: the mappings of a port mapping protocol are lost, too.
    public mutating func restart() {
        table.flush()
        table.removeFixed()
    }

    /// The provider gives another address: a restart with it.
    public mutating func changeAddress(to address: Endpoint) {
        precondition(outsideAddress != nil)
        outsideAddress = address.address
        restart()
    }

    // MARK: Judging

    private mutating func judge(_ packet: Packet, from side: Side, now: Instant) -> Verdict {
        guard passes(packet) else { return .dropped(.blocked) }
        return switch side {
        case .inside: outward(packet, now: now)
        case .outside: inward(packet, now: now)
        }
    }

    private func passes(_ packet: Packet) -> Bool {
        switch packet.destination.transport {
        case .udp: behaviour.passesUDP
        case .tcp: behaviour.passesTCP
        }
    }

    private mutating func outward(_ packet: Packet, now: Instant) -> Verdict {
        // Before the translation, so that what dies here leaves no mapping.
        guard packet.hops > 1 else { return .dropped(.hops) }
        let isHairpin = outsideAddress.map(packet.destination.hasSameAddress) ?? false
        guard !isHairpin || behaviour.hairpins else { return .dropped(.hairpin) }
        guard let source = translate(packet, now: now) else { return .dropped(.noPort) }
        var forwarded = packet
        forwarded.source = source
        if isHairpin { return inward(forwarded, now: now) }
        forwarded.hops -= 1
        return .forwarded(forwarded, to: .outside)
    }

    /// The source that the outside sees.
    private mutating func translate(_ packet: Packet, now: Instant) -> Endpoint? {
        let source = packet.source
        guard let outsideAddress else {
            var isAsked = false
            return table.outward(from: source, to: packet.destination, now: now) {
                defer { isAsked = true }
                return isAsked ? nil : source
            }
        }
        var picks = 0
        let preserves = behaviour.mapping.preservesPort
        return table.outward(from: source, to: packet.destination, now: now) {
            guard picks < NATRouter.maximumPicks else { return nil }
            picks += 1
            let port =
                picks == 1 && preserves
                ? source.port : UInt16.random(in: NATRouter.randomPorts, using: &random)
            return outsideAddress.with(port: port).over(source.transport)
        }
    }

    private mutating func inward(_ packet: Packet, now: Instant) -> Verdict {
        if behaviour.mapping == .none, behaviour.filtering == .endpointIndependent {
            return pass(packet, to: packet.destination)
        }
        switch table.inward(from: packet.source, to: packet.destination, now: now) {
        case .passes(let inside): return pass(packet, to: inside)
        case .filtered: return refuse(packet, .filtered, now: now)
        case .unknown: return refuse(packet, .noMapping, now: now)
        }
    }

    private func pass(_ packet: Packet, to inside: Endpoint) -> Verdict {
        guard packet.hops > 1 else { return .dropped(.hops) }
        var forwarded = packet
        forwarded.destination = inside
        forwarded.hops -= 1
        return .forwarded(forwarded, to: .inside)
    }

    /// Nobody inside asked for the datagram. It ends here, and needs no hop more for that.
    private mutating func refuse(_ packet: Packet, _ drop: Drop, now: Instant) -> Verdict {
        if behaviour.acceptsFromOutside {
            table.accept(from: packet.source, to: packet.destination, now: now)
        }
        return .dropped(drop)
    }
}
