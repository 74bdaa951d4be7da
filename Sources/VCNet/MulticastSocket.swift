internal import Glibc
public import VCCore

/// A UDP socket that asks everybody in this machine's networks, or hears who asks: to and from the
/// groups of `DiscoveryFormat`, of both IP families, on each link.
public struct MulticastSocket: ~Copyable {
    /// One hop: no router forwards it. That is what IPv4 groups have instead of a scope of a link.
    private static let hops: CInt = 1
    /// IP_MULTICAST_ALL and IPV6_MULTICAST_ALL, which the importer does not show (linux/in.h).
    private static let ipv4All: CInt = 49
    private static let ipv6All: CInt = 29
    /// A question is short, and so is the wait for its answers.
    private static let receiveBufferBytes = 1 << 16

    private let socket: UDPSocket
    /// Links whose groups were joined.
    private var joined: Set<LocalLinks.Link> = []
    private var single = SendBatch(slots: 1)

    /// The number for an event loop to watch.
    public var descriptorNumber: CInt { socket.descriptorNumber }

    /// - Parameter port: where questions are heard, beside every other program of this machine that
    ///   does; nil for who asks.
    public init(hearingAt port: UInt16?) throws(SocketError) {
        socket = try UDPSocket(
            bindingTo: .anyAddress(port: port ?? 0), receiveBufferBytes: Self.receiveBufferBytes,
            reportsDestinations: true, sharesPort: port != nil, hasIPv6: true)
        // What others of this machine have joined is not for us.
        set(Self.ipv4All, CInt(IPPROTO_IP), 0)
        set(IP_MULTICAST_TTL, CInt(IPPROTO_IP), Self.hops)
        // Two terminals on one machine find each other, too.
        set(IP_MULTICAST_LOOP, CInt(IPPROTO_IP), 1)
        guard socket.isDualStack else { return }
        set(Self.ipv6All, CInt(IPPROTO_IPV6), 0)
        set(IPV6_MULTICAST_HOPS, CInt(IPPROTO_IPV6), Self.hops)
        set(IPV6_MULTICAST_LOOP, CInt(IPPROTO_IPV6), 1)
    }

    private func set(_ option: CInt, _ level: CInt, _ value: CInt) {
        InternetSocket.set(option, of: socket.descriptor, level: level, to: value)
    }

    // MARK: Hearing

    /// Joins the groups on links that are new. What is gone the kernel has left by itself.
    ///
    /// - Returns: on how many links questions are heard now.
    @discardableResult
    public mutating func join(_ links: LocalLinks) -> Int {
        let current = Set(links.links)
        joined.formIntersection(current)
        for link in links.links where !joined.contains(link) {
            // A link that has both families counts when one of them works.
            if join(link) { joined.insert(link) }
        }
        return joined.count
    }

    private func join(_ link: LocalLinks.Link) -> Bool {
        var isJoined = false
        if !link.ipv4.isEmpty, let group = DiscoveryFormat.group4.socketAddress4 {
            var request = ip_mreqn()
            request.imr_multiaddr = group.sin_addr
            request.imr_ifindex = CInt(bitPattern: link.index)
            let code = unsafe setsockopt(
                socket.descriptorNumber, CInt(IPPROTO_IP), IP_ADD_MEMBERSHIP, &request,
                socklen_t(MemoryLayout<ip_mreqn>.size))
            isJoined = code == 0 || errno == EADDRINUSE
        }
        if link.hasIPv6, socket.isDualStack {
            var request = ipv6_mreq()
            request.ipv6mr_multiaddr = DiscoveryFormat.group6.socketAddress6.sin6_addr
            request.ipv6mr_interface = link.index
            let code = unsafe setsockopt(
                socket.descriptorNumber, CInt(IPPROTO_IPV6), IPV6_JOIN_GROUP, &request,
                socklen_t(MemoryLayout<ipv6_mreq>.size))
            isJoined = isJoined || code == 0 || errno == EADDRINUSE
        }
        return isJoined
    }

    /// Takes what is waiting.
    ///
    /// - Parameter batch: one that reads destinations.
    public func receive(into batch: inout ReceiveBatch) -> Int {
        batch.receive(from: socket)
    }

    // MARK: Asking

    /// Sends to both groups on each link.
    ///
    /// - Returns: how many packets the kernel took.
    @discardableResult
    public mutating func ask(_ question: RawSpan, on links: LocalLinks) -> Int {
        let before = single.sent
        for link in links.links {
            for address in link.ipv4 {
                var request = ip_mreqn()
                request.imr_ifindex = CInt(bitPattern: link.index)
                // Else it may be one of another link, or none on loopback.
                request.imr_address.s_addr = (address.ipv4 ?? 0).bigEndian
                _ = unsafe setsockopt(
                    socket.descriptorNumber, CInt(IPPROTO_IP), IP_MULTICAST_IF, &request,
                    socklen_t(MemoryLayout<ip_mreqn>.size))
                send(question, to: DiscoveryFormat.group4)
            }
            // Loopback has no route for IPv6 multicast, and who is there has IPv4 there.
            if link.hasIPv6, !link.isLoopback, socket.isDualStack {
                let group = DiscoveryFormat.group6
                send(
                    question,
                    to: Endpoint(
                        high: group.high, low: group.low, port: group.port, scope: link.index))
            }
        }
        return Int(single.sent - before)
    }

    private mutating func send(_ question: RawSpan, to group: Endpoint) {
        guard let packet = unsafe single.reserve(), packet.count >= question.byteCount else {
            return
        }
        unsafe question.withUnsafeBytes { unsafe packet.copyMemory(from: $0) }
        single.commit(question.byteCount, to: group)
        single.flush(through: socket)
    }
}

extension DiscoveryFormat {
    /// Whether a datagram came to one of the groups, not to this machine alone.
    public static func isGroup(_ destination: Endpoint?) -> Bool {
        guard let destination else { return false }
        return group4.hasSameAddress(as: destination) || group6.hasSameAddress(as: destination)
    }
}
