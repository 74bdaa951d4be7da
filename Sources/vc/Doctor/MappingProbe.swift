internal import VCCore

/// How the router maps the port of our socket: asked at two ports of one server by STUN (RFC 5780
/// section 4.3 does it with two addresses, which few servers have).
struct MappingProbe: DoctorProbe {
    private(set) var exchanges: [BindingExchange]

    init(
        server: Endpoint, secondPort: UInt16, random: inout some RandomSource, now: Instant
    ) {
        exchanges = [server.port, secondPort].filter { $0 != 0 }.map {
            BindingExchange(server: server.with(port: $0), random: &random, now: now)
        }
    }

    /// The addresses at which the two ports saw us; nil for one that did not answer.
    var observed: [Endpoint?] {
        exchanges.map { exchange in
            if case .answered(let endpoint) = exchange.state { return endpoint }
            return nil
        }
    }

    var isDone: Bool { exchanges.allSatisfy { $0.state != .asking } }

    var timeout: Instant? { exchanges.compactMap { $0.pollTimeout() }.min() }

    mutating func handle(_ datagram: RawSpan, from source: Endpoint, now: Instant) {
        for index in exchanges.indices where exchanges[index].handle(datagram, from: source) {
            return
        }
    }

    mutating func handleClosed(_ endpoint: Endpoint) {}

    mutating func handleTimeout(now: Instant) {
        for index in exchanges.indices { exchanges[index].handleTimeout(now: now) }
    }

    mutating func pollTransmit(
        into writer: inout ByteWriter, now: Instant
    ) -> (destination: Endpoint, size: Int)? {
        for index in exchanges.indices {
            if let size = exchanges[index].pollTransmit(into: &writer) {
                return (exchanges[index].server, size)
            }
        }
        return nil
    }
}
