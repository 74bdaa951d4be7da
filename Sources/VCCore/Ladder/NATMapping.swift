/// How the NAT in front of a member maps its port (RFC 4787 section 4.1), as far as it is known.
public enum NATMapping: UInt8, Sendable {
    case unknown = 0
    /// The same mapping to every destination, or no NAT at all: others can reach it.
    case independent = 1
    /// Another port for each destination ("symmetric"): what one server saw helps nobody else.
    case dependent = 2
    /// No UDP passes.
    case blocked = 3
}

/// Finds out how our NAT maps, and how we are seen in the other IP family: STUN to the second port
/// of the signaling server, and to its addresses of the family that it is not talked to in.
struct MappingProbe {
    /// Servers of the other family that are asked.
    private static let maximumOthers = 2

    private struct View {
        let server: Endpoint
        let observed: Endpoint
        let secondPort: UInt16
    }

    private var view: View?
    private var second: BindingExchange?
    private var others: [BindingExchange] = []

    /// The server saw us at `observed`; its `secondPort`, if it has one, is asked for another view.
    ///
    /// - Parameter servers: all addresses of signaling servers.
    mutating func begin(
        server: Endpoint, observed: Endpoint, secondPort: UInt16, servers: [Endpoint],
        random: inout AnyRandomSource, now: Instant
    ) {
        guard server.transport == .udp else { return }
        view = View(server: server, observed: observed, secondPort: secondPort)
        restart(servers: servers, random: &random, now: now)
    }

    /// Our address may have changed: everybody is asked again.
    mutating func restart(servers: [Endpoint], random: inout AnyRandomSource, now: Instant) {
        guard let view else { return }
        second = nil
        if view.secondPort != 0 {
            second = BindingExchange(
                server: view.server.with(port: view.secondPort), random: &random, now: now)
        }
        others.removeAll()
        let isIPv4 = view.server.ipv4 != nil
        for server in servers
        where server.port != 0 && (server.ipv4 != nil) != isIPv4
            && others.count < MappingProbe.maximumOthers
        {
            others.append(BindingExchange(server: server, random: &random, now: now))
        }
    }

    var mapping: NATMapping {
        guard let view, case .answered(let seen) = second?.state else { return .unknown }
        return view.observed == seen ? .independent : .dependent
    }

    /// How we are seen in the other IP family.
    var observedElsewhere: Endpoint? {
        for exchange in others {
            if case .answered(let seen) = exchange.state { return seen }
        }
        return nil
    }

    mutating func handle(_ datagram: RawSpan, from source: Endpoint) -> Bool {
        if second?.handle(datagram, from: source) == true { return true }
        for index in others.indices where others[index].handle(datagram, from: source) {
            return true
        }
        return false
    }

    mutating func handleTimeout(now: Instant) {
        second?.handleTimeout(now: now)
        for index in others.indices { others[index].handleTimeout(now: now) }
    }

    var timeout: Instant {
        var due = second?.pollTimeout() ?? .distantFuture
        for exchange in others { due = min(due, exchange.pollTimeout() ?? .distantFuture) }
        return due
    }

    mutating func pollTransmit(into writer: inout ByteWriter) -> (Endpoint, Int)? {
        if let server = second?.server, let size = second?.pollTransmit(into: &writer) {
            return (server, size)
        }
        for index in others.indices {
            if let size = others[index].pollTransmit(into: &writer) {
                return (others[index].server, size)
            }
        }
        return nil
    }
}
