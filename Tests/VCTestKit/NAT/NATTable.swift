import VCCore

/// The flows and mappings of a router, and how long each lives.
struct NATTable: Sendable {
    /// What the outside knows a mapping by: its outside endpoint and, where each destination has a
    /// mapping of its own, the destination.
    struct Outside: Hashable, Sendable {
        let endpoint: Endpoint
        let remote: Endpoint?
    }

    /// What the inside knows a mapping by.
    struct Inside: Hashable, Sendable {
        let endpoint: Endpoint
        let remote: Endpoint?
    }

    /// Datagrams between a mapping and one destination.
    private struct Flow: Sendable {
        let start: Instant
        var isTwoWay: Bool
        var expiry: Instant
    }

    private struct Mapping: Sendable {
        let inside: Inside
        let start: Instant
        var expiry: Instant
        var flows: [Endpoint: Flow] = [:]
        /// When the last flow with an address ends.
        var addresses: [Endpoint: Instant] = [:]
    }

    private let behaviour: NATBehaviour
    private var outsides: [Inside: Outside] = [:]
    private var mappings: [Outside: Mapping] = [:]
    /// Mappings that somebody asked for: of one inside endpoint, for everybody, for ever.
    private var fixedOutsides: [Endpoint: Endpoint] = [:]
    private var fixedInsides: [Endpoint: Endpoint] = [:]
    /// Flows that ended in the router itself, and until when they are remembered.
    private var accepted: [Outside: Instant] = [:]

    init(_ behaviour: NATBehaviour) {
        self.behaviour = behaviour
    }

    /// Forgets everything but what was asked for.
    mutating func flush() {
        outsides.removeAll()
        mappings.removeAll()
        accepted.removeAll()
    }

    mutating func fix(_ outside: Endpoint, to inside: Endpoint) {
        fixedOutsides[inside] = outside
        fixedInsides[outside] = inside
    }

    mutating func removeFixed() {
        fixedOutsides.removeAll()
        fixedInsides.removeAll()
    }

    /// Mappings that are alive.
    func count(at now: Instant) -> Int {
        mappings.values.count { isAlive($0, at: now) }
    }

    // MARK: Outward

    /// The outside endpoint of a datagram from `inside` to `remote`: the one that is there, or one
    /// that `pick` makes (asked until it says a free one, or nil).
    mutating func outward(
        from inside: Endpoint, to remote: Endpoint, now: Instant, pick: () -> Endpoint?
    ) -> Endpoint? {
        if let fixed = fixedOutsides[inside] { return fixed }
        let key = Inside(
            endpoint: inside, remote: behaviour.mapping.isPerDestination ? remote : nil)
        if let outside = outsides[key], isAlive(outside, at: now) {
            note(remote, outside, isInward: false, now: now)
            return outside.endpoint
        }
        if let dead = outsides.removeValue(forKey: key) { mappings[dead] = nil }
        while let endpoint = pick() {
            let outside = Outside(endpoint: endpoint, remote: key.remote)
            guard isFree(outside, at: now) else { continue }
            if let dead = mappings.removeValue(forKey: outside) { outsides[dead.inside] = nil }
            outsides[key] = outside
            mappings[outside] = Mapping(inside: key, start: now, expiry: now)
            note(remote, outside, isInward: false, now: now)
            return endpoint
        }
        return nil
    }

    private func isFree(_ outside: Outside, at now: Instant) -> Bool {
        if isAlive(outside, at: now) { return false }
        if let until = accepted[outside], now < until { return false }
        return fixedInsides[outside.endpoint] == nil
    }

    // MARK: Inward

    enum Inward: Equatable {
        case passes(to: Endpoint)
        /// There is a mapping, but not for this sender.
        case filtered
        case unknown
    }

    /// Where a datagram from `remote` to `endpoint` goes.
    mutating func inward(from remote: Endpoint, to endpoint: Endpoint, now: Instant) -> Inward {
        if let inside = fixedInsides[endpoint] { return .passes(to: inside) }
        let outside = Outside(
            endpoint: endpoint, remote: behaviour.mapping.isPerDestination ? remote : nil)
        let verdict = judge(remote, outside, at: now)
        if case .passes = verdict { note(remote, outside, isInward: true, now: now) }
        return verdict
    }

    private func judge(_ remote: Endpoint, _ outside: Outside, at now: Instant) -> Inward {
        guard let mapping = mappings[outside], isAlive(mapping, at: now) else { return .unknown }
        return lets(remote, through: mapping, at: now)
            ? .passes(to: mapping.inside.endpoint) : .filtered
    }

    /// The router itself took a datagram that nobody inside had asked for.
    mutating func accept(from remote: Endpoint, to endpoint: Endpoint, now: Instant) {
        accepted[Outside(endpoint: endpoint, remote: remote)] = now + behaviour.oneWayLifetime
    }

    private func lets(_ remote: Endpoint, through mapping: Mapping, at now: Instant) -> Bool {
        switch behaviour.filtering {
        case .endpointIndependent: true
        case .addressDependent: mapping.addresses[remote.address].map { now < $0 } ?? false
        case .addressAndPortDependent: mapping.flows[remote].map { now < $0.expiry } ?? false
        }
    }

    // MARK: Time

    private func isAlive(_ outside: Outside, at now: Instant) -> Bool {
        mappings[outside].map { isAlive($0, at: now) } ?? false
    }

    private func isAlive(_ mapping: Mapping, at now: Instant) -> Bool {
        if let limit = behaviour.absoluteLifetime, now >= mapping.start + limit { return false }
        return now < mapping.expiry
    }

    /// A datagram passed between a mapping and `remote`.
    private mutating func note(
        _ remote: Endpoint, _ outside: Outside, isInward: Bool, now: Instant
    ) {
        guard var mapping = mappings.removeValue(forKey: outside) else { return }
        var flow = Flow(start: now, isTwoWay: false, expiry: now)
        if let known = mapping.flows[remote], now < known.expiry {
            flow = known
            if isInward { flow.isTwoWay = true }
        }
        let isOld = now >= flow.start + behaviour.twoWayAge
        let lifetime =
            flow.isTwoWay && isOld ? behaviour.twoWayLifetime : behaviour.oneWayLifetime
        flow.expiry = max(flow.expiry, now + lifetime)
        mapping.flows[remote] = flow
        mapping.expiry = max(mapping.expiry, flow.expiry)
        // What came in unasked opens nothing to the rest of its address.
        if !isInward || mapping.addresses[remote.address] != nil {
            let known = mapping.addresses[remote.address] ?? .zero
            mapping.addresses[remote.address] = max(known, flow.expiry)
        }
        mappings[outside] = mapping
    }
}

extension Endpoint {
    /// The address alone: no port, no transport.
    var address: Endpoint { Endpoint(high: high, low: low, port: 0) }
}
