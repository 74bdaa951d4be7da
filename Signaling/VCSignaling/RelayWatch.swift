public import VCCore

/// A relay that the operator named, with the addresses that the name has now.
public struct NamedRelay: Equatable, Sendable {
    /// As it was given, for the log and as the relay's identity.
    public let name: String
    public let addresses: [Endpoint]

    public init(name: String, addresses: [Endpoint]) {
        self.name = name
        self.addresses = addresses
    }
}

/// Which relays answer: each address is asked for a cookie (BIND) every 5 s, which costs a relay
/// nothing and shows all that a member needs.
///
/// A name with one address per IP family is one relay, whose addresses members of both families may
/// use. Behind a name with more than that stand several relays.
struct RelayWatch {
    private static let interval = Duration.seconds(5)
    /// One that never answered may just be starting.
    private static let firstInterval = Duration.seconds(1)
    /// Three questions in a row without an answer.
    private static let patience = Duration.seconds(15)
    /// Relays that one room is told of.
    private static let perRoom = 4
    /// More names than that are more than a room could ever use.
    static let maximumNames = 64

    private struct Address {
        let endpoint: Endpoint
        /// Which relay it belongs to, the same number in every process that watches it.
        let relay: UInt64
        let name: String
        /// Unpredictable: who does not see our questions cannot answer them.
        let transaction: UInt64
        var next: Instant
        var isDue = false
        /// When it was asked first.
        var asked: Instant?
        var answered: Instant?
        var isDraining = false
        var tcpPort: UInt16 = 0
        /// What was told last.
        var standing: RelayStanding?
    }

    private var addresses: [Address] = []

    /// When `handleTimeout` has something to do.
    var deadline: Instant? {
        addresses.map { address in
            guard address.standing != .silent, let heard = address.answered ?? address.asked
            else { return address.next }
            return min(address.next, heard + Self.patience)
        }.min()
    }

    /// Watches these relays from now on; what is known of addresses that stay is kept.
    mutating func watch(
        _ relays: [NamedRelay], random: inout some RandomSource, now: Instant
    ) {
        var watched: [Address] = []
        for relay in relays.prefix(Self.maximumNames) {
            for (endpoint, identity) in Self.relays(behind: relay)
            where !watched.contains(where: { $0.endpoint == endpoint }) {
                if let known = addresses.first(where: {
                    $0.endpoint == endpoint && $0.relay == identity
                }) {
                    watched.append(known)
                } else {
                    watched.append(
                        Address(
                            endpoint: endpoint, relay: identity, name: relay.name,
                            transaction: random.next(), next: now))
                }
            }
        }
        addresses = watched
        handleTimeout(now: now)
    }

    mutating func handleTimeout(now: Instant) {
        for index in addresses.indices where addresses[index].next <= now {
            let isSilent = addresses[index].answered == nil
            addresses[index].next = now + (isSilent ? Self.firstInterval : Self.interval)
            addresses[index].isDue = true
            addresses[index].asked = addresses[index].asked ?? now
        }
    }

    /// The next question to a relay.
    mutating func pollQuestion(into writer: inout ByteWriter) -> Endpoint? {
        guard let index = addresses.firstIndex(where: \.isDue) else { return nil }
        addresses[index].isDue = false
        RelayRequest.writeBind(transaction: addresses[index].transaction, into: &writer)
        return addresses[index].endpoint
    }

    /// Whether a datagram may be one of a relay: it has its first byte, and somebody is watched.
    func isAnswer(_ datagram: RawSpan) -> Bool {
        guard !addresses.isEmpty, datagram.byteCount > 0 else { return false }
        var reader = ByteReader(datagram)
        return (try? reader.readUInt8()) == PacketType.relayControl
    }

    /// Takes a datagram of protocol 0xC1.
    ///
    /// - Returns: whether it was an answer that was asked for.
    mutating func handle(_ datagram: RawSpan, from source: Endpoint, now: Instant) -> Bool {
        guard let index = addresses.firstIndex(where: { $0.endpoint == source }),
            let (header, answer) = try? RelayAnswer.decode(datagram),
            header.transaction == addresses[index].transaction,
            case .challenge(let challenge) = answer
        else { return false }
        if addresses[index].answered == nil { addresses[index].next = now + Self.interval }
        addresses[index].answered = now
        addresses[index].isDraining = challenge.isDraining
        addresses[index].tcpPort = challenge.tcpPort
        return true
    }

    /// The next relay that answers again, or does not any more.
    mutating func pollChange(now: Instant) -> (name: String, standing: RelayStanding)? {
        for index in addresses.indices {
            let standing = standing(of: addresses[index], now: now)
            guard let standing, standing != addresses[index].standing else { continue }
            addresses[index].standing = standing
            return ("\(addresses[index].name) (\(addresses[index].endpoint))", standing)
        }
        return nil
    }

    /// The relays for the room of a nameplate: at most four, the same ones in the same order for
    /// whoever asks while the same ones answer, and others for other rooms (rendezvous hashing,
    /// Thaler and Ravishankar 1998: one relay less moves only the rooms that had it).
    func selection(forRoom nameplate: UInt32, now: Instant) -> [RelayServer] {
        let serving = addresses.filter { standing(of: $0, now: now) == .answers }
        var scores: [(score: UInt64, relay: UInt64)] = []
        for address in serving where !scores.contains(where: { $0.relay == address.relay }) {
            scores.append((Self.mix(address.relay ^ Self.mix(UInt64(nameplate))), address.relay))
        }
        scores.sort { ($0.score, $0.relay) > ($1.score, $1.relay) }
        var selection: [RelayServer] = []
        for (number, (_, relay)) in scores.prefix(Self.perRoom).enumerated() {
            for address in serving where address.relay == relay {
                selection.append(
                    RelayServer(
                        endpoint: address.endpoint, tcpPort: address.tcpPort,
                        number: UInt8(number)))
            }
        }
        return selection
    }

    /// Nil before there was time to answer.
    private func standing(of address: Address, now: Instant) -> RelayStanding? {
        guard let heard = address.answered ?? address.asked else { return nil }
        guard now < heard + Self.patience else { return .silent }
        if address.answered == nil { return nil }
        return address.isDraining ? .draining : .answers
    }

    private static func relays(behind name: NamedRelay) -> [(Endpoint, UInt64)] {
        let first = name.addresses.filter { $0.ipv4 != nil }
        let second = name.addresses.filter { $0.ipv4 == nil }
        let identity = name.name.utf8.reduce(0xCBF2_9CE4_8422_2325) {
            // FNV-1a: it only has to differ.
            ($0 ^ UInt64($1)) &* 0x100_0000_01B3
        }
        let isOne = first.count <= 1 && second.count <= 1
        return (first + second).map { endpoint in
            (endpoint, isOne ? identity : mix(identity ^ mix(endpoint.high) ^ endpoint.low))
        }
    }

    /// The finaliser of SplitMix64: spreads what differs in a few bits.
    private static func mix(_ value: UInt64) -> UInt64 {
        var mixed = value &+ 0x9E37_79B9_7F4A_7C15
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
