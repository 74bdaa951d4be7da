/// Which of the addresses that a peer names are worth a probe. The list comes from somebody who may
/// want our probes to hit a bystander, so it is bounded and filtered before anything is sent.
public struct CandidateList: Sendable {
    /// Candidates of one peer at most.
    public static let maximumCount = 8
    /// Different addresses of one peer at most.
    static let maximumAddresses = 4
    /// Ports of one public address at most.
    static let maximumPortsPerAddress = 2
    /// Below are the ports of well-known services.
    static let lowestPort: UInt16 = 1_024

    public private(set) var endpoints: [Endpoint] = []

    public init() {}

    /// The candidates of `offered` that may be probed from a machine with the addresses `local`.
    ///
    /// Loopback is refused unless this machine itself meets the others through loopback.
    ///
    /// - Parameter found: where the peer itself has answered us.
    public init(
        accepting offered: [Endpoint], local: LocalAddresses, found: [Endpoint] = []
    ) {
        endpoints = Array(found.prefix(CandidateList.maximumAddresses))
        for endpoint in offered {
            guard endpoints.count < CandidateList.maximumCount else { break }
            guard endpoint.port >= CandidateList.lowestPort, !endpoints.contains(endpoint),
                local.canReach(endpoint)
            else { continue }
            let same = endpoints.filter { $0.hasSameAddress(as: endpoint) }.count
            guard same < CandidateList.maximumPortsPerAddress else { continue }
            if same == 0, addressCount == CandidateList.maximumAddresses { continue }
            endpoints.append(endpoint)
        }
    }

    private var addressCount: Int {
        Set(endpoints.map { $0.with(port: 0) }).count
    }
}

extension CandidateList {
    /// `count 1 | (address 16, port 2)*`.
    static func encode(_ endpoints: [Endpoint], into writer: inout ByteWriter) {
        let list = endpoints.prefix(maximumCount)
        writer.write(UInt8(list.count))
        for endpoint in list { endpoint.encode(into: &writer) }
    }

    static func decode(_ reader: inout ByteReader) throws(DecodeError) -> [Endpoint] {
        let count = Int(try reader.readUInt8())
        guard count <= maximumCount else { throw .tooLong }
        var endpoints: [Endpoint] = []
        for _ in 0..<count { endpoints.append(try Endpoint(from: &reader)) }
        return endpoints
    }
}

/// The addresses of this machine, for judging whether another one is in the same network.
public struct LocalAddresses: Sendable {
    private let addresses: [Endpoint]
    private let allowsLoopback: Bool

    /// - Parameter allowsLoopback: this machine's signaling server is on the machine itself, so
    ///   that peers may be, too.
    public init(addresses: [Endpoint], allowsLoopback: Bool) {
        self.addresses = addresses
        self.allowsLoopback = allowsLoopback
    }

    /// Whether the address is this machine's own.
    func contains(_ endpoint: Endpoint) -> Bool {
        addresses.contains { $0.hasSameAddress(as: endpoint) }
    }

    func canReach(_ endpoint: Endpoint) -> Bool {
        switch endpoint.reach {
        case .never: false
        case .loopback: allowsLoopback
        case .site: addresses.contains { endpoint.sharesSite(with: $0) }
        case .global: true
        }
    }
}

extension Endpoint {
    /// How far an address reaches.
    enum Reach {
        /// Unspecified, multicast, broadcast: nobody's.
        case never
        case loopback
        /// Private, shared, unique local or link-local: only inside one network.
        case site
        case global
    }

    /// Whether the address means something only inside one network.
    public var isPrivate: Bool { reach == .site }

    /// Whether the address is the machine's own loopback.
    public var isLoopback: Bool { reach == .loopback }

    var reach: Reach {
        if let address = ipv4 {
            switch (address >> 24, (address >> 16) & 0xFF) {
            case (0, _), (224...255, _): return .never
            case (127, _): return .loopback
            case (10, _), (172, 16...31), (192, 168), (169, 254), (100, 64...127): return .site
            default: return .global
            }
        }
        if high == 0 { return low == 1 ? .loopback : .never }
        switch high >> 56 {
        case 0xFF: return .never
        case 0xFC, 0xFD: return .site
        case 0xFE: return (high >> 54) & 3 == 2 ? .site : .never
        default: return .global
        }
    }

    /// The same /16 (IPv4) or /64 (IPv6).
    func sharesSite(with other: Endpoint) -> Bool {
        switch (ipv4, other.ipv4) {
        case (let mine?, let theirs?): mine >> 16 == theirs >> 16
        case (nil, nil): high == other.high
        case (nil, _?), (_?, nil): false
        }
    }
}
