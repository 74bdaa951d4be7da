import VCCore
import VCTestKit

/// What a member of the table of NATs is behind.
struct Surroundings: Equatable, CustomStringConvertible {
    let description: String
    let behaviour: NATBehaviour
    /// Its router gives it a port when asked.
    var mapsPort = false
    /// Both have IPv6, behind a firewall.
    var needsIPv6 = false
    /// Whether there is IPv4 at all.
    var hasIPv4 = true
    /// Whether there is IPv6 where the other one has it.
    var mayHaveIPv6 = true

    init(
        _ description: String, _ behaviour: NATBehaviour, mapsPort: Bool = false,
        needsIPv6: Bool = false
    ) {
        self.description = description
        self.behaviour = behaviour
        self.mapsPort = mapsPort
        self.needsIPv6 = needsIPv6
    }

    init(
        _ description: String, _ kind: NATKind, mapsPort: Bool = false, needsIPv6: Bool = false
    ) {
        self.init(description, kind.behaviour, mapsPort: mapsPort, needsIPv6: needsIPv6)
    }

    static let open = Surroundings("O", .open)
    static let fullCone = Surroundings("FC", .fullCone)
    static let addressRestricted = Surroundings("AR", .addressRestricted)
    static let portRestricted = Surroundings("PR", .portRestricted)
    static let portRestrictedAcceptingWAN = Surroundings("PRx", .portRestrictedAcceptingWAN)
    static let portRestrictedMapped = Surroundings("PR+pm", .portRestricted, mapsPort: true)
    static let symmetric = Surroundings("S", .symmetric)
    static let symmetricMapped = Surroundings("S+pm", .symmetric, mapsPort: true)
    /// Its IPv4 is of the worst kind, so that IPv6 must do it.
    static let ipv6Firewall = Surroundings("F6", .symmetric, needsIPv6: true)
    static let ipv6Only: Surroundings = {
        var surroundings = Surroundings("6only", .portRestricted, needsIPv6: true)
        surroundings.hasIPv4 = false
        return surroundings
    }()
    static let ipv4Only: Surroundings = {
        var surroundings = Surroundings("4only", .portRestricted)
        surroundings.mayHaveIPv6 = false
        return surroundings
    }()
    /// Both families, and IPv4 leads nowhere.
    static let ipv4BlackHole = Surroundings("4hole", .blocked, needsIPv6: true)
    static let udpBlocked = Surroundings("X", .udpBlocked)
    static let blocked = Surroundings("XX", .blocked)
    /// A carrier that ends each mapping after 60 s, used or not.
    static let expiring: Surroundings = {
        var behaviour = NATBehaviour(.endpointIndependentRandom, .addressAndPortDependent)
        behaviour.absoluteLifetime = .seconds(60)
        return Surroundings("CG", behaviour)
    }()
}

/// Two members of the table, and the rung on which they shall end.
struct Cell: CustomStringConvertible {
    enum Expected {
        case direct, relay
        /// The second one reaches the relay over TCP only.
        case tcp
    }

    let one: Surroundings
    let other: Surroundings
    let expected: Expected

    var description: String { "\(one) × \(other)" }

    /// Every pair of the table.
    static let all: [Cell] = {
        let columns: [Surroundings] = [
            .open, .fullCone, .addressRestricted, .portRestricted, .portRestrictedAcceptingWAN,
            .portRestrictedMapped, .symmetric, .symmetricMapped, .ipv6Firewall, .udpBlocked,
        ]
        return columns.prefix(7).enumerated().flatMap { index, one in
            columns[index...].map { Cell(one: one, other: $0, expected: expected(one, $0)) }
        }
    }()

    /// Where the two families meet.
    static let families = [
        Cell(one: .ipv6Only, other: .ipv6Firewall, expected: .direct),
        Cell(one: .ipv6Only, other: .ipv4Only, expected: .relay),
        Cell(one: .ipv4BlackHole, other: .portRestricted, expected: .direct),
        Cell(one: .ipv4BlackHole, other: .ipv4Only, expected: .relay),
    ]

    private static func expected(_ one: Surroundings, _ other: Surroundings) -> Expected {
        if other == .udpBlocked { return .tcp }
        let restricted: [Surroundings] = [
            .portRestricted, .portRestrictedAcceptingWAN, .symmetric,
        ]
        return other == .symmetric && restricted.contains(one) ? .relay : .direct
    }
}
