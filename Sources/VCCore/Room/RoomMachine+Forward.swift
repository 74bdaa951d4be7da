// The host between two members that reach it and not each other: `C3 | to 1 | from 1 | inner`. It
// copies sealed packets; it holds no key that opens them.
extension RoomMachine {
    /// Whether the way through the host is one for this member at all.
    func servesHost(for number: Int) -> Bool {
        configuration.rungs.allowsHost && !isHost && number != Int(roster.host)
    }

    /// Whether we reach the host without anybody between: who reaches it through a relay reaches
    /// the others there, too.
    var reachesHost: Bool {
        let host = Int(roster.host)
        return !isHost && peers.contains(host) && peers[host].path.selected?.isDirect == true
    }

    /// The way through the host opens and closes with our way to it.
    mutating func driveHostRoutes(now: Instant) {
        let isOpen = reachesHost
        guard isOpen != hostRouteIsOpen else { return }
        hostRouteIsOpen = isOpen
        for number in peers.numbers where servesHost(for: number) {
            if isOpen { peers[number].path.addHost(now: now) }
        }
        noteForwarders(now: now)
        wake(now)
    }

    /// Tells the paths which forwarders serve now.
    mutating func noteForwarders(now: Instant) {
        let reachesHost = reachesHost
        for number in peers.numbers {
            let servesHost = servesHost(for: number)
            peers[number].path.noteForwarders(now: now) { route in
                route.kind == .host
                    ? reachesHost && servesHost : relays.session(at: route.endpoint) != nil
            }
        }
    }

    /// A packet that the host forwards: as the host to whom it is for, otherwise to us.
    @unsafe mutating func receiveForward(
        _ datagram: UnsafeMutableRawBufferPointer, from source: Endpoint, now: Instant
    ) -> VoiceArrival? {
        let header = HostForward.overhead
        guard datagram.count > header, phase == .inRoom else {
            counters.unknown += 1
            return nil
        }
        let (target, sender) = unsafe (Int(datagram[1]), Int(datagram[2]))
        let inner = unsafe UnsafeMutableRawBufferPointer(rebasing: datagram[header...])
        guard unsafe inner[0] == PacketType.sealed || inner[0] == PacketType.handshake,
            target != sender, peers.contains(sender)
        else {
            counters.unforwarded += 1
            return nil
        }
        if isHost {
            unsafe forward(datagram, from: sender, to: target, at: source, now: now)
            return nil
        }
        let host = Int(roster.host)
        guard target == Int(number), sender != host, peers.contains(host),
            peers[host].path.isValid(.direct(source))
        else {
            counters.unforwarded += 1
            return nil
        }
        return unsafe receiveFromMember(inner, on: .host, sentBy: sender, now: now)
    }

    /// Host: copies a packet that came from where its sender is to where its receiver is.
    @unsafe private mutating func forward(
        _ datagram: UnsafeMutableRawBufferPointer, from sender: Int, to target: Int,
        at source: Endpoint, now: Instant
    ) {
        guard configuration.rungs.allowsHost, peers.contains(target), peers[target].isMember,
            peers[sender].isMember, peers[sender].path.isValid(.direct(source)),
            let route = peers[target].path.selected, route.isDirect,
            forwards.take(from: sender, to: target, size: datagram.count, now: now)
        else {
            counters.unforwarded += 1
            return
        }
        counters.forwarded += 1
        unsafe outbox.push(
            RawSpan(_unsafeBytes: UnsafeRawBufferPointer(datagram)), to: route.endpoint)
    }

    /// Where datagrams on a route go; nil when nothing leads there now.
    func destination(of route: Route) -> Endpoint? {
        switch route.kind {
        case .direct: return route.endpoint
        case .relay: return relays.session(at: route.endpoint) == nil ? nil : route.endpoint
        case .host:
            let host = Int(roster.host)
            guard !isHost, peers.contains(host), let way = peers[host].path.selected, way.isDirect
            else { return nil }
            return way.endpoint
        }
    }

    /// Writes what stands before a datagram on a route. Returns its size, 0 on direct routes; nil
    /// when the relay is not ours now.
    @unsafe func writeRouteHeader(
        _ route: Route, to number: Int, into packet: UnsafeMutableRawBufferPointer
    ) -> Int? {
        switch route.kind {
        case .direct: return 0
        case .relay:
            guard let session = relays.session(at: route.endpoint) else { return nil }
            unsafe packet[0] = PacketType.relayData
            unsafe packet.storeBytes(of: session.bigEndian, toByteOffset: 1, as: UInt64.self)
            unsafe packet[9] = UInt8(number)
            return RelayFormat.dataOverhead
        case .host:
            unsafe packet[0] = PacketType.hostForward
            unsafe packet[1] = UInt8(number)
            unsafe packet[2] = self.number
            return HostForward.overhead
        }
    }
}

/// Forwarding by the host, on the wire.
enum HostForward {
    /// `C3 | to | from`, in bytes.
    static let overhead = 3
}
