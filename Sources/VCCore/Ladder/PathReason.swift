/// Why the call takes the way it takes, in a sentence for people.
struct PathReason {
    /// After this, what does not answer is taken not to.
    static let trial = Duration.seconds(3)

    let route: Route
    let policy: RungPolicy
    let local: LocalAddresses
    let ownMapping: NATMapping
    let peerMapping: NATMapping
    /// The peer told no address.
    let peerHides: Bool
    /// The peer told an address, or was found at one, where we allow no direct path.
    let isFiltered: Bool
    /// Direct paths were tried for long enough to know.
    let hasTried: Bool
    /// A direct path was there, and did not hold.
    let directFailed: Bool
    /// What the host is called, where it forwards.
    let host: DisplayText
    /// What became of trying many ports.
    var birthday = BirthdayHistory.Standing.none

    var sentence: String {
        switch route.rung {
        case .direct: return direct
        case .tcp: return "no UDP passes your network"
        case .host: return "via \(host.text): \(forwarded)"
        case .relay: return forwarded
        }
    }

    private var direct: String {
        if local.contains(route.endpoint) { return "both are on this machine" }
        switch route.endpoint.reach {
        case .loopback: return "both are on this machine"
        case .site: return "both are in the same network"
        case .global, .never:
            if route.endpoint.ipv4 == nil { return "IPv6 reaches the other side" }
            return birthday == .hit
                ? "one of many ports got through" : "the addresses reach each other"
        }
    }

    private var forwarded: String {
        if !policy.allowsDirect { return "you allow no direct path" }
        if peerHides { return "the other side shows no address" }
        if directFailed { return "the direct path does not carry the call" }
        if isFiltered { return "you allow direct paths in some networks only" }
        switch (ownMapping, peerMapping) {
        case (.dependent, .dependent): return "both NATs are symmetric"
        case (_, .blocked): return "no UDP passes the other side's network"
        case (.blocked, _): return "no UDP passes your network"
        default: break
        }
        if !hasTried { return "a direct path is being tried" }
        switch (ownMapping, peerMapping) {
        case (.dependent, _): return "your NAT is symmetric, and " + strangers("theirs")
        case (_, .dependent): return "their NAT is symmetric, and " + strangers("yours")
        default: return "no direct path answers"
        }
    }

    private func strangers(_ owner: String) -> String {
        switch birthday {
        case .none, .hit: "\(owner) lets no stranger in"
        case .running: "many ports are being tried"
        case .missed: "many ports were tried in vain"
        }
    }
}
