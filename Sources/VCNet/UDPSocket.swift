internal import CVCLinux
internal import Glibc
public import VCCore

/// Why a socket could not be opened, in a way that a person can act on.
public enum SocketError: Error, Equatable, Sendable {
    /// Another program has this port.
    case portInUse(UInt16)
    /// Ports below 1,024 need a privilege.
    case portNotPermitted(UInt16)
    /// No interface of this machine has this address.
    case noSuchLocalAddress(Endpoint)
    /// Anything else that the kernel refused.
    case system(SystemError)
}

extension SocketError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .portInUse(let port):
            "UDP port \(port) is in use by another program"
        case .portNotPermitted(let port):
            "UDP port \(port) needs a privilege that this process does not have"
        case .noSuchLocalAddress(let endpoint):
            "this machine has no address \(endpoint.addressDescription)"
        case .system(let error):
            error.description
        }
    }
}

/// A UDP socket for everything: both IP families, never connected, never blocking. Where the
/// machine has no IPv6 it is an IPv4 socket behind the same interface.
public struct UDPSocket: ~Copyable {
    private let socket: InternetSocket
    package var descriptor: FileDescriptor {
        _read { yield socket.descriptor }
    }

    /// Opens and binds.
    ///
    /// - Parameters:
    ///   - local: where to bind; nil is every address and a port of the kernel's choice.
    ///   - receiveBufferBytes: what the kernel may hold for us while we are busy; it is cut to
    ///     `net.core.rmem_max` without an error. 1 MiB is 800 full datagrams.
    ///   - reportsDestinations: whether a `ReceiveBatch` is told at which local address a datagram
    ///     came in. For servers that are bound to all addresses of a machine with several: their
    ///     answers have to come from where they were asked.
    public init(
        bindingTo local: Endpoint? = nil, receiveBufferBytes: Int = 1 << 20,
        reportsDestinations: Bool = false
    ) throws(SocketError) {
        // An IPv4 address is served by an IPv4 socket: less work for the kernel per packet.
        try self.init(
            bindingTo: local ?? .anyAddress(port: 0), receiveBufferBytes: receiveBufferBytes,
            reportsDestinations: reportsDestinations, hasIPv6: local?.ipv4 == nil)
    }

    /// - Parameters:
    ///   - sharesPort: whether other programs may have the port, too, as it is with multicast.
    ///   - hasIPv6: false behaves as on a machine without IPv6.
    init(
        bindingTo local: Endpoint, receiveBufferBytes: Int, reportsDestinations: Bool = false,
        sharesPort: Bool = false, hasIPv6: Bool
    ) throws(SocketError) {
        socket = try InternetSocket(
            .datagram, bindingTo: local, sharesPort: sharesPort, hasIPv6: hasIPv6)
        InternetSocket.set(
            SO_RCVBUF, of: socket.descriptor, level: SOL_SOCKET,
            to: CInt(clamping: receiveBufferBytes))
        guard reportsDestinations else { return }
        if socket.isDualStack {
            InternetSocket.set(
                IPV6_RECVPKTINFO, of: socket.descriptor, level: CInt(IPPROTO_IPV6), to: 1)
        } else {
            InternetSocket.set(IP_PKTINFO, of: socket.descriptor, level: CInt(IPPROTO_IP), to: 1)
        }
    }

    /// Whether the socket is AF_INET6 with IPv4 in mapped form; else it is AF_INET.
    public var isDualStack: Bool { socket.isDualStack }
    /// The bound address and port; the port is the one that the kernel chose when 0 was asked for.
    public var localEndpoint: Endpoint { socket.localEndpoint }
    /// The number for an event loop to watch.
    public var descriptorNumber: CInt { socket.descriptor.number }

    /// Asks for buffers of `bytes` in both directions, beyond `net.core.rmem_max` and `wmem_max`
    /// where this process may (CAP_NET_ADMIN).
    ///
    /// - Returns: what the kernel gives for receiving.
    public func growBuffers(to bytes: Int) -> Int {
        let wanted = CInt(clamping: bytes)
        for option in [SO_RCVBUF, SO_RCVBUFFORCE, SO_SNDBUF, SO_SNDBUFFORCE] {
            InternetSocket.set(option, of: socket.descriptor, level: SOL_SOCKET, to: wanted)
        }
        var granted: CInt = 0
        var size = socklen_t(MemoryLayout<CInt>.size)
        guard
            unsafe getsockopt(socket.descriptor.number, SOL_SOCKET, SO_RCVBUF, &granted, &size)
                == 0
        else { return 0 }
        // The kernel doubles what it was asked for, to have room for its own (socket(7)).
        return Int(granted) / 2
    }

    /// Sends without fragments: our datagrams fit every path of IPv6 and, without any that is
    /// broken, of IPv4; and the kernel has no fragment identification to choose (RFC 6864).
    public func forbidFragments() {
        InternetSocket.set(
            IP_MTU_DISCOVER, of: socket.descriptor, level: CInt(IPPROTO_IP), to: IP_PMTUDISC_PROBE)
    }

    /// Lets `ForwardBatch.receive` sleep until a datagram comes, `milliseconds` at most.
    public func setWaiting(milliseconds: Int) {
        let number = socket.descriptor.number
        let flags = fcntl(number, F_GETFL)
        _ = fcntl(number, F_SETFL, flags & ~O_NONBLOCK)
        var time = timeval(tv_sec: milliseconds / 1_000, tv_usec: milliseconds % 1_000 * 1_000)
        _ = unsafe setsockopt(
            number, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
    }

    /// Sets the time to live (IPv4) and hop limit (IPv6) of what is sent from now on: 2 opens the
    /// own NAT without reaching the other one.
    public func setTimeToLive(_ hops: UInt8) {
        if isDualStack {
            InternetSocket.set(
                IPV6_UNICAST_HOPS, of: socket.descriptor, level: CInt(IPPROTO_IPV6), to: CInt(hops))
        }
        InternetSocket.set(IP_TTL, of: socket.descriptor, level: CInt(IPPROTO_IP), to: CInt(hops))
    }
}
