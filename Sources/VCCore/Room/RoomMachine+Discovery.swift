// A joiner's search for the room in the local network, where the code names no server, or where the
// configured one does not know the room.
extension RoomMachine {
    /// Places where a code is tried for one wish of the person, the configured server among them:
    /// whoever stands there gets one guess at the words (research on abuse).
    static let placesPerJoin = 3

    /// What a joiner knows of its search.
    struct LocalSearch {
        var search: DiscoverySearch
        /// Why the configured server was of no use; nil without one.
        let reasonBefore: EndReason?
        /// Whether the code is being tried at a host.
        var isTrying = false
        /// What came of the hosts that were tried, as far as it tells the person most.
        var reason: EndReason?
    }

    /// Whether answers to `pollQuery` are waited for.
    public var isSearching: Bool { search != nil }

    /// The next question for the local networks, which the shell sends into each of them.
    ///
    /// - Returns: how many bytes it has.
    @unsafe public mutating func pollQuery(
        into target: UnsafeMutableRawBufferPointer, now: Instant
    ) -> Int? {
        guard let query = search?.search.pollQuery(now: now) else { return nil }
        var writer = unsafe ByteWriter(MutableRawSpan(_unsafeBytes: target))
        query.encode(into: &writer)
        return writer.count
    }

    // MARK: Searching

    /// - Parameter reason: why the configured server was of no use; nil without one.
    mutating func beginSearch(after reason: EndReason?, now: Instant) {
        guard let nameplate = currentNameplate else { return }
        leaveServer(now: now)
        search = LocalSearch(
            search: DiscoverySearch(
                nameplate: nameplate, limit: RoomMachine.placesPerJoin - (reason == nil ? 0 : 1),
                random: &random, now: now),
            reasonBefore: reason)
        events.append(.searching(nameplate: nameplate, at: nil))
        wake(now)
    }

    /// Nothing of the server that was asked last counts any more.
    private mutating func leaveServer(now: Instant) {
        signal.release(now: now)
        relays = RelayTable()
        mapping = MappingProbe()
        observed = nil
        joiner = nil
        phase = .finding
    }

    mutating func handleDiscovery(_ datagram: RawSpan, from source: Endpoint, now: Instant) {
        if search?.search.handle(datagram, from: source, now: now) ?? false {
            wake(now)
        } else {
            counters.unknown += 1
        }
    }

    mutating func driveSearch(now: Instant) {
        guard let current = search, phase == .finding, !current.isTrying else { return }
        if let addresses = search?.search.nextHost(now: now) {
            tryHost(at: addresses, now: now)
        } else if current.search.isOver(now: now) {
            end(current.outcome)
        }
    }

    private mutating func tryHost(at addresses: [Endpoint], now: Instant) {
        guard let nameplate = currentNameplate, let first = addresses.first else { return }
        search?.isTrying = true
        configuration.servers = addresses
        signal = SignalClient(
            servers: addresses, joining: nameplate, relayKey: relayKey.verifyKey, random: &random,
            now: now)
        events.append(.searching(nameplate: nameplate, at: first))
        wake(now)
    }

    /// A try to join failed. There may be another place to try; else the call ends.
    mutating func failJoin(_ reason: EndReason, now: Instant) {
        guard phase == .finding || phase == .joining else { return }
        guard var current = search else {
            // More than one guess at the server would be one too many with two hosts behind it.
            guard configuration.searchesLocalNetwork, reason.mayBeElsewhere, attempt <= 1 else {
                return end(reason)
            }
            return beginSearch(after: reason, now: now)
        }
        // Of a client that was left already.
        guard current.isTrying else { return }
        current.isTrying = false
        if reason.weight >= current.reason?.weight ?? 0 { current.reason = reason }
        search = current
        leaveServer(now: now)
        wake(now)
    }

    /// When the search has something to do next.
    var searchTimeout: Instant {
        guard let search else { return .distantFuture }
        return search.search.timeout(isTrying: search.isTrying)
    }

    /// The room was found where the host itself answered: that is an address of the host. Only one
    /// without a router between needs it, as hosts do not offer link-local ones.
    mutating func noteFound(_ host: PublicKey) {
        guard search != nil else { return }
        search = nil
        foundHost = (host, configuration.servers.filter { $0.scope != 0 })
    }

    /// Link-local addresses at which a member was found.
    func addressesFound(of number: Int) -> [Endpoint] {
        guard let foundHost, foundHost.key == peers[number].key else { return [] }
        return foundHost.addresses
    }
}

extension RoomMachine.LocalSearch {
    /// How a search ends that has not found the room.
    fileprivate var outcome: EndReason {
        switch reason {
        case .some(.noSuchRoom), nil: reasonBefore ?? .notInNetwork
        case .some(.signalUnreachable): reasonBefore ?? .noAnswer
        case .some(let reason): reason
        }
    }
}

extension EndReason {
    /// Whether the room may be in the local network when a server says this.
    fileprivate var mayBeElsewhere: Bool { self == .noSuchRoom || self == .signalUnreachable }

    /// How much it tells who was refused at several places.
    fileprivate var weight: Int {
        switch self {
        case .refused(.refused): 4
        case .refused: 3
        case .noSuchRoom, .signalUnreachable: 1
        default: 2
        }
    }
}
