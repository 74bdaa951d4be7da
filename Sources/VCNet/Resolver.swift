internal import CVCLinux
internal import Glibc
public import VCCore

/// Why a name gave no address.
public enum ResolveError: Error, Equatable, Sendable {
    /// The text is neither HOST[:PORT] nor [IPV6][:PORT].
    case malformed(String)
    /// The name does not exist, or has no address.
    case unknownHost(String)
    /// The name servers did not answer; it may work later.
    case temporary(String)
    /// Anything else, with the system's words.
    case failed(host: String, reason: String)
}

extension ResolveError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .malformed(let text):
            "'\(text)' is not an address: expected HOST, HOST:PORT or [IPV6]:PORT"
        case .unknownHost(let host):
            "there is no host named '\(host)'"
        case .temporary(let host):
            "the name servers did not answer for '\(host)'; is this machine online?"
        case .failed(let host, let reason):
            "'\(host)' could not be looked up: \(reason)"
        }
    }
}

/// Names to addresses. It blocks for as long as the system's resolver does, so never on a thread
/// that carries voice.
public enum Resolver {
    /// More addresses of one name are left out.
    public static let maximumAddresses = 8

    /// The addresses of `HOST[:PORT]`, in the order that RFC 6724 gives them.
    public static func resolve(
        _ text: String, defaultPort: UInt16
    ) throws(ResolveError) -> [Endpoint] {
        guard let parts = HostPort(text) else { throw .malformed(text) }
        return try resolve(parts, defaultPort: defaultPort)
    }

    /// Where to bind: `PORT`, `ADDR:PORT` or `[v6]:PORT`. No names: what a server listens on must
    /// not depend on one.
    public static func listenEndpoint(_ text: String) throws(ResolveError) -> Endpoint {
        if let port = HostPort.port(text[...]) { return .anyAddress(port: port) }
        guard let parts = HostPort(text), let port = parts.port else { throw .malformed(text) }
        let endpoints = try lookUp(parts.host, port: port, flags: AI_NUMERICHOST, original: text)
        guard let endpoint = endpoints.first else { throw .malformed(text) }
        return endpoint
    }

    /// The addresses of a host and port that were taken apart already.
    public static func resolve(
        _ parts: HostPort, defaultPort: UInt16
    ) throws(ResolveError) -> [Endpoint] {
        let endpoints = try lookUp(
            parts.host, port: parts.port ?? defaultPort, flags: 0, original: parts.host)
        guard !endpoints.isEmpty else { throw .unknownHost(parts.host) }
        return endpoints
    }

    private static func lookUp(
        _ host: String, port: UInt16, flags: CInt, original: String
    ) throws(ResolveError) -> [Endpoint] {
        var hints = unsafe addrinfo()
        unsafe hints.ai_family = AF_UNSPEC
        unsafe hints.ai_socktype = CInt(SOCK_DGRAM.rawValue)
        unsafe hints.ai_flags = flags
        var head: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(host, nil, &hints, &head)
        guard code == 0 else { throw error(code, host: host, original: original) }
        defer { unsafe freeaddrinfo(head) }
        var endpoints: [Endpoint] = []
        var next = unsafe head
        while let entry = unsafe next, endpoints.count < maximumAddresses {
            unsafe next = entry.pointee.ai_next
            guard let endpoint = unsafe Endpoint(entry.pointee.ai_addr) else { continue }
            let withPort = endpoint.with(port: port)
            if !endpoints.contains(withPort) { endpoints.append(withPort) }
        }
        return endpoints
    }

    private static func error(_ code: CInt, host: String, original: String) -> ResolveError {
        // EAI_NODATA is a GNU extension that the importer does not show.
        let noData: CInt = -5
        switch code {
        case EAI_NONAME: return .unknownHost(original)
        case noData: return .unknownHost(original)
        case EAI_AGAIN: return .temporary(host)
        default:
            let reason = unsafe gai_strerror(code).map { unsafe String(cString: $0) }
            return .failed(host: host, reason: reason ?? "error \(code)")
        }
    }
}
