public import VCCore
import VCRelay
import VCSignaling

/// A host and a joiner that have found each other through a signaling service, in one process and
/// in virtual time, over a network without delay or loss.
public final class JoinedPair {
    /// A side of the pair.
    public enum Side: Sendable {
        case host
        case joiner

        public var other: Side { self == .host ? .joiner : .host }

        /// Its number in the room.
        public var number: UInt8 { self == .host ? 1 : 2 }

        var endpoint: Endpoint { Endpoint(ipv4: 0xCB00_7100 + UInt32(number), port: 40_000) }
    }

    /// The two did not come together: a bug of theirs or of the test's.
    public struct NotJoined: Error {}

    private static let server = Endpoint(ipv4: 0xC633_6401, port: 4_460)
    private static let relayEndpoint = Endpoint(ipv4: 0xC633_6402, port: 4_461)
    /// The wall clock of servers when their machines' clock is at zero.
    private static let unixStart: UInt64 = 1_790_000_000

    public var host: RoomMachine
    public var joiner: RoomMachine
    public private(set) var now = Instant(nanoseconds: 1_000_000_000)
    private var service: SignalService
    private var relay: RelayService
    private let isRelayed: Bool

    /// Members that are bound at the relay.
    public var relaySessions: Int { relay.sessionCount }
    private let buffer = UnsafeMutableRawBufferPointer.allocate(
        byteCount: Limits.datagram, alignment: 16)
    private var hasPath = (host: false, joiner: false)
    /// Which datagrams of the two to each other are lost, by their size.
    public var loses: (_ size: Int) -> Bool = { _ in false }
    /// The same, told to whom they go.
    public var losesTo: (_ side: Side, _ size: Int) -> Bool = { _, _ in false }

    /// Runs until both have a path to each other: directly, or only through a relay.
    ///
    /// - Parameter configure: changes what a side is made with.
    public init(
        seed: UInt64 = 1, isRelayed: Bool = false, arena: SecretArena,
        configure: (Side, inout RoomConfiguration) -> Void = { _, _ in }
    ) throws {
        var random = AnyRandomSource(SplitMix64(seed: seed))
        self.isRelayed = isRelayed
        let key = SigningKey(random: &random, arena: arena)
        let verifyKey = key.verifyKey
        service = SignalService(
            limits: .standalone, secondPort: 0, signingKey: key, random: &random, now: now)
        relay = RelayService(
            limits: RelayLimits(), keys: [verifyKey], addresses: [Self.relayEndpoint], tcpPort: 0,
            random: AnyRandomSource(SplitMix64(seed: seed &+ 4)), now: now)
        if isRelayed {
            service.setWallClock(unixSeconds: Self.unixStart, now: .zero)
            service.watch(
                [NamedRelay(name: "relay", addresses: [Self.relayEndpoint])], random: &random,
                now: now)
        }
        host = RoomMachine(
            hosting: Self.configuration(.host, isRelayed, configure), arena: arena,
            random: AnyRandomSource(SplitMix64(seed: seed &+ 1)), now: now)
        // Stands here until there is a code to join with.
        joiner = RoomMachine(
            hosting: Self.configuration(.host, isRelayed, configure), arena: arena,
            random: AnyRandomSource(SplitMix64(seed: seed &+ 2)), now: now)
        run(for: .seconds(1), only: .host)
        let code = [UInt8](capacity: RoomCode.longestText) { host.writeCode(into: &$0) }
        guard !code.isEmpty else { throw NotJoined() }
        joiner = RoomMachine(
            joining: try RoomCode(parsing: code.span.bytes, in: arena),
            Self.configuration(.joiner, isRelayed, configure), arena: arena,
            random: AnyRandomSource(SplitMix64(seed: seed &+ 3)), now: now)
        run(for: .seconds(2))
        guard hasPath == (true, true) else { throw NotJoined() }
    }

    deinit {
        buffer.deallocate()
    }

    private static func configuration(
        _ side: Side, _ isRelayed: Bool, _ configure: (Side, inout RoomConfiguration) -> Void
    ) -> RoomConfiguration {
        var configuration = RoomConfiguration(
            isHost: side == .host, servers: [server], name: DisplayText(name: "\(side)"),
            candidates: [side.endpoint],
            local: LocalAddresses(addresses: [side.endpoint], allowsLoopback: false),
            rungs: RungPolicy(allowsDirect: !isRelayed))
        configure(side, &configuration)
        return configuration
    }

    // MARK: Voice

