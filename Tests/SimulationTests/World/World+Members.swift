import VCCore
import VCTestKit

// Members: where they come from, and what happens to them.
extension World {
    /// Somebody who opens a room; at an address of its own, unless a site is given.
    ///
    /// - Parameter mapsPort: the router of the site gives it a port when asked.
    mutating func addHost(
        name: String = "ana", capacity: Int = 2, at site: Site? = nil, mapsPort: Bool = false,
        rungs: RungPolicy = RungPolicy(), servers: [Endpoint]? = nil
    ) -> Node {
        let place = newPlace(at: site ?? openSite, mapsPort: mapsPort)
        var configuration = configuration(isHost: true, name, capacity, rungs, place)
        configuration.servers = servers ?? configuration.servers
        let machine = RoomMachine(
            hosting: configuration, arena: arena, random: randomSource(), now: now)
        return add(machine, at: place)
    }

    /// Somebody who joins a room, likewise.
    ///
    /// - Parameters:
    ///   - servers: where vc-signal may be, if not at the usual place.
    ///   - searches: whether the room is looked for in the local network, too.
    mutating func addJoiner(
        name: String = "bob", code: [UInt8], at site: Site? = nil, mapsPort: Bool = false,
        rungs: RungPolicy = RungPolicy(), servers: [Endpoint]? = nil, searches: Bool = false
    ) throws -> Node {
        let place = newPlace(at: site ?? openSite, mapsPort: mapsPort)
        var configuration = configuration(isHost: false, name, Limits.members, rungs, place)
        configuration.servers = servers ?? configuration.servers
        configuration.searchesLocalNetwork = searches
        let parsed = try RoomCode(parsing: code.span.bytes, in: arena)
        let machine = RoomMachine(
            joining: parsed, configuration, arena: arena, random: randomSource(), now: now)
        return add(machine, at: place)
    }

    /// Somebody who looks for others by a phrase, likewise.
    mutating func addTuner(
        name: String, _ secret: consuming TuneSecret, at site: Site? = nil
    ) -> Node {
        let place = newPlace(at: site ?? openSite, mapsPort: false)
        let configuration = configuration(
            isHost: false, name, Limits.members, RungPolicy(), place)
        let machine = RoomMachine(
            tuning: secret, configuration, arena: arena, random: randomSource(), now: now)
        return add(machine, at: place)
    }

    /// The host and the endpoints of a member to be.
    private struct Place {
        let host: VirtualNetwork.HostID
        let site: Site
        let endpoints: [Endpoint]
        let mapped: Endpoint?

        /// What the member says of itself.
        var candidates: [Endpoint] { (mapped.map { [$0] } ?? []) + endpoints }
    }

    private mutating func newPlace(at site: Site, mapsPort: Bool) -> Place {
        let host = network.addHost(udpPorts: [World.memberPort])
        return move(host, to: site, mapsPort: mapsPort)
    }

    private mutating func move(
        _ host: VirtualNetwork.HostID, to site: Site, mapsPort: Bool
    ) -> Place {
        for address in network.addresses(of: host) { network.detach(host, address) }
        let endpoints = newAddresses(at: site).map { $0.with(port: World.memberPort) }
        for endpoint in endpoints { network.attach(host, endpoint, in: site.realm) }
        var mapped: Endpoint?
        if mapsPort, let router = site.router, let outside = outsideAddress(of: site) {
            let port = UInt16(30_000 + site.hosts)
            network[router].mapPort(port, to: endpoints[0])
            mapped = outside.with(port: port)
        }
        return Place(host: host, site: site, endpoints: endpoints, mapped: mapped)
    }

    private func configuration(
        isHost: Bool, _ name: String, _ capacity: Int, _ rungs: RungPolicy, _ place: Place
    ) -> RoomConfiguration {
        let has4 = place.endpoints.contains { $0.ipv4 != nil }
        let has6 = place.endpoints.contains { $0.ipv4 == nil }
        let servers = (has4 ? [World.server] : []) + (has6 ? [World.server6] : [])
        return RoomConfiguration(
            isHost: isHost, servers: servers, name: DisplayText(name: name),
            candidates: place.candidates,
            local: LocalAddresses(addresses: place.endpoints, allowsLoopback: false),
            capacity: capacity, rungs: rungs)
    }

    private mutating func randomSource() -> AnyRandomSource {
        AnyRandomSource(SplitMix64(seed: randomSeed()))
    }

    private mutating func add(_ machine: consuming RoomMachine, at place: Place) -> Node {
        let node = Node(machine, on: place.host, at: place.endpoints[0], in: place.site)
        node.mapped = place.mapped
        add(node)
        return node
    }

    // MARK: What happens to them

    /// Somebody walks from one network into another; the machine is told, as netlink would.
    mutating func move(_ node: Node, to site: Site, mapsPort: Bool = false) {
        let place = move(node.host, to: site, mapsPort: mapsPort)
        node.endpoint = place.endpoints[0]
        node.site = site
        node.mapped = place.mapped
        node.machine.addressesChanged(
            place.candidates,
            local: LocalAddresses(addresses: place.endpoints, allowsLoopback: false), now: now)
    }

    /// How voice of a node leaves for a member, as the network sees it; nil before the first frame.
    func rung(of node: Node, to member: UInt8) -> Rung? {
        guard let destination = node.voiceDestinations[member] else { return nil }
        guard relay(of: node, to: member) != nil else { return .direct }
        return destination.transport == .tcp ? .tcp : .relay
    }

    /// Whether vc-signal is there; when it is back it is as it was before.
    var serverIsUp: Bool {
        get { signal.isUp }
        set {
            signal.isUp = newValue
            network.setUp(newValue, signal.host)
        }
    }

    /// A new vc-signal in the place of the old one, which is gone with all it knew.
    mutating func startSignalAnew() {
        network.closeStreams(of: signal.host)
        let process = SignalProcess(
            seed: randomSeed(), key: World.signingKey(in: arena),
            relays: relays.indices.map(World.relayAddresses), arena: arena, now: now)
        signal.replace(by: process)
        serverIsUp = true
    }
}
