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
    package let descriptor: FileDescriptor
    /// Whether the socket is AF_INET6 with IPv4 in mapped form; else it is AF_INET.
    public let isDualStack: Bool
    /// The bound address and port; the port is the one that the kernel chose when 0 was asked for.
    public let localEndpoint: Endpoint

    /// Opens and binds.
    ///
    /// - Parameters:
    ///   - local: where to bind; nil is every address and a port of the kernel's choice.
    ///   - receiveBufferBytes: what the kernel may hold for us while we are busy; it is cut to
    ///     `net.core.rmem_max` without an error. 1 MiB is 800 full datagrams.
    public init(
        bindingTo local: Endpoint? = nil, receiveBufferBytes: Int = 1 << 20
    ) throws(SocketError) {
        try self.init(
            bindingTo: local ?? .anyAddress(port: 0), receiveBufferBytes: receiveBufferBytes,
            hasIPv6: true)
    }

    /// - Parameter hasIPv6: false behaves as on a machine without IPv6.
    init(
        bindingTo local: Endpoint, receiveBufferBytes: Int, hasIPv6: Bool
    ) throws(SocketError) {
        let opened = try Self.open(local, hasIPv6: hasIPv6)
        Self.set(
            SO_RCVBUF, of: opened.descriptor, level: SOL_SOCKET,
            to: CInt(clamping: receiveBufferBytes))
        let endpoint = try Self.localEndpoint(of: opened.descriptor)
        isDualStack = opened.isDualStack
        localEndpoint = endpoint
        descriptor = opened.descriptor
    }

    /// The number for an event loop to watch.
    public var descriptorNumber: CInt { descriptor.number }

    /// Sets the time to live (IPv4) and hop limit (IPv6) of what is sent from now on: 2 opens the
    /// own NAT without reaching the other one.
    public func setTimeToLive(_ hops: UInt8) {
        if isDualStack {
            Self.set(IPV6_UNICAST_HOPS, of: descriptor, level: CInt(IPPROTO_IPV6), to: CInt(hops))
        }
        Self.set(IP_TTL, of: descriptor, level: CInt(IPPROTO_IP), to: CInt(hops))
    }

    private struct Opened: ~Copyable {
        let descriptor: FileDescriptor
        let isDualStack: Bool
    }

    private static func open(
        _ local: Endpoint, hasIPv6: Bool
    ) throws(SocketError) -> Opened {
        if hasIPv6, let descriptor = try open(local, family: AF_INET6) {
            return Opened(descriptor: descriptor, isDualStack: true)
        }
        if let descriptor = try open(local, family: AF_INET) {
            return Opened(descriptor: descriptor, isDualStack: false)
        }
        throw .noSuchLocalAddress(local)
    }

    /// Nil when this family, or this address in this family, does not exist here.
    private static func open(
        _ local: Endpoint, family: CInt
    ) throws(SocketError) -> FileDescriptor? {
        let type =
            CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
            | CInt(SOCK_NONBLOCK.rawValue)
        let descriptor: FileDescriptor
        do throws(SystemError) {
            guard let number = try attempt("socket", { socket(family, type, 0) }) else {
                return nil
            }
            descriptor = FileDescriptor(number)
        } catch {
            if error.code == EAFNOSUPPORT { return nil }
            throw .system(error)
        }
        if family == AF_INET6 {
            set(IPV6_V6ONLY, of: descriptor, level: CInt(IPPROTO_IPV6), to: 0)
        }
        do throws(SystemError) {
            guard try bind(descriptor, to: local, family: family) else { return nil }
        } catch {
            switch error.code {
            case EADDRINUSE: throw .portInUse(local.port)
            case EACCES: throw .portNotPermitted(local.port)
            case EADDRNOTAVAIL: return nil
            case EAFNOSUPPORT: return nil
            default: throw .system(error)
            }
        }
        return descriptor
    }

    private static func bind(
        _ descriptor: borrowing FileDescriptor, to local: Endpoint, family: CInt
    ) throws(SystemError) -> Bool {
        let number = descriptor.number
        if family == AF_INET6 {
            var address = local.socketAddress6
            let size = socklen_t(MemoryLayout<sockaddr_in6>.size)
            return try attempt("bind") {
                unsafe withUnsafePointer(to: &address) {
                    unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        unsafe Glibc.bind(number, $0, size)
                    }
                }
            } != nil
        }
        guard var address = local.socketAddress4 else { return false }
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        return try attempt("bind") {
            unsafe withUnsafePointer(to: &address) {
                unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe Glibc.bind(number, $0, size)
                }
            }
        } != nil
    }

    private static func localEndpoint(
        of descriptor: borrowing FileDescriptor
    ) throws(SocketError) -> Endpoint {
        let number = descriptor.number
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        do throws(SystemError) {
            _ = try attempt("getsockname") {
                unsafe withUnsafeMutablePointer(to: &storage) {
                    unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        unsafe getsockname(number, $0, &size)
                    }
                }
            }
        } catch {
            throw .system(error)
        }
        let endpoint = unsafe withUnsafePointer(to: &storage) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe Endpoint($0) }
        }
        guard let endpoint else { throw .system(SystemError(code: EPROTO, call: "getsockname")) }
        return endpoint
    }

    /// Options are wishes: a kernel that refuses one gives a socket that still works.
    private static func set(
        _ option: CInt, of descriptor: borrowing FileDescriptor, level: CInt, to value: CInt
    ) {
        var value = value
        _ = unsafe setsockopt(
            descriptor.number, level, option, &value, socklen_t(MemoryLayout<CInt>.size))
    }
}
