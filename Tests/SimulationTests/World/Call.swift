import Testing
import VCCore
import VCTestKit

/// Two members who talk and chat all the time, and what becomes of it.
struct Call {
    /// A network like any other: 5 to 40 ms from everywhere to everywhere, so up to 160 ms there
    /// and back through a relay.
    static func link(seed: UInt64, slowest: UInt32 = 40) -> VirtualNetwork.Link {
        var random = SplitMix64(seed: seed ^ 0x117)
        let latency = Duration.milliseconds(Int64(5 + random.next(below: slowest - 4)))
        return VirtualNetwork.Link(latency: latency, jitter: .milliseconds(3))
    }

    /// A voice that is missing for longer than this was heard to be missing.
    static let patience = Duration.milliseconds(500)

    var world: World
    let host: Node
    let joiner: Node
    let label: Comment
    /// When the joiner set out.
    let departure: Instant
    /// When it was in the room.
    private(set) var start: Instant
    private var sent: [String] = []

    /// Runs until the joiner is in the room. Who hosts changes with the seed.
    ///
    /// - Parameters:
    ///   - slowest: milliseconds from one end of the internet to the other, at most.
    ///   - rungs: what the two allow.
    init(
        _ one: Surroundings, _ other: Surroundings, seed: UInt64, hasIPv6: Bool = false,
        capacity: Int = 2, slowest: UInt32 = 40,
        rungs: [RungPolicy] = [RungPolicy(), RungPolicy()], arena: SecretArena
    ) throws {
        label = "\(one) × \(other), seed \(seed)"
        world = World(
            seed: seed, link: Call.link(seed: seed, slowest: slowest), arena: arena, relays: 2)
        let hasIPv6 = hasIPv6 || one.needsIPv6 || other.needsIPv6
        let (first, second) = seed % 2 == 0 ? (one, other) : (other, one)
        let home = world.addSite(
            first.behaviour, hasIPv4: first.hasIPv4, hasIPv6: hasIPv6 && first.mayHaveIPv6)
        let away = world.addSite(
            second.behaviour, hasIPv4: second.hasIPv4, hasIPv6: hasIPv6 && second.mayHaveIPv6)
        let policies = seed % 2 == 0 ? rungs : rungs.reversed()
        host = world.addHost(
            capacity: capacity, at: home, mapsPort: first.mapsPort, rungs: policies[0])
        let host = host
        try #require(world.run(for: .seconds(5)) { !host.code.isEmpty }, label)
        world.run(for: .milliseconds(Int64(seed * 37 % 1_000)))
        departure = world.now
        joiner = try world.addJoiner(
            code: host.code, at: away, mapsPort: second.mapsPort, rungs: policies[1])
        let joiner = joiner
        host.isTalking = true
        joiner.isTalking = true
        try #require(world.run(for: .seconds(10)) { joiner.company != nil }, label)
        start = try #require(joiner.company)
    }

    /// Both, the one that sits behind the first of the surroundings in front.
    func members(seed: UInt64) -> (one: Node, other: Node) {
        seed % 2 == 0 ? (host, joiner) : (joiner, host)
    }

    /// Lets time pass, in which both chat.
    mutating func run(for duration: Duration) {
        let end = world.now + duration
        while world.now < end {
            let text = "message \(sent.count)"
            sent.append(text)
            for node in [host, joiner] {
                _ = node.machine.sendChat(DisplayText(message: text), now: world.now)
            }
            world.run(for: min(.milliseconds(700), end - world.now))
        }
    }

    /// Lets time pass until so long after the joiner came in.
    mutating func run(untilAfterStart duration: Duration) {
        run(for: start + duration - world.now)
    }

    /// The longest time since `time` in which one of the two heard nothing.
    func silence(since time: Instant) -> Duration {
        [host, joiner].map { $0.longestSilence(from: time, until: world.now) }.max() ?? .zero
    }

    /// Both rungs as the network sees them, the host's first.
    var rungs: [Rung?] { [rung(of: host), rung(of: joiner)] }

    func rung(of node: Node) -> Rung? { world.rung(of: node, to: node === host ? 2 : 1) }

    func relay(of node: Node) -> ServerHost? { world.relay(of: node, to: node === host ? 2 : 1) }

    /// Whether both have heard the other one.
    var hasVoice: Bool { !host.heard.isEmpty && !joiner.heard.isEmpty }

    /// The most packets within a second, since `time`, that one of the two sent on another way than
    /// its voice.
    func asidesPerSecond(since time: Instant) -> Int {
        [host, joiner].map { node in
            let late = node.asides.drop { $0 < time }
            return late.indices.map { index in
                late[index...].prefix { $0 < late[index] + .seconds(1) }.count
            }.max() ?? 0
        }.max() ?? 0
    }

    /// What was said arrived, once and in order, and the call goes on.
    mutating func finish() {
        let (host, joiner) = (host, joiner)
        let count = sent.count
        world.run(for: .seconds(30)) {
            host.chats.count >= count && joiner.chats.count >= count
                && host.deliveries >= count && joiner.deliveries >= count
        }
        #expect(host.chats == sent && joiner.chats == sent, label)
        #expect(host.deliveries == count && joiner.deliveries == count, label)
        #expect(host.end == nil && joiner.end == nil, label)
    }
}
