internal import VCCore
internal import VCNet

/// Port mapping by UPnP IGD (WANIPConnection:1 section 2.4.16 and 2.4.18), through libminiupnpc. It
/// is for the network in which it finds its router: in another one it fails.
struct UPnPClient: PortMapClient {
    /// Codes of AddPortMapping.
    private enum Code {
        static let success: Int32 = 0
        /// Another machine has this external port.
        static let conflict: Int32 = 718
        /// The router knows mappings without an end only.
        static let onlyPermanent: Int32 = 725
    }

    /// A router in the same network answers at once; some wait up to the second that they were
    /// given (UPnP Device Architecture 1.0 section 1.2.2, MX).
    static let searchMilliseconds: Int32 = 1_000
    /// With this many ports taken by others, the next one will be, too.
    private static let attempts = 4
    private static let randomPorts: ClosedRange<UInt16> = 20_000...59_999

    private let library: UPnPLibrary
    private let interface: String?
    private let searchMilliseconds: Int32
    private var gateway: UPnPGateway?
    /// What packets to the internet left with when the router was found.
    private var source: Endpoint?
    /// The router's port that we had last, and wish for again.
    private var externalPort: UInt16?

    /// - Parameters:
    ///   - interface: the address of the interface to ask on; nil is the default route's.
    ///   - externalPort: the router's port to wish for; nil is the number of our own.
    init(
        interface: String? = nil, searchMilliseconds: Int32 = Self.searchMilliseconds,
        externalPort: UInt16? = nil
    ) throws(PortMapError) {
        library = try UPnPLibrary()
        self.interface = interface
        self.searchMilliseconds = searchMilliseconds
        self.externalPort = externalPort
    }

    /// The router's address on its other side.
    mutating func externalAddress() throws(PortMapError) -> UInt32 {
        let text = try found().externalAddress()
        guard let endpoint = try? Resolver.listenEndpoint("\(text):0"),
            let address = endpoint.ipv4, address != 0
        else { throw .noExternalAddress(.upnp) }
        return address
    }

    mutating func map(port: UInt16, seconds: UInt32) throws(PortMapError) -> PortMapping {
        let gateway = try found()
        let address = try externalAddress()
        var random = SystemRandom()
        var external = externalPort ?? port
        var lifetime = seconds
        var left = Self.attempts
        while true {
            let code = gateway.add(external: external, port: port, seconds: lifetime)
            switch code {
            case Code.success:
                externalPort = external
                return PortMapping(
                    external: Endpoint(ipv4: address, port: external), method: .upnp,
                    lifetime: lifetime == 0 ? nil : .seconds(Int64(lifetime)))
            case Code.onlyPermanent where lifetime != 0:
                lifetime = 0
            case Code.conflict where left > 1:
                left -= 1
                external =
                    Self.randomPorts.lowerBound
                    + UInt16(random.next(below: UInt32(Self.randomPorts.count)))
            default:
                // A router that was restarted may have moved its control address.
                self.gateway = nil
                throw .refused(.upnp, code: code)
            }
        }
    }

    mutating func unmap(port: UInt16) {
        // In another network, or without a way to it, its router cannot be asked.
        guard let externalPort, gateway != nil, let router = try? found() else { return }
        router.delete(external: externalPort)
    }

    /// The router, which is searched for once.
    private mutating func found() throws(PortMapError) -> UPnPGateway {
        let source = interface == nil ? DefaultRoute.ipv4 : nil
        // The library writes to standard error, where a call is shown, when it cannot send.
        guard interface != nil || source != nil else { throw .noAnswer(.upnp) }
        if let gateway {
            guard source == self.source else { throw .noAnswer(.upnp) }
            return gateway
        }
        let found = try UPnPGateway(
            library: library, milliseconds: searchMilliseconds, interface: interface)
        gateway = found
        self.source = source
        return found
    }
}
