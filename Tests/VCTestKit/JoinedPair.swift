public import VCCore
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

    public var host: RoomMachine
    public var joiner: RoomMachine
    public private(set) var now = Instant(nanoseconds: 1_000_000_000)
    private var service: SignalService
    private let buffer = UnsafeMutableRawBufferPointer.allocate(
        byteCount: Limits.datagram, alignment: 16)
    private var hasPath = (host: false, joiner: false)

    /// Runs until both have a path to each other.
    public init(seed: UInt64 = 1, arena: SecretArena) throws {
        var random = SplitMix64(seed: seed)
        service = SignalService(limits: .standalone, secondPort: 0, random: &random, now: now)
        host = RoomMachine(
            hosting: Self.configuration(.host), arena: arena,
            random: AnyRandomSource(SplitMix64(seed: seed &+ 1)), now: now)
        // Stands here until there is a code to join with.
        joiner = RoomMachine(
            hosting: Self.configuration(.host), arena: arena,
            random: AnyRandomSource(SplitMix64(seed: seed &+ 2)), now: now)
        run(for: .seconds(1), only: .host)
        let code = [UInt8](capacity: RoomCode.longestText) { host.writeCode(into: &$0) }
        guard !code.isEmpty else { throw NotJoined() }
        joiner = RoomMachine(
            joining: try RoomCode(parsing: code.span.bytes, in: arena),
            Self.configuration(.joiner), arena: arena,
            random: AnyRandomSource(SplitMix64(seed: seed &+ 3)), now: now)
        run(for: .seconds(2))
        guard hasPath == (true, true) else { throw NotJoined() }
    }

    deinit {
        buffer.deallocate()
    }

    private static func configuration(_ side: Side) -> RoomConfiguration {
        RoomConfiguration(
            isHost: side == .host, servers: [server], name: DisplayText(name: "\(side)"),
            candidates: [side.endpoint],
            local: LocalAddresses(addresses: [side.endpoint], allowsLoopback: false))
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
        guard let (_, size) = sealed else { return false }
        let datagram = UnsafeMutableRawBufferPointer(rebasing: packet[..<size])
        let arrival =
            side == .host
            ? joiner.receive(datagram, from: side.endpoint, now: now)
            : host.receive(datagram, from: side.endpoint, now: now)
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
            while settle(.host) || (only == nil && settle(.joiner)) || settleService() {}
            var next = min(service.pollTimeout() ?? .distantFuture, host.nextTimeout)
            if only == nil { next = min(next, joiner.nextTimeout) }
            guard next <= end else { break }
            now = max(now, next)
            if now >= host.nextTimeout { host.handleTimeout(now: now) }
            if only == nil, now >= joiner.nextTimeout { joiner.handleTimeout(now: now) }
            if let due = service.pollTimeout(), now >= due { service.handleTimeout(now: now) }
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
            if destination == Self.server {
                _ = service.handle(
                    RawSpan(_unsafeBytes: UnsafeRawBufferPointer(datagram)), from: side.endpoint,
                    onSecondPort: false, now: now)
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
                if destination == Side.host.endpoint {
                    _ = host.receive(datagram, from: Self.server, now: now)
                } else {
                    _ = joiner.receive(datagram, from: Self.server, now: now)
                }
            }
        }
    }
}
