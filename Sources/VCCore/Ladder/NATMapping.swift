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

/// Finds out how our NAT maps: two ports of the signaling server tell what they see.
struct MappingProbe {
    private var first: Endpoint?
    private var exchange: BindingExchange?

    /// The server saw us at `observed`; its `secondPort`, if it has one, is asked for another view.
    mutating func begin(
        server: Endpoint, observed: Endpoint, secondPort: UInt16,
        random: inout AnyRandomSource, now: Instant
    ) {
        guard observed != first || exchange == nil else { return }
        first = observed
        guard secondPort != 0, server.transport == .udp else { return }
        exchange = BindingExchange(
            server: server.with(port: secondPort), random: &random, now: now)
    }

    var mapping: NATMapping {
        guard let first, case .answered(let second) = exchange?.state else { return .unknown }
        return first == second ? .independent : .dependent
    }

    mutating func handle(_ datagram: RawSpan, from source: Endpoint) -> Bool {
        exchange?.handle(datagram, from: source) ?? false
    }

    mutating func handleTimeout(now: Instant) { exchange?.handleTimeout(now: now) }

    var timeout: Instant { exchange?.pollTimeout() ?? .distantFuture }

    mutating func pollTransmit(into writer: inout ByteWriter) -> (Endpoint, Int)? {
        guard let server = exchange?.server, let size = exchange?.pollTransmit(into: &writer)
        else { return nil }
        return (server, size)
    }
}
