import CAllocationCounter
import Glibc
import Synchronization
import Testing
import VCCore
import VCNet
import VCSignaling
import VCTestKit

@Suite(.serialized) struct MediaPathTests {
    /// The size of an Opus frame of 10 ms at 48 kbit/s.
    private static let frameBytes = 60
    /// Frames of ten minutes, or of five: keys change twice, paths are measured, and the machines
    /// do what they do.
    private static let frames = getenv("VC_FULL") != nil ? 60_000 : 30_000

    @Test(
        "to seal, open and hand over a voice packet allocates nothing, whatever else goes on",
        arguments: [false, true])
    func machines(isRelayed: Bool) throws {
        let pair = try JoinedPair(isRelayed: isRelayed, arena: try #require(SecretArena()))
        let ring = FrameRing(capacity: 64)
        let frame = [UInt8](repeating: 7, count: Self.frameBytes)
        var packet = [UInt8](repeating: 0, count: Limits.datagram)
        var allocations: UInt64 = 0
        var heard = 0
        for number in 0..<Self.frames {
            let header = VoiceHeader(
                flags: 0, sequence: UInt16(truncatingIfNeeded: number),
                timestamp: UInt32(number * 480), level: 20)
            let before = vc_allocation_count()
            frame.withUnsafeBytes { frame in
                packet.withUnsafeMutableBytes { packet in
                    func handOver(_ arrival: VoiceArrival) {
                        ring.push(
                            VoiceFrame(
                                sequence: arrival.header.sequence,
                                timestamp: arrival.header.timestamp, instant: pair.now),
                            payload: RawSpan(_unsafeBytes: arrival.frame))
                    }
                    pair.send(header, frame, from: .host, through: packet, handOver)
                    pair.send(header, frame, from: .joiner, through: packet, handOver)
                }
            }
            while ring.pop({ _, payload in heard += payload.byteCount }) {}
            // Metadata of generic types is made when they are first used.
            if number >= 20 { allocations += vc_allocation_count() - before }
            pair.run(for: .milliseconds(10))
        }
        #expect(heard == 2 * Self.frames * Self.frameBytes, "every packet arrived")
        #expect(allocations == 0)
    }

    @Test(
        "the network threads of a call over real sockets allocate nothing per voice packet",
        arguments: [(members: 2, packets: 5_000), (members: 5, packets: 1_500)])
    func threads(members: Int, packets: Int) throws {
        guard vc_allocation_counter_works() == 1 else { return }
        let call = try LoopbackCall(members: members, arena: try #require(SecretArena()))
        defer { call.leave() }
        try call.talk(packets: 100, bytes: Self.frameBytes)
        call.ports.forEach { $0.restart() }
        let start = MonotonicClock.now
        try call.talk(packets: packets, bytes: Self.frameBytes)
        let seconds = (MonotonicClock.now - start) / .seconds(1)
        let others = members - 1
        for port in call.ports {
            #expect(port.received.load(ordering: .relaxed) == packets * others)
            // What is no voice may allocate: in a second that is at most one ping each way for
            // each other member, the answers, and the machine's look at its timers at least every
            // 200 ms.
            let bound = 10 + Int(20 * seconds) * others
            #expect(bound < packets * others * 2 / 5, "too slow to tell the two apart")
            #expect(port.allocating.load(ordering: .relaxed) <= bound)
        }
    }
}

/// Stands for the sound of one member, and counts on the network's own thread.
private final class CountingPort: VoicePort, @unchecked Sendable {
    let capturedFrames = FrameRing(capacity: 64)
    /// Packets received, and those before which the thread had allocated since the one before.
    let received = Atomic<Int>(0)
    let allocating = Atomic<Int>(0)
    private let wakeup: Wakeup
    private let ring = FrameRing(capacity: 64)
    /// The network thread's.
    private var allocations: UInt64 = 0

    init() throws {
        wakeup = try Wakeup()
    }

    var captureReady: Int32 { wakeup.descriptorNumber }

    func speak(_ number: Int, _ payload: [UInt8]) {
        capturedFrames.push(
            VoiceFrame(
                sequence: UInt16(truncatingIfNeeded: number), timestamp: UInt32(number * 480),
                instant: .zero),
            payload: payload.span.bytes)
        wakeup.signal()
    }

    func receive(_ frame: VoiceFrame, payload: RawSpan, slot: Int) -> Bool {
        let now = vc_allocation_count()
        if now != allocations { allocating.wrappingAdd(1, ordering: .relaxed) }
        allocations = now
        ring.push(frame, payload: payload)
        while ring.pop({ _, _ in }) {}
        received.wrappingAdd(1, ordering: .releasing)
        return true
    }

    /// Counts from zero; nothing is under way.
    func restart() {
        received.store(0, ordering: .relaxed)
        allocating.store(0, ordering: .relaxed)
    }
}

/// vc-signal on the host's socket.
private final class Service: DatagramService {
    private var service: SignalService

    init() {
        var random = SystemRandom()
        service = SignalService(
            limits: .embedded, secondPort: 0, random: &random, now: MonotonicClock.now)
    }

    var localClient: Endpoint { SignalService.localClient }

    func handle(_ datagram: RawSpan, from source: Endpoint, now: Instant) -> Bool {
        service.handle(datagram, from: source, onSecondPort: false, now: now)
    }

    func holds(_ nameplate: UInt32) -> Bool { service.holds(nameplate) }

    func handleTimeout(now: Instant) { service.handleTimeout(now: now) }

    func pollTimeout() -> Instant? { service.pollTimeout() }

    func pollTransmit(into writer: inout ByteWriter) -> (destination: Endpoint, size: Int)? {
        while service.pollEvent() != nil {}
        return service.pollTransmit(into: &writer).map { ($0.destination, $0.count) }
    }
}

/// A host and joiners with threads and sockets of their own, on loopback.
private struct LoopbackCall {
    struct TooSlow: Error {}

    let ports: [CountingPort]
    private let links: [RoomLink]
    private let threads: [RoomThread]

    init(members: Int, arena: SecretArena) throws {
        ports = try (0..<members).map { _ in try CountingPort() }
        links = try (0..<members).map { _ in try RoomLink() }
        let loopback = Endpoint(ipv4: 0x7F00_0001, port: 0)
        let hostSocket = try UDPSocket(bindingTo: loopback)
        let server = loopback.with(port: hostSocket.localEndpoint.port)
        let hosting = RoomMachine(
            hosting: Self.configuration(true, server: SignalService.localClient, at: server),
            arena: arena, random: AnyRandomSource(SystemRandom()), now: MonotonicClock.now)
        let host = RoomThread(
            try RoomLoop(
                socket: hostSocket, machine: hosting, voice: ports[0], link: links[0],
                network: FixedNetwork(), service: Service()))
        try host.start()
        try Self.wait(for: links[0]) { if case .open = $0 { true } else { false } }
        var text: [UInt8] = []
        links[0].withCode { code in
            text = [UInt8](capacity: RoomCode.longestText) { code.write(into: &$0) }
        }
        var threads = [host]
        for member in 1..<members {
            let code = try RoomCode(parsing: text.span.bytes, in: arena)
            threads.append(
                try Self.joiner(
                    code, at: server, voice: ports[member], link: links[member], arena: arena))
        }
        self.threads = threads
        for link in links {
            var reached: Set<UInt8> = []
            try Self.wait(for: link) {
                if case .path(let member, _, _, _) = $0 { reached.insert(member) }
                return reached.count == members - 1
            }
        }
    }

    private static func joiner(
        _ code: consuming RoomCode, at server: Endpoint, voice: CountingPort, link: RoomLink,
        arena: SecretArena
    ) throws -> RoomThread {
        let socket = try UDPSocket(bindingTo: Endpoint(ipv4: 0x7F00_0001, port: 0))
        let own = Endpoint(ipv4: 0x7F00_0001, port: socket.localEndpoint.port)
        let joining = RoomMachine(
            joining: code, configuration(false, server: server, at: own), arena: arena,
            random: AnyRandomSource(SystemRandom()), now: MonotonicClock.now)
        let thread = RoomThread(
            try RoomLoop(
                socket: socket, machine: joining, voice: voice, link: link,
                network: FixedNetwork(), service: nil))
        try thread.start()
        return thread
    }

    private static func configuration(
        _ isHost: Bool, server: Endpoint, at own: Endpoint
    ) -> RoomConfiguration {
        RoomConfiguration(
            isHost: isHost, servers: [server], name: DisplayText(name: isHost ? "ana" : "bob"),
            candidates: [own], local: LocalAddresses(addresses: [own], allowsLoopback: true))
    }

    private static func wait(
        for link: RoomLink, until isThere: (RoomEvent) -> Bool
    ) throws {
        for _ in 0..<5_000 {
            while let event = link.nextEvent() {
                if case .room(let event) = event, isThere(event) { return }
            }
            usleep(1_000)
        }
        throw TooSlow()
    }

    /// All speak, the next packet when those before have arrived.
    func talk(packets: Int, bytes: Int) throws {
        let payload = [UInt8](repeating: 7, count: bytes)
        for number in 0..<packets {
            let expected = ports.map { $0.received.load(ordering: .acquiring) + ports.count - 1 }
            for port in ports { port.speak(number, payload) }
            var patience = 20_000
            while zip(ports, expected).contains(where: {
                $0.received.load(ordering: .acquiring) < $1
            }) {
                guard patience > 0 else { throw TooSlow() }
                patience -= 1
                usleep(20)
            }
        }
    }

    func leave() {
        for link in links { link.submit(.leave) }
        for thread in threads { thread.join() }
    }
}

/// A machine whose addresses do not change.
private struct FixedNetwork: LocalNetwork {
    let mayChangePort = false

    func addresses(port: UInt16) -> (candidates: [Endpoint], local: LocalAddresses) {
        ([], LocalAddresses(addresses: [], allowsLoopback: true))
    }
}
