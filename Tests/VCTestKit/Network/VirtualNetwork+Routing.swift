import VCCore

// The way of a packet: out of its realm as far as it must, through the internet, in again.
extension VirtualNetwork {
    /// The interface that packets of a host to `destination` leave by: one in a realm that knows
    /// the address, or the first of its family.
    func route(from host: Int, to destination: Endpoint) -> Interface? {
        let usable = hosts[host].interfaces.filter {
            ($0.address.ipv4 == nil) == (destination.ipv4 == nil)
        }
        let address = destination.address
        return usable.first { realms[$0.realm].attachments[address] != nil } ?? usable.first
    }

    /// A packet starts in a realm, from a host there or from a router that leads into it.
    mutating func depart(_ flight: Flight, now: Instant) {
        var flight = flight
        while flight.realm != RealmID.internet.index {
            let realm = realms[flight.realm]
            if realm.attachments[flight.packet.destination.address] != nil {
                return events.insert(.arrival(flight), at: now + VirtualNetwork.localLatency)
            }
            let isIPv4 = flight.packet.destination.ipv4 != nil
            guard let gateway = isIPv4 ? realm.gateway4 : realm.gateway6 else {
                return noteStray(flight.packet)
            }
            switch routers[gateway].nat.forward(flight.packet, from: .inside, now: now) {
            case .forwarded(let packet, .outside):
                flight.packet = packet
                flight.realm = routers[gateway].outside
            case .forwarded(let packet, .inside):
                flight.packet = packet
                return events.insert(.arrival(flight), at: now + VirtualNetwork.localLatency)
            case .dropped: return
            }
        }
        crossInternet(flight, now: now)
    }

    private mutating func crossInternet(_ flight: Flight, now: Instant) {
        guard flight.packet.hops > 1 else { return noteExpired() }
        var flight = flight
        flight.packet.hops -= 1
        let (first, second) = links.arrivals(
            size: flight.packet.bytes.count, from: flight.packet.source,
            to: flight.packet.destination, now: now)
        if let first { events.insert(.arrival(flight), at: first) }
        if let second { events.insert(.arrival(flight), at: second) }
    }

    /// A packet is where its realm can hand it over.
    mutating func arrive(_ flight: Flight, now: Instant) {
        var flight = flight
        while true {
            let address = flight.packet.destination.address
            switch realms[flight.realm].attachments[address] {
            case .router(let router):
                let verdict = routers[router].nat.forward(flight.packet, from: .outside, now: now)
                guard case .forwarded(let packet, _) = verdict else { return }
                flight.packet = packet
                flight.realm = routers[router].inside
            case .host(let host): return take(flight, at: host, now: now)
            case nil: return noteStray(flight.packet)
            }
        }
    }

    private mutating func take(_ flight: Flight, at host: Int, now: Instant) {
        guard hosts[host].isUp else { return }
        let packet = flight.packet
        if let segment = flight.segment {
            return takeSegment(segment, packet, at: host, now: now)
        }
        guard hosts[host].udpPorts.contains(packet.destination.port) else {
            return noteStray(packet)
        }
        deliver(
            packet.bytes, from: packet.source, to: packet.destination, host: host, now: now)
    }
}
