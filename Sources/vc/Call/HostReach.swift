internal import VCCore
internal import VCNet

/// Who can come into a room whose signaling server is inside of `vc host`, and what the others
/// need.
struct HostReach: Equatable {
    enum Outside: Equatable {
        /// The address in the code is a public one.
        case open
        /// The address was given with --advertise: whoever did knows.
        case given
        /// The address means nothing outside of this network.
        case forward
        /// The same, and the router forwards this outer address to us.
        case mapped(Endpoint)
        /// There is no address that others could use.
        case none

        /// One word for programs.
        var word: String {
            switch self {
            case .open: "open"
            case .given: "given"
            case .forward: "forward"
            case .mapped: "mapped"
            case .none: "none"
            }
        }
    }

    /// Whether who is in the same network needs no address.
    let isFound: Bool
    /// What stands behind the @ of the code.
    let address: String
    /// The UDP port of the server.
    let port: UInt16
    private(set) var outside: Outside

    init(_ options: CallOptions, _ advertised: ServerName, port: UInt16) {
        isFound = options.usesLocalNetwork
        address = advertised.host
        self.port = port
        // Nil for a name, which people outside can look up: that counts as open.
        let endpoint = try? Resolver.listenEndpoint(
            advertised.host.contains(":")
                ? "[\(advertised.host)]:\(port)" : "\(advertised.host):\(port)")
        outside =
            switch endpoint {
            case _ where options.advertise != nil: .given
            case .some(let endpoint) where endpoint.isLoopback || endpoint.isLinkLocalIPv6: .none
            case .some(let endpoint) where endpoint.isPrivate: .forward
            default: .open
            }
    }

    /// Notes what the router forwards to us; returns whether that is news.
    mutating func note(mapped external: Endpoint?) -> Bool {
        let new: Outside
        switch outside {
        case .open, .given, .none: return false
        case .forward, .mapped:
            // A router behind another one maps an address that leads nowhere either.
            new = external.flatMap { $0.isPrivate ? nil : .mapped($0) } ?? .forward
        }
        guard new != outside else { return false }
        outside = new
        return true
    }

    /// For people, a sentence each.
    var sentences: [String] {
        let neighbours = "who is in the same network may leave out what follows the @"
        return (isFound ? [neighbours] : []) + (outsideSentence.map { [$0] } ?? [])
    }

    /// What people outside of the network need.
    var outsideSentence: String? {
        switch outside {
        case .given: nil
        case .open:
            "people outside come in if every firewall before this machine lets UDP port \(port) in"
        case .forward:
            "\(address) leads here only inside of your network: for people outside forward UDP "
                + "port \(port) of your router to this machine and put the router's address "
                + "behind the @, or open the room on a server with --signal HOST"
        case .mapped(let external):
            "your router lets people outside in: for them the code ends in @\(external.serverText)"
        case .none:
            isFound
                ? "what follows the @ leads here from this machine only"
                : "this machine has no address that others could use: only who is on it can come in"
        }
    }
}

extension Endpoint {
    /// As it stands behind the @ of a code: the port only where it is not the usual one.
    var serverText: String {
        ServerName.text(addressDescription, port: port, usual: CallSetup.signalPort)
    }
}
