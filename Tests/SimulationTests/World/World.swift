import VCSignaling
import VCTestKit

@testable import VCCore

/// Servers and members on an internet that does whatever the seed says, in virtual time.
struct World {
    static let server = Endpoint(ipv4: 0xC633_6401, port: SignalProcess.port)  // 198.51.100.1
    static let server6 = Endpoint(high: 0x2001_0DB8_0000_0000, low: 1, port: SignalProcess.port)
    /// The port of members' sockets.
    static let memberPort: UInt16 = 40_000

    var network: VirtualNetwork
    var now = Instant(nanoseconds: 1_000_000_000)
    var nodes: [Node] = []
    /// Every datagram that was sent, while `isRecording`.
    var recorded: [(bytes: [UInt8], source: Endpoint, destination: Endpoint)] = []
    var isRecording = false
    /// What becomes of each datagram that a member sends.
    var tamper: ((_ bytes: [UInt8], _ sender: Node) -> [[UInt8]])?
    /// Whether members remember what they sealed.
    var keepsSealed = true
    let arena: SecretArena
    let signal: ServerHost
    let verifyKey: VerifyKey
    var relays: [ServerHost] = []
    /// vc-signal and all others.
    private(set) var servers: [ServerHost]
    /// Members and servers by their hosts.
    private var nodeOf: [VirtualNetwork.HostID: Node] = [:]
    private var serverOf: [VirtualNetwork.HostID: ServerHost] = [:]
    /// Members that something happened to just now.
    private var touched: [Node] = []
    /// Who hears questions for rooms, in the order in which they answer.
    var neighbours: [Neighbour] = []
    /// Is shown each sealed datagram that a member sends, also those in an envelope.
    var tap: ((_ sealed: ArraySlice<UInt8>, _ sender: Node) -> Void)?
    /// Is shown each member that a datagram just came to, before it does what is due.
    var interlude: ((_ reached: Node, _ now: Instant) -> Void)?
    private var seed: UInt64
    private let buffer = DatagramBuffer()
    /// The internet, for members with addresses of their own.
    let openSite = Site(realm: .internet, addresses: .own, router: nil)
    var nextSite: UInt32 = 1
    var ownAddresses: UInt32 = 0

    /// - Parameter relays: how many there are.
    init(seed: UInt64, link: VirtualNetwork.Link, arena: SecretArena, relays: Int = 0) {
        self.seed = seed
        self.arena = arena
        network = VirtualNetwork(seed: seed, link: link)
        let host = network.addHost(
            udpPorts: [SignalProcess.port, SignalProcess.secondPort],
            tcpPorts: SignalProcess.tcpPorts)
        network.attach(host, World.server)
        network.attach(host, World.server6)
        let key = World.signingKey(in: arena)
        verifyKey = SigningKey(seed: key, arena: arena).verifyKey
        let process = SignalProcess(
            seed: seed ^ 0x5151, key: key, relays: (0..<relays).map(World.relayAddresses),
            arena: arena, now: now)
        signal = ServerHost(process, on: host, at: World.server)
        servers = [signal]
        serverOf[host] = signal
        for number in 0..<relays { addRelay(number) }
    }

    /// The seed of what vc-signal signs tickets with: a file that survives its process.
    static func signingKey(in arena: SecretArena) -> SecretBytes {
        var random = AnyRandomSource(SplitMix64(seed: 0x7E57))
        return SecretBytes(random: &random, count: SigningKey.seedSize, in: arena)
    }

    /// Puts a server on the internet.
    mutating func addServer(
        _ process: any ServerProcess, at endpoint: Endpoint, tcpPorts: Set<UInt16>
    ) -> ServerHost {
        let host = network.addHost(udpPorts: [endpoint.port], tcpPorts: tcpPorts)
        network.attach(host, endpoint)
        let server = ServerHost(process, on: host, at: endpoint)
        servers.append(server)
        serverOf[host] = server
        return server
    }

    mutating func add(_ node: Node) {
        nodes.append(node)
        nodeOf[node.host] = node
    }

    /// A process is gone, without a word; what it knew stays with the caller.
    mutating func stop(_ node: Node) {
        nodes.removeAll { $0 === node }
        nodeOf[node.host] = nil
        network.setUp(false, node.host)
    }

    /// Randomness that follows from the seed of the world.
    mutating func randomSeed() -> UInt64 {
        seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return seed
    }

    // MARK: Time

    /// Runs until `condition` holds or `limit` has passed; returns whether it held.
    @discardableResult
    mutating func run(for limit: Duration, until condition: () -> Bool = { false }) -> Bool {
        let end = now + limit
        settle()
        while true {
            if condition() { return true }
            let next = nextEvent()
            guard next <= end else {
                now = end
                settle()
                return condition()
            }
            now = max(now, next)
            deliver()
            // Only those that something happened to have anything to say.
            for node in touched { settle(node) }
            touched.removeAll(keepingCapacity: true)
            settleServers()
        }
    }

    private func nextEvent() -> Instant {
        var next = network.nextEvent ?? .distantFuture
        for server in servers { next = min(next, server.timeout ?? .distantFuture) }
        for node in nodes {
            next = min(next, node.machine.nextTimeout)
            if node.isTalking || node.endsTalkSpurt { next = min(next, nextTick) }
        }
        return next
    }

