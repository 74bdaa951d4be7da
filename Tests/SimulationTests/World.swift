import VCCore
import VCSignaling
import VCTestKit

/// One member in the simulated world: its room machine, what it was told, and what it heard.
final class Node {
    var machine: RoomMachine
    let endpoint: Endpoint
    var events: [RoomEvent] = []
    /// Whether it sends a voice frame each 10 ms.
    var isTalking = false
    var heard: [(time: Instant, sequence: UInt16)] = []
    /// Every sealed datagram it sent: for replays.
    var sealed: [[UInt8]] = []
    /// How often its time was due.
    var wakeups = 0
    fileprivate var sequence: UInt16 = 0
    fileprivate var timestamp: UInt32 = 0

    init(_ machine: consuming RoomMachine, at endpoint: Endpoint) {
        self.machine = machine
        self.endpoint = endpoint
    }

    var end: EndReason? {
        for case .ended(let reason) in events { return reason }
        return nil
    }

    var chats: [String] {
        events.compactMap { if case .chat(_, let text, _) = $0 { text.text } else { nil } }
    }

    var deliveries: Int {
        events.count { if case .delivery(_, _, isDelivered: true) = $0 { true } else { false } }
    }

    var hasPath: Bool {
        events.contains { if case .path = $0 { true } else { false } }
    }

    /// Host: the code as it stands.
    var code: [UInt8] {
        [UInt8](capacity: RoomCode.longestText) { machine.writeCode(into: &$0) }
    }
}

/// A signaling server and members on a network that does whatever the seed says, in virtual time.
struct World {
    static let server = Endpoint(ipv4: 0xC633_6401, port: 4_460)  // 198.51.100.1

    var network: NetworkEmulator
    var now = Instant(nanoseconds: 1_000_000_000)
    var nodes: [Node] = []
    /// Every datagram that was sent, while `isRecording`.
    var recorded: [(bytes: [UInt8], source: Endpoint, destination: Endpoint)] = []
    var isRecording = false
    /// Whether vc-signal is there.
    var serverIsUp = true
    private let arena: SecretArena
    private let service: ServiceBox
    private var seed: UInt64

    private final class ServiceBox {
        var service: SignalService
        init(_ service: consuming SignalService) { self.service = service }
    }

    init(seed: UInt64, link: NetworkEmulator.Link, arena: SecretArena) {
        self.seed = seed
        self.arena = arena
        network = NetworkEmulator(seed: seed, link: link)
        var random = SplitMix64(seed: seed ^ 0x5151)
        service = ServiceBox(
            SignalService(limits: .standalone, secondPort: 0, random: &random, now: now))
    }

    private mutating func configuration(isHost: Bool, _ name: String, _ capacity: Int)
        -> RoomConfiguration
    {
        let endpoint = Endpoint(ipv4: 0xCB00_7101 + UInt32(nodes.count), port: 40_000)
        return RoomConfiguration(
            isHost: isHost, servers: [World.server], name: DisplayText(name: name),
            candidates: [endpoint],
            local: LocalAddresses(addresses: [endpoint], allowsLoopback: false),
            capacity: capacity)
    }

    private mutating func randomSource() -> AnyRandomSource {
        seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return AnyRandomSource(SplitMix64(seed: seed))
    }

    mutating func addHost(name: String = "ana", capacity: Int = 2) -> Node {
        let configuration = configuration(isHost: true, name, capacity)
        return add(
            RoomMachine(
                hosting: configuration, arena: arena, random: randomSource(), now: now),
            at: configuration.candidates[0])
    }

    mutating func addJoiner(name: String = "bob", code: [UInt8]) throws -> Node {
        let configuration = configuration(isHost: false, name, 2)
        let parsed = try RoomCode(parsing: code.span.bytes, in: arena)
        return add(
            RoomMachine(
                joining: parsed, configuration, arena: arena, random: randomSource(), now: now),
            at: configuration.candidates[0])
    }

    private mutating func add(_ machine: consuming RoomMachine, at endpoint: Endpoint) -> Node {
        let node = Node(machine, at: endpoint)
        nodes.append(node)
        return node
    }

