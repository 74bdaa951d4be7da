public import VCCore

/// A port of the router that leads to a UDP port of this machine. Only a hint until a probe has
/// arrived through it: routers promise what they do not keep.
public struct PortMapping: Equatable, Sendable {
    /// How the router was asked.
    public enum Method: String, Sendable {
        /// RFC 6886.
        case natPMP = "NAT-PMP"
        /// UPnP Internet Gateway Device, WANIPConnection or WANPPPConnection.
        case upnp = "UPnP"
    }

    /// Where the router listens for us.
    public let external: Endpoint
    public let method: Method
    /// For how long the router promised it; nil is until it is deleted or the router restarts.
    public let lifetime: Duration?

    public init(external: Endpoint, method: Method, lifetime: Duration?) {
        self.external = external
        self.method = method
        self.lifetime = lifetime
    }
}

/// Why there is no mapping.
public enum PortMapError: Error, Equatable, Sendable {
    /// The library of this name is not installed.
    case noLibrary(String)
    /// No router answered in this protocol.
    case noAnswer(PortMapping.Method)
    /// The router refused, with the code of the protocol.
    case refused(PortMapping.Method, code: Int32)
    /// The router has no address on its other side.
    case noExternalAddress(PortMapping.Method)
}

extension PortMapError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .noLibrary(let name): "\(name) is not installed"
        case .noAnswer(let method): "no router answered to \(method.rawValue)"
        case .refused(let method, let code):
            "the router refused by \(method.rawValue) (code \(code))"
        case .noExternalAddress(let method):
            "the router told no outside address by \(method.rawValue)"
        }
    }
}

/// One way to have a router map a port. Every call blocks, for seconds where a router is slow.
protocol PortMapClient {
    /// Maps `port` or, if it is mapped already, asks for as much time again.
    mutating func map(port: UInt16, seconds: UInt32) throws(PortMapError) -> PortMapping
    /// Deletes what `map` made, as well as that is possible.
    mutating func unmap(port: UInt16)
}
