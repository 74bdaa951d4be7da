/// Every way to the servers that a client knows: each over UDP, then each over TCP at the same
/// port, then at port 443, which the strictest networks let through.
struct SignalRoutes {
    /// HTTPS.
    static let lastResortPort: UInt16 = 443

    /// The ways; those of one server stand `servers` apart.
    private let endpoints: [Endpoint?]
    private let servers: Int

    init(_ servers: [Endpoint]) {
        let udp = servers.map { $0.over(.udp) }
        // A server in the same process has no port, and needs no connection.
        let tcp = udp.map { $0.port == 0 ? nil : $0.over(.tcp) }
        let last = tcp.map { route in
            route.flatMap {
                $0.port == Self.lastResortPort ? nil : $0.with(port: Self.lastResortPort)
            }
        }
        self.servers = udp.count
        endpoints = udp + tcp + last
    }

    subscript(index: Int) -> Endpoint? { endpoints[index] }

    func index(of endpoint: Endpoint) -> Int? {
        endpoints.firstIndex { $0 == endpoint }
    }

    /// Whether two ways lead to one server.
    func isSameServer(_ first: Int, _ second: Int) -> Bool {
        first % servers == second % servers
    }

    /// The server that a way leads to, as it was given.
    func server(of index: Int) -> Endpoint? { endpoints[index % servers] }

    func isTCP(_ index: Int) -> Bool { index >= servers }

    /// One bit per way that is UDP.
    var allUDP: UInt32 { (1 << UInt32(servers)) - 1 }

    /// One bit per way.
    var all: UInt32 {
        endpoints.indices.reduce(0) { endpoints[$1] == nil ? $0 : $0 | 1 << UInt32($1) }
    }

    /// The bits of the ways to the server of `index` over one transport.
    func bits(ofServer index: Int, over transport: Transport) -> UInt32 {
        endpoints.indices.reduce(0) { bits, other in
            isSameServer(index, other) && endpoints[other]?.transport == transport
                ? bits | 1 << UInt32(other) : bits
        }
    }
}
