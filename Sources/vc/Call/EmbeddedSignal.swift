internal import VCCore
internal import VCNet
internal import VCSignaling

/// vc-signal inside `vc host`: the same service, on the socket of the call.
final class EmbeddedSignal: DatagramService {
    private var service: SignalService

    init(random: inout SystemRandom, now: Instant) {
        service = SignalService(limits: .embedded, secondPort: 0, random: &random, now: now)
    }

    /// The address of a client beside it.
    static var client: Endpoint { SignalService.localClient }

    var localClient: Endpoint { EmbeddedSignal.client }

    func handle(_ datagram: RawSpan, from source: Endpoint, now: Instant) -> Bool {
        service.handle(datagram, from: source, onSecondPort: false, now: now)
    }

    func holds(_ nameplate: UInt32) -> Bool { service.holds(nameplate) }

    func handleTimeout(now: Instant) { service.handleTimeout(now: now) }

    func pollTimeout() -> Instant? { service.pollTimeout() }

    func pollTransmit(into writer: inout ByteWriter) -> (destination: Endpoint, size: Int)? {
        while service.pollEvent() != nil {}
        guard let answer = service.pollTransmit(into: &writer) else { return nil }
        return (answer.destination, answer.count)
    }
}

/// vc-signal for a room whose host had one and is gone.
final class SpareSignal: SpareService {
    private let options: CallOptions
    private let network: CallNetwork

    init(_ options: CallOptions, _ network: CallNetwork) {
        self.options = options
        self.network = network
    }

    func open(port: UInt16, now: Instant) -> (
        service: any DatagramService, advertised: ServerName?
    )? {
        guard
            let advertised = try? CallSetup.advertised(
                options, port: port, network.addresses)
        else { return nil }
        var random = SystemRandom()
        return (EmbeddedSignal(random: &random, now: now), advertised)
    }
}
