internal import VCCore
internal import VCNet

/// Tries out the signaling server, the way there, and the relays it names.
struct NetworkFindings: ~Copyable {
    private let server: ServerName
    private let hostToken: HostToken?
    private let arena: SecretArena
    private let tell: (Finding) -> Void
    private var link: DoctorLink
    private var random = SystemRandom()
    /// How a server sees our socket, by IPv4, if one does.
    private(set) var observed: Endpoint?
    private(set) var mapping: Finding.Mapping?

    /// Names have at most so many addresses that matter: two of each family.
    private static let maximumServers = 4
    /// STUN gives up by itself; two answers that come take two round trips.
    private static let mappingTime = Duration.seconds(3)
    /// For taking back what was opened.
    private static let leavingTime = Duration.seconds(3)

    init(
        server: ServerName, hostToken: HostToken?, arena: SecretArena,
        tell: @escaping (Finding) -> Void
    ) throws(SocketError) {
        self.server = server
        self.hostToken = hostToken
        self.arena = arena
        self.tell = tell
        link = try DoctorLink()
    }

    mutating func run() throws(SystemError) {
        let servers: [Endpoint]
        do throws(ResolveError) {
            servers = try Resolver.resolve(
                HostPort(host: server.host, port: server.port), defaultPort: CallSetup.signalPort)
        } catch {
            return tell(.noSuchServer("\(error)"))
        }
        let reachable = Self.reachable(servers)
        var probe = ServerProbe(servers: reachable, random: &random, now: MonotonicClock.now)
        try link.run(&probe, until: MonotonicClock.now + ServerProbe.duration)
        tell(.server(name: server.description, Self.ways(probe.ways)))
        guard probe.ways.contains(where: { $0.roundTrip != nil }) else { return }
        try tryMapping(probe.ways)
        try tryRoom(
            reachable, passesUDP: probe.ways.contains { $0.isUDP && $0.roundTrip != nil })
    }

    /// Those addresses whose family this machine has; all where it has none.
    private static func reachable(_ servers: [Endpoint]) -> [Endpoint] {
        let (hasIPv4, hasIPv6) = (DefaultRoute.ipv4 != nil, DefaultRoute.ipv6 != nil)
        let found = servers.filter {
            $0.isLoopback || ($0.ipv4 == nil ? hasIPv6 : hasIPv4)
        }
        return Array((found.isEmpty ? servers : found).prefix(maximumServers))
    }

    /// One way per family and transport: the fastest.
    private static func ways(_ ways: [ServerProbe.Way]) -> [Finding.ServerWay] {
        var found: [Finding.ServerWay] = []
        for transport in [Transport.udp, .tcp] {
            for family in [Finding.Family.ipv4, .ipv6] {
                let those = ways.filter {
                    $0.server.transport == transport
                        && ($0.server.ipv4 != nil) == (family == .ipv4)
                }
                guard !those.isEmpty else { continue }
                found.append(
                    Finding.ServerWay(
                        family: family, transport: transport,
                        roundTrip: those.compactMap(\.roundTrip).min()))
            }
        }
        return found
    }

    // MARK: The NAT

    /// IPv4 first: IPv6 has no NATs, or should not have.
    private mutating func tryMapping(_ ways: [ServerProbe.Way]) throws(SystemError) {
        let answered = ways.filter { $0.isUDP && $0.roundTrip != nil }
        guard let way = answered.first(where: { $0.server.ipv4 != nil }) ?? answered.first
        else { return }
        var probe = MappingProbe(
            server: way.server, secondPort: way.secondPort, random: &random,
            now: MonotonicClock.now)
        try link.run(&probe, until: MonotonicClock.now + Self.mappingTime)
        let own = (try? Interfaces.addresses(includingLoopback: true)) ?? []
        let found = Finding.Mapping(
            observed: probe.observed, own: own.map(\.endpoint), port: link.port)
        mapping = found
        observed = way.observed
        tell(.mapping(found))
    }

    // MARK: Room and relays

    private mutating func tryRoom(
        _ servers: [Endpoint], passesUDP: Bool
    ) throws(SystemError) {
        let now = MonotonicClock.now
        var probe = RoomProbe(servers: servers, hostToken: hostToken, arena: arena, now: now)
        try link.run(
            &probe, until: now + RoomProbe.duration + Self.leavingTime)
        tell(.room(probe.room, hasTicket: probe.hasTicket))
        guard probe.room == .leased else { return }
        tell(.relays(probe.relays.map(Self.relays), passesUDP: passesUDP))
    }

    /// One entry per address of a relay. One that does not answer is left out where the same relay
    /// answers at another address.
    private static func relays(_ probes: [RelayProbe]) -> [Finding.Relay] {
        let answering = Set(probes.filter { $0.roundTrip != nil }.map(\.server.number))
        var found: [Finding.Relay] = []
        var seen: Set<Endpoint> = []
        for probe in probes where seen.insert(probe.server.endpoint).inserted {
            let those = probes.filter { $0.server.endpoint == probe.server.endpoint }
            let answered = those.filter { $0.roundTrip != nil }
            if answered.isEmpty, answering.contains(probe.server.number) { continue }
            let bindings = answered.map(\.binding)
            found.append(
                Finding.Relay(
                    name: probe.server.endpoint.description,
                    udp: answered.first { $0.endpoint.transport == .udp }?.roundTrip,
                    tcp: answered.first { $0.endpoint.transport == .tcp }?.roundTrip,
                    binding: bindings.first { $0 == .bound } ?? bindings.first ?? .untried,
                    isDraining: those.contains(where: \.isDraining)))
        }
        return found
    }
}

extension ServerProbe.Way {
    fileprivate var isUDP: Bool { server.transport == .udp }
}

extension Finding.Mapping {
    /// - Parameters:
    ///   - observed: where the two ports of a server saw us, nil for one that did not answer.
    ///   - own: this machine's addresses.
    ///   - port: our socket's.
    init(observed: [Endpoint?], own: [Endpoint], port: UInt16) {
        guard observed.count == 2, let first = observed[0], let second = observed[1] else {
            self = .unknown
            return
        }
        if first != second {
            self = .different(first)
        } else if first.port == port, own.contains(where: { $0.hasSameAddress(as: first) }) {
            self = .none
        } else {
            self = .same(first)
        }
    }
}
