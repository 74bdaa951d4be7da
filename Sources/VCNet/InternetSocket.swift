internal import CVCLinux
internal import Glibc
internal import VCCore

/// A socket that is bound and never blocks: IPv6 with IPv4 in mapped form, or IPv4 where the
/// machine has no IPv6.
struct InternetSocket: ~Copyable {
    enum Kind {
        case datagram
        case stream

        fileprivate var type: CInt {
            switch self {
            case .datagram: CInt(SOCK_DGRAM.rawValue)
            case .stream: CInt(SOCK_STREAM.rawValue)
            }
        }
    }

    let descriptor: FileDescriptor
    /// Whether the socket is AF_INET6 with IPv4 in mapped form; else it is AF_INET.
    let isDualStack: Bool
    /// The bound address and port; the port is the one that the kernel chose when 0 was asked for.
    let localEndpoint: Endpoint

    /// - Parameters:
    ///   - sharesPort: whether others may be bound to the same port, if they say so, too.
    ///   - hasIPv6: false behaves as on a machine without IPv6.
    init(
        _ kind: Kind, bindingTo local: Endpoint, sharesPort: Bool = false, hasIPv6: Bool = true
    ) throws(SocketError) {
        // A server of streams that is started again must not wait for the connections of before.
        let reuses = kind == .stream || sharesPort
        if hasIPv6, let opened = try Self.open(kind, local, reuses: reuses, family: AF_INET6) {
            localEndpoint = try Self.localEndpoint(of: opened)
            isDualStack = true
            descriptor = opened
        } else if let opened = try Self.open(kind, local, reuses: reuses, family: AF_INET) {
            localEndpoint = try Self.localEndpoint(of: opened)
            isDualStack = false
            descriptor = opened
        } else {
            throw .noSuchLocalAddress(local)
        }
    }

    /// A socket of one family that is not bound; nil where the machine does not have the family.
    static func make(_ kind: Kind, family: CInt) throws(SystemError) -> FileDescriptor? {
        let type = kind.type | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
        do throws(SystemError) {
            guard let number = try attempt("socket", { socket(family, type, 0) }) else {
                return nil
            }
            return FileDescriptor(number)
        } catch {
            if error.code == EAFNOSUPPORT { return nil }
            throw error
        }
    }

    /// Options are wishes: a kernel that refuses one gives a socket that still works.
    static func set(
        _ option: CInt, of descriptor: borrowing FileDescriptor, level: CInt, to value: CInt
    ) {
        var value = value
        _ = unsafe setsockopt(
            descriptor.number, level, option, &value, socklen_t(MemoryLayout<CInt>.size))
    }

    /// Nil when this family, or this address in this family, does not exist here.
    private static func open(
        _ kind: Kind, _ local: Endpoint, reuses: Bool, family: CInt
    ) throws(SocketError) -> FileDescriptor? {
        do throws(SystemError) {
            guard let descriptor = try make(kind, family: family) else { return nil }
            if family == AF_INET6 {
                set(IPV6_V6ONLY, of: descriptor, level: CInt(IPPROTO_IPV6), to: 0)
            }
            if reuses {
                set(SO_REUSEADDR, of: descriptor, level: SOL_SOCKET, to: 1)
            }
            guard try bind(descriptor, to: local, family: family) else { return nil }
            return descriptor
        } catch {
            switch error.code {
            case EADDRINUSE: throw .portInUse(local.port)
            case EACCES: throw .portNotPermitted(local.port)
            case EADDRNOTAVAIL: return nil
            case EAFNOSUPPORT: return nil
            default: throw .system(error)
            }
        }
    }

    private static func bind(
        _ descriptor: borrowing FileDescriptor, to local: Endpoint, family: CInt
    ) throws(SystemError) -> Bool {
        let number = descriptor.number
        return try unsafe local.withSocketAddress(family: family) {
            pointer, size throws(SystemError) in
            try attempt("bind") { unsafe Glibc.bind(number, pointer, size) } != nil
        } ?? false
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
}

extension Endpoint {
    /// Calls `body` with the address as the kernel wants it from a socket of this family; nil when
    /// the family has no such address.
    @unsafe func withSocketAddress<Result>(
        family: CInt, _ body: (UnsafePointer<sockaddr>, socklen_t) throws(SystemError) -> Result
    ) throws(SystemError) -> Result? {
        if family == AF_INET6 {
            var address = socketAddress6
            return try unsafe withUnsafePointer(to: &address) { pointer throws(SystemError) in
                try unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    pointer throws(SystemError) in
                    try unsafe body(pointer, socklen_t(MemoryLayout<sockaddr_in6>.size))
                }
            }
        }
        guard var address = socketAddress4 else { return nil }
        return try unsafe withUnsafePointer(to: &address) { pointer throws(SystemError) in
            try unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                pointer throws(SystemError) in
                try unsafe body(pointer, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