    /// Voice frames are sent on a common 10 ms grid.
    private var nextTick: Instant {
        Instant(nanoseconds: (now.nanoseconds / 10_000_000 + 1) * 10_000_000)
    }

    private mutating func deliver() {
        while let delivery = network.popDelivery(now: now) {
            if let node = nodeOf[delivery.host] {
                touched.append(node)
                let socket = World.socket(of: delivery.destination.port)
                receive(delivery.bytes, from: delivery.source.through(socket: socket), at: node)
                interlude?(node, now)
            } else {
                serverOf[delivery.host]?.receive(delivery, now: now)
            }
        }
        if now.nanoseconds % 10_000_000 == 0 {
            for node in nodes where node.isTalking || node.endsTalkSpurt {
                touched.append(node)
                talk(node)
            }
        }
        for server in servers { server.drive(now: now) }
        for node in nodes where now >= node.machine.nextTimeout {
            touched.append(node)
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
            node.heard.append((now, voice.header.sequence, voice.member))
            node.tallies[voice.member, default: Node.Tally()].count(voice.header.sequence)
            return true
        }
    }

    private mutating func talk(_ node: Node) {
        let flags = node.isTalking ? 0 : VoiceHeader.endOfTalkSpurt
        node.endsTalkSpurt = false
        let header = VoiceHeader(
            flags: flags, sequence: node.sequence, timestamp: node.timestamp, level: 20)
        node.sequence &+= 1
        node.timestamp &+= 480
        let frame = [UInt8](repeating: UInt8(truncatingIfNeeded: node.sequence), count: 60)
        for member in node.machine.memberNumbers {
            let sent = frame.withUnsafeBytes { frame in
                node.machine.sealVoice(header, frame, for: member, into: buffer.bytes, now: now)
            }
            guard let sent else { continue }
            node.voiceDestinations[member] = sent.destination
            transmit(buffer.prefix(sent.size), from: node, to: sent.destination)
        }
        if now.nanoseconds % 500_000_000 == 0 { report(node) }
    }

    /// Tells the others how their voices arrive.
    private func report(_ node: Node) {
        for member in node.machine.memberNumbers {
            guard let tally = node.tallies[member] else { continue }
            let report = ReceiverReport(
                received: tally.received, lost: tally.lost, jitter: 0, captureDelay: 100)
            node.machine.sendReport(report, to: member, now: now)
        }
    }

    private mutating func transmit(
        _ bytes: [UInt8], from node: Node, to destination: Endpoint, hops: UInt8? = nil
    ) {
        if bytes.first == PacketType.sealed, keepsSealed { node.sealed.append(bytes) }
        if let tap, let inner = World.sealed(in: bytes) { tap(inner, node) }
        if bytes.first == PacketType.sealed || bytes.first == PacketType.relayData,
            !node.voiceDestinations.isEmpty, !node.voiceDestinations.values.contains(destination)
        {
            node.asides.append(now)
        }
        let socket = destination.socket
        guard socket == 0 || node.sockets.contains(socket) else { return }
        let port = socket == 0 ? node.endpoint.port : World.port(of: socket)
        if isRecording { recorded.append((bytes, node.endpoint.with(port: port), destination)) }
        for bytes in tamper?(bytes, node) ?? [bytes] {
            network.send(
                bytes, from: node.host, port: port, to: destination.through(socket: 0), hops: hops,
                now: now)
        }
    }

    /// The sealed packet in a datagram, whoever carries it.
    private static func sealed(in bytes: [UInt8]) -> ArraySlice<UInt8>? {
        let inner =
            switch bytes.first {
            case PacketType.relayData: bytes.dropFirst(RelayFormat.dataOverhead)
            case PacketType.hostForward: bytes.dropFirst(HostForward.overhead)
            case _: bytes[...]
            }
        return inner.first == PacketType.sealed ? inner : nil
    }

    /// Drains what everybody has to say.
    mutating func settle() {
        for node in nodes { settle(node) }
        settleServers()
    }

    private mutating func settle(_ node: Node) {
        matchSockets(of: node)
        while let sent = node.machine.pollTransmit(into: buffer.bytes) {
            transmit(buffer.prefix(sent.size), from: node, to: sent.destination, hops: sent.hops)
        }
        ask(node)
        while let event = node.machine.pollEvent() {
            node.events.append(event)
            node.eventTimes.append(now)
        }
    }

    private mutating func settleServers() {
        for server in servers {
            while let sent = server.pollTransmit(now: now) {
                if isRecording {
                    recorded.append(
                        (sent.bytes, server.endpoint.with(port: sent.port), sent.destination))
                }
                network.send(
                    sent.bytes, from: server.host, port: sent.port, to: sent.destination, now: now)
            }
        }
    }
}

/// The memory that all members of a world write their datagrams into, one after the other.
private final class DatagramBuffer {
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: Limits.datagram, alignment: 16)

    deinit { bytes.deallocate() }

    func prefix(_ count: Int) -> [UInt8] { Array(bytes[..<count]) }
}
