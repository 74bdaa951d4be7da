import VCCore

// TCP: connections that open by themselves when something is sent to an endpoint of that transport,
// and that deliver everything in order or break.
extension VirtualNetwork {
    /// Retransmission: doubled from the first to the last, until a connection is given up.
    private static let firstRetry = Duration.milliseconds(250)
    private static let firstOpenRetry = Duration.seconds(1)
    private static let longestRetry = Duration.seconds(2)
    private static let maximumAttempts = 10
    private static let maximumOpenAttempts = 3
    /// A client that was refused waits this long.
    private static let refusedPause = Duration.seconds(1)

    /// The process of a host ends: its connections are reset.
    public mutating func closeStreams(of host: HostID) {
        for (index, connection) in streams.connections.enumerated()
        where connection.client == host.index || connection.server == host.index {
            streams.close(index)
        }
    }

    mutating func sendStream(
        _ bytes: [UInt8], from host: Int, to peer: Endpoint, now: Instant
    ) {
        if let index = streams.connection(ofServer: host, to: peer) {
            let number = streams.connections[index].toClient.send(bytes)
            let segment = Segment(connection: index, isToServer: false, kind: .data(number))
            return transmit(segment, attempt: 0, now: now)
        }
        guard let index = clientConnection(host, to: peer, now: now) else { return }
        let number = streams.connections[index].toServer.send(bytes)
        guard streams.connections[index].state == .open else { return }
        let segment = Segment(connection: index, isToServer: true, kind: .data(number))
        transmit(segment, attempt: 0, now: now)
    }

    /// The connection that stands, or a new one.
    private mutating func clientConnection(_ host: Int, to peer: Endpoint, now: Instant) -> Int? {
        if let index = streams.connection(ofClient: host, to: peer) {
            let local = streams.connections[index].local.address
            if hosts[host].interfaces.contains(where: { $0.address == local }) { return index }
            // The address is gone, and the connection with it.
            streams.close(index)
        }
        guard streams.mayOpen(host, to: peer, now: now),
            let interface = route(from: host, to: peer)
        else { return nil }
        let index = streams.open(host, address: interface.address, to: peer)
        let segment = Segment(connection: index, isToServer: true, kind: .open)
        transmit(segment, attempt: 0, now: now)
        return index
    }

    private mutating func transmit(_ segment: Segment, attempt: Int, now: Instant) {
        let connection = streams.connections[segment.connection]
        let direction = segment.isToServer ? connection.toServer : connection.toClient
        var bytes: [UInt8] = []
        if case .data(let number) = segment.kind { bytes = direction.onTheWay[number] ?? [] }
        let first =
            segment.kind == .open
            ? VirtualNetwork.firstOpenRetry : VirtualNetwork.firstRetry
        let wait = min(first * (1 << attempt), VirtualNetwork.longestRetry)
        events.insert(.retry(segment, attempt: attempt + 1), at: now + wait)
        let host = segment.isToServer ? connection.client : connection.server
        let source = segment.isToServer ? connection.local : connection.serverLocal
        let destination = segment.isToServer ? connection.remote : connection.observed
        guard let host, let source, let destination, hosts[host].isUp,
            let interface = hosts[host].interfaces.first(where: { $0.address == source.address })
        else { return }
        let packet = Packet(bytes, from: source, to: destination)
        depart(Flight(packet: packet, realm: interface.realm, segment: segment), now: now)
    }

    mutating func retry(_ segment: Segment, _ attempt: Int, now: Instant) {
        let connection = streams.connections[segment.connection]
        let limit: Int
        switch (segment.kind, connection.state) {
        case (_, .closed): return
        case (.open, .opening): limit = VirtualNetwork.maximumOpenAttempts
        // Only an answer to `open`: that one is repeated.
        case (.open, .open), (.accept, _): return
        case (.data(let number), _):
            let direction = segment.isToServer ? connection.toServer : connection.toClient
            guard direction.onTheWay[number] != nil else { return }
            limit = VirtualNetwork.maximumAttempts
        }
        guard attempt < limit else { return streams.close(segment.connection) }
        transmit(segment, attempt: attempt, now: now)
    }

    /// A segment arrived at a host.
    mutating func takeSegment(_ segment: Segment, _ packet: Packet, at host: Int, now: Instant) {
        let index = segment.connection
        guard streams.connections[index].state != .closed else { return }
        switch segment.kind {
        case .open: answerOpen(index, packet, at: host, now: now)
        case .accept: startSending(index, now: now)
        case .data(let number):
            let connection = streams.connections[index]
            guard !segment.isToServer || connection.observed == packet.source else {
                // A NAT gave it another port on the way: the server knows no such connection.
                return streams.close(index)
            }
            let inOrder =
                segment.isToServer
                ? streams.connections[index].toServer.arrived(number)
                : streams.connections[index].toClient.arrived(number)
            let peer = segment.isToServer ? packet.source : connection.remote
            for bytes in inOrder {
                deliver(bytes, from: peer, to: packet.destination, host: host, now: now)
            }
        }
    }

    private mutating func answerOpen(_ index: Int, _ packet: Packet, at host: Int, now: Instant) {
        guard hosts[host].tcpPorts.contains(packet.destination.port) else {
            noteStray(packet)
            return streams.close(index, pauseUntil: now + VirtualNetwork.refusedPause)
        }
        if streams.connections[index].server == nil {
            streams.accept(index, at: host, local: packet.destination, observed: packet.source)
        }
        guard streams.connections[index].observed == packet.source else { return }
        let segment = Segment(connection: index, isToServer: false, kind: .accept)
        transmit(segment, attempt: 0, now: now)
    }

    /// The connection is open: what waited goes out.
    private mutating func startSending(_ index: Int, now: Instant) {
        guard streams.connections[index].state == .opening else { return }
        streams.connections[index].state = .open
        for number in streams.connections[index].toServer.onTheWay.keys.sorted() {
            let segment = Segment(connection: index, isToServer: true, kind: .data(number))
            transmit(segment, attempt: 0, now: now)
        }
    }
}
