import VCCore

/// One packet of a TCP connection.
struct Segment: Sendable, Equatable {
    enum Kind: Sendable, Equatable {
        /// The client asks for the connection.
        case open
        /// The server agrees.
        case accept
        /// The datagram with this number.
        case data(UInt32)
    }

    let connection: Int
    let isToServer: Bool
    let kind: Kind
}

/// One direction of a TCP connection: datagrams are sent until they arrive, and handed over in
/// order.
struct StreamDirection: Sendable {
    private var sent: UInt32 = 0
    private(set) var onTheWay: [UInt32: [UInt8]] = [:]
    private var received: UInt32 = 0
    private var early: [UInt32: [UInt8]] = [:]

    mutating func send(_ bytes: [UInt8]) -> UInt32 {
        defer { sent += 1 }
        onTheWay[sent] = bytes
        return sent
    }

    /// A datagram arrived. Returns those whose turn it is.
    mutating func arrived(_ number: UInt32) -> [[UInt8]] {
        // The sender hears of it at once: acknowledgements are not simulated.
        guard let bytes = onTheWay.removeValue(forKey: number) else { return [] }
        early[number] = bytes
        var inOrder: [[UInt8]] = []
        while let next = early.removeValue(forKey: received) {
            inOrder.append(next)
            received += 1
        }
        return inOrder
    }
}

/// A TCP connection.
struct StreamConnection: Sendable {
    enum State: Sendable {
        case opening, open, closed
    }

    let client: Int
    /// The client's own endpoint.
    let local: Endpoint
    /// Whom it called.
    let remote: Endpoint
    var state = State.opening
    var server: Int?
    /// The endpoint of the server that was called, as the server knows it.
    var serverLocal: Endpoint?
    /// The client as the server sees it: what names the connection there.
    var observed: Endpoint?
    var toServer = StreamDirection()
    var toClient = StreamDirection()
}

/// All TCP connections of a network.
struct StreamTable: Sendable {
    /// A host and whom it talks to.
    struct Side: Hashable, Sendable {
        let host: Int
        let peer: Endpoint
    }

    /// The first port of connections that are opened.
    private static let firstPort: UInt16 = 49_152

    var connections: [StreamConnection] = []
    private var clients: [Side: Int] = [:]
    private var servers: [Side: Int] = [:]
    /// When a refused client may try again.
    private var pauses: [Side: Instant] = [:]
    private var opened: UInt16 = 0

    func connection(ofServer host: Int, to peer: Endpoint) -> Int? {
        servers[Side(host: host, peer: peer)]
    }

    func connection(ofClient host: Int, to peer: Endpoint) -> Int? {
        clients[Side(host: host, peer: peer)]
    }

    func mayOpen(_ host: Int, to peer: Endpoint, now: Instant) -> Bool {
        pauses[Side(host: host, peer: peer)].map { now >= $0 } ?? true
    }

    mutating func open(_ host: Int, address: Endpoint, to peer: Endpoint) -> Int {
        let local = address.with(port: StreamTable.firstPort + opened % 16_384).over(.tcp)
        opened &+= 1
        connections.append(StreamConnection(client: host, local: local, remote: peer))
        clients[Side(host: host, peer: peer)] = connections.count - 1
        return connections.count - 1
    }

    mutating func accept(_ index: Int, at server: Int, local: Endpoint, observed: Endpoint) {
        connections[index].server = server
        connections[index].serverLocal = local
        connections[index].observed = observed
        servers[Side(host: server, peer: observed)] = index
    }

    mutating func close(_ index: Int, pauseUntil pause: Instant? = nil) {
        let connection = connections[index]
        connections[index].state = .closed
        let client = Side(host: connection.client, peer: connection.remote)
        if clients[client] == index { clients[client] = nil }
        if let pause { pauses[client] = pause }
        guard let server = connection.server, let observed = connection.observed else { return }
        let side = Side(host: server, peer: observed)
        if servers[side] == index { servers[side] = nil }
    }
}