    /// Seals a frame on one side and opens it on the other, in `packet`; calls `body` with what
    /// arrived. Nothing else happens, and no time passes.
    @discardableResult
    public func send(
        _ header: VoiceHeader, _ frame: UnsafeRawBufferPointer, from side: Side,
        through packet: UnsafeMutableRawBufferPointer, _ body: (VoiceArrival) -> Void
    ) -> Bool {
        let sealed =
            side == .host
            ? host.sealVoice(
                header, frame, for: side.other.number, into: packet, now: now)
            : joiner.sealVoice(
                header, frame, for: side.other.number, into: packet, now: now)
        guard let (destination, size) = sealed else { return false }
        let datagram = UnsafeMutableRawBufferPointer(rebasing: packet[..<size])
        var source = side.endpoint
        if destination == Self.relayEndpoint {
            guard relay.forward(datagram, from: source, now: now) != nil else { return false }
            source = destination
        }
        let arrival =
            side == .host
            ? joiner.receive(datagram, from: source, now: now)
            : host.receive(datagram, from: source, now: now)
        guard let arrival else { return false }
        body(arrival)
        return true
    }

    // MARK: Everything else

    /// Lets time pass, and everything but voice happen.
    public func run(for duration: Duration) {
        run(for: duration, only: nil)
    }

    private func run(for duration: Duration, only: Side?) {
        let end = now + duration
        while true {
            while settle(.host) || (only == nil && settle(.joiner)) || settleService()
                || settleRelay()
            {}
            var next = min(service.pollTimeout() ?? .distantFuture, host.nextTimeout)
            next = min(next, relay.pollTimeout() ?? .distantFuture)
            if only == nil { next = min(next, joiner.nextTimeout) }
            guard next <= end else { break }
            now = max(now, next)
            if now >= host.nextTimeout { host.handleTimeout(now: now) }
            if only == nil, now >= joiner.nextTimeout { joiner.handleTimeout(now: now) }
            if let due = service.pollTimeout(), now >= due { service.handleTimeout(now: now) }
            if let due = relay.pollTimeout(), now >= due { relay.handleTimeout(now: now) }
        }
        now = end
    }

    /// Delivers what one side has to say; whether it had anything.
    private func settle(_ side: Side) -> Bool {
        var talked = false
        while let transmit = side == .host
            ? host.pollTransmit(into: buffer) : joiner.pollTransmit(into: buffer)
        {
            talked = true
            let destination = transmit.destination
            let datagram = UnsafeMutableRawBufferPointer(rebasing: buffer[..<transmit.size])
            if destination == side.other.endpoint {
                guard !loses(transmit.size), !losesTo(side.other, transmit.size) else { continue }
            }
            if destination == Self.server {
                _ = service.handle(
                    RawSpan(_unsafeBytes: UnsafeRawBufferPointer(datagram)), from: side.endpoint,
                    onSecondPort: false, now: now)
            } else if destination == Self.relayEndpoint {
                receiveAtRelay(datagram, from: side.endpoint)
            } else if destination == Side.host.endpoint {
                _ = host.receive(datagram, from: side.endpoint, now: now)
            } else if destination == Side.joiner.endpoint {
                _ = joiner.receive(datagram, from: side.endpoint, now: now)
            }
        }
        while let event = side == .host ? host.pollEvent() : joiner.pollEvent() {
            guard case .path = event else { continue }
            if side == .host { hasPath.host = true } else { hasPath.joiner = true }
        }
        return talked
    }

    private func settleService() -> Bool {
        var talked = false
        while true {
            var destination: Endpoint?
            var bytes = [UInt8](capacity: Limits.datagram) { writer in
                destination = service.pollTransmit(into: &writer)?.destination
            }
            while service.pollEvent() != nil {}
            guard let destination else { return talked }
            talked = true
            bytes.withUnsafeMutableBytes { datagram in
                if destination == Self.relayEndpoint {
                    receiveAtRelay(datagram, from: Self.server)
                } else {
                    give(datagram, to: destination, from: Self.server)
                }
            }
        }
    }

    private func give(
        _ datagram: UnsafeMutableRawBufferPointer, to destination: Endpoint, from source: Endpoint
    ) {
        if destination == Side.host.endpoint {
            _ = host.receive(datagram, from: source, now: now)
        } else if destination == Side.joiner.endpoint {
            _ = joiner.receive(datagram, from: source, now: now)
        } else {
            _ = service.handle(
                RawSpan(_unsafeBytes: UnsafeRawBufferPointer(datagram)), from: source,
                onSecondPort: false, now: now)
        }
    }

    private func receiveAtRelay(_ datagram: UnsafeMutableRawBufferPointer, from source: Endpoint) {
        guard datagram.first == PacketType.relayData else {
            relay.handle(
                RawSpan(_unsafeBytes: UnsafeRawBufferPointer(datagram)), from: source, now: now,
                unixSeconds: Self.unixStart + now.nanoseconds / 1_000_000_000)
            return
        }
        if let target = relay.forward(datagram, from: source, now: now) {
            give(datagram, to: target.endpoint, from: Self.relayEndpoint)
        }
    }

    private func settleRelay() -> Bool {
        var talked = false
        while true {
            var destination: Endpoint?
            var bytes = [UInt8](capacity: Limits.datagram) { writer in
                destination = relay.pollTransmit(into: &writer)?.destination
            }
            while relay.pollEvent() != nil {}
            guard let destination else { return talked }
            talked = true
            bytes.withUnsafeMutableBytes {
                give($0, to: destination, from: Self.relayEndpoint)
            }
        }
    }
}