    /// Runs until `condition` holds or `limit` has passed; returns whether it held.
    @discardableResult
    mutating func run(for limit: Duration, until condition: () -> Bool = { false }) -> Bool {
        let end = now + limit
        while true {
            settle()
            if condition() { return true }
            let next = nextEvent()
            guard next <= end else {
                now = end
                settle()
                return condition()
            }
            now = max(now, next)
            deliver()
        }
    }

    private func nextEvent() -> Instant {
        var next = network.nextDelivery ?? .distantFuture
        if serverIsUp, let due = service.service.pollTimeout() { next = min(next, due) }
        for node in nodes {
            next = min(next, node.machine.nextTimeout)
            if node.isTalking { next = min(next, nextTick) }
        }
        return next
    }

    /// Voice frames are sent on a common 10 ms grid.
    private var nextTick: Instant {
        Instant(nanoseconds: (now.nanoseconds / 10_000_000 + 1) * 10_000_000)
    }

    private mutating func deliver() {
        while let delivery = network.popDelivery(now: now) {
            if delivery.destination == World.server {
                guard serverIsUp else { continue }
                _ = service.service.handle(
                    delivery.bytes.span.bytes, from: delivery.source, onSecondPort: false, now: now)
            } else if let node = nodes.first(where: { $0.endpoint == delivery.destination }) {
                receive(delivery.bytes, from: delivery.source, at: node)
            }
        }
        if now.nanoseconds % 10_000_000 == 0 {
            for node in nodes where node.isTalking { talk(node) }
        }
        if serverIsUp, let due = service.service.pollTimeout(), now >= due {
            service.service.handleTimeout(now: now)
        }
        for node in nodes where now >= node.machine.nextTimeout {
            node.wakeups += 1
            node.machine.handleTimeout(now: now)
        }
    }

    /// Gives a node a datagram, as its socket would. Returns whether it was voice.
    @discardableResult
    func receive(_ bytes: [UInt8], from source: Endpoint, at node: Node) -> Bool {
        var packet = bytes
        return packet.withUnsafeMutableBytes { buffer in
            guard let voice = node.machine.receive(buffer, from: source, now: now) else {
                return false
            }
            node.heard.append((now, voice.header.sequence))
            return true
        }
    }

    private mutating func talk(_ node: Node) {
        let header = VoiceHeader(
            flags: 0, sequence: node.sequence, timestamp: node.timestamp, level: 20)
        node.sequence &+= 1
        node.timestamp &+= 480
        let frame = [UInt8](repeating: UInt8(truncatingIfNeeded: node.sequence), count: 60)
        var packet = [UInt8](repeating: 0, count: Limits.datagram)
        for member in UInt8(1)...16 {
            let sent = frame.withUnsafeBytes { frame in
                packet.withUnsafeMutableBytes { buffer in
                    node.machine.sealVoice(header, frame, for: member, into: buffer, now: now)
                }
            }
            guard let sent else { continue }
            transmit(Array(packet[..<sent.size]), from: node, to: sent.destination)
        }
    }

    private mutating func transmit(_ bytes: [UInt8], from node: Node, to destination: Endpoint) {
        if bytes.first == PacketType.sealed { node.sealed.append(bytes) }
        if isRecording { recorded.append((bytes, node.endpoint, destination)) }
        network.send(bytes, from: node.endpoint, to: destination, now: now)
    }

    /// Drains what everybody has to say.
    mutating func settle() {
        var buffer = [UInt8](repeating: 0, count: Limits.datagram)
        for node in nodes {
            while let sent = buffer.withUnsafeMutableBytes({
                node.machine.pollTransmit(into: $0)
            }) {
                transmit(Array(buffer[..<sent.size]), from: node, to: sent.destination)
            }
            while let event = node.machine.pollEvent() { node.events.append(event) }
        }
        guard serverIsUp else { return }
        while true {
            var destination: Endpoint?
            let bytes = [UInt8](capacity: Limits.datagram) { writer in
                destination = service.service.pollTransmit(into: &writer)?.destination
            }
            guard let destination else { return }
            if isRecording { recorded.append((bytes, World.server, destination)) }
            network.send(bytes, from: World.server, to: destination, now: now)
        }
    }
}
