import VCCore
import VCRelay
import VCTestKit

/// vc-relay.
final class RelayProcess: ServerProcess {
    static let port: UInt16 = 4_461

    private var service: RelayService
    /// Relayed datagrams that wait to be sent, with where they go.
    private var relayed: [(bytes: [UInt8], destination: Endpoint)] = []

    /// - Parameter verifyKey: of vc-signal, whose tickets it takes.
    init(seed: UInt64, addresses: [Endpoint], verifyKey: VerifyKey, now: Instant) {
        service = RelayService(
            limits: RelayLimits(), keys: [verifyKey],
            addresses: addresses + addresses.map { $0.over(.tcp) },
            tcpPort: RelayProcess.port, random: AnyRandomSource(SplitMix64(seed: seed)), now: now)
    }

    func receive(_ bytes: [UInt8], from source: Endpoint, at local: Endpoint, now: Instant) {
        guard bytes.first == PacketType.relayData else {
            let unixSeconds = SignalProcess.unixStart + now.nanoseconds / 1_000_000_000
            service.handle(bytes.span.bytes, from: source, now: now, unixSeconds: unixSeconds)
            return
        }
        var copy = bytes
        let target = copy.withUnsafeMutableBytes { service.forward($0, from: source, now: now) }
        if let target { relayed.append((copy, target.endpoint)) }
    }

    func pollTransmit(now: Instant) -> (bytes: [UInt8], port: UInt16, destination: Endpoint)? {
        if !relayed.isEmpty {
            let (bytes, destination) = relayed.removeFirst()
            return (bytes, RelayProcess.port, destination)
        }
        var sent: (destination: Endpoint, count: Int)?
        let bytes = [UInt8](capacity: Limits.datagram) { sent = service.pollTransmit(into: &$0) }
        return sent.map { (bytes, RelayProcess.port, $0.destination) }
    }

    var timeout: Instant? { service.pollTimeout() }

    func handleTimeout(now: Instant) { service.handleTimeout(now: now) }

    func drain(now: Instant) { service.drain(now: now) }
}
