import VCCore
import VCSignaling
import VCTestKit

/// A server program in the simulated world: a service and what its shell would do.
protocol ServerProcess: AnyObject {
    func receive(_ bytes: [UInt8], from source: Endpoint, at local: Endpoint, now: Instant)
    /// The next datagram to send, and the port that it leaves from.
    func pollTransmit(now: Instant) -> (bytes: [UInt8], port: UInt16, destination: Endpoint)?
    var timeout: Instant? { get }
    func handleTimeout(now: Instant)
}

/// vc-signal.
final class SignalProcess: ServerProcess {
    static let port: UInt16 = 4_460
    static let secondPort: UInt16 = 3_478
    static let tcpPorts: Set<UInt16> = [port, 443]
    /// The wall clock at the start of the time line.
    static let unixStart: UInt64 = 1_790_000_000

    var service: SignalService

    /// - Parameters:
    ///   - key: the seed of what signs tickets.
    ///   - relays: what it hands out, each with its addresses.
    init(
        seed: UInt64, key: borrowing SecretBytes, relays: [[Endpoint]], arena: SecretArena,
        now: Instant
    ) {
        var random = SplitMix64(seed: seed)
        service = SignalService(
            limits: .standalone, secondPort: SignalProcess.secondPort,
            signingKey: SigningKey(seed: key, arena: arena), random: &random, now: now)
        service.setWallClock(
            unixSeconds: SignalProcess.unixStart + now.nanoseconds / 1_000_000_000, now: now)
        let named = relays.enumerated().map { number, addresses in
            NamedRelay(name: "relay\(number).example", addresses: addresses)
        }
        service.watch(named, random: &random, now: now)
    }

    func receive(_ bytes: [UInt8], from source: Endpoint, at local: Endpoint, now: Instant) {
        _ = service.handle(
            bytes.span.bytes, from: source, onSecondPort: local.port == SignalProcess.secondPort,
            now: now)
    }

    func pollTransmit(now: Instant) -> (bytes: [UInt8], port: UInt16, destination: Endpoint)? {
        var sent: OutgoingDatagram?
        let bytes = [UInt8](capacity: Limits.datagram) { sent = service.pollTransmit(into: &$0) }
        guard let sent else { return nil }
        let port = sent.fromSecondPort ? SignalProcess.secondPort : SignalProcess.port
        return (bytes, port, sent.destination)
    }

    var timeout: Instant? { service.pollTimeout() }

    func handleTimeout(now: Instant) { service.handleTimeout(now: now) }
}

/// A machine on the internet that runs a server.
final class ServerHost {
    let host: VirtualNetwork.HostID
    /// Its first address, with the port of the server.
    let endpoint: Endpoint
    private(set) var process: any ServerProcess
    /// Whether the process runs.
    var isUp = true {
        didSet { touch() }
    }
    /// When the process wants to be called; asked for only after something happened to it.
    private(set) var timeout: Instant?
    private var mayTransmit = true

    init(
        _ process: any ServerProcess, on host: VirtualNetwork.HostID, at endpoint: Endpoint
    ) {
        self.process = process
        self.host = host
        self.endpoint = endpoint
        touch()
    }

    /// Another process in the place of the old one, which is gone with all it knew.
    func replace(by process: any ServerProcess) {
        self.process = process
        touch()
    }

    /// Something happened to the process.
    func touch() {
        mayTransmit = true
        timeout = isUp ? process.timeout : nil
    }

    func receive(_ delivery: VirtualNetwork.Delivery, now: Instant) {
        guard isUp else { return }
        process.receive(delivery.bytes, from: delivery.source, at: delivery.destination, now: now)
        touch()
    }

    func drive(now: Instant) {
        guard let timeout, now >= timeout else { return }
        process.handleTimeout(now: now)
        touch()
    }

    func pollTransmit(now: Instant) -> (bytes: [UInt8], port: UInt16, destination: Endpoint)? {
        guard isUp, mayTransmit else { return nil }
        if let sent = process.pollTransmit(now: now) { return sent }
        touch()
        mayTransmit = false
        return nil
    }
}
