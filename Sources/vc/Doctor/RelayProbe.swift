internal import VCCore

/// One relay at one address by one transport, as `vc doctor` tries it.
final class RelayProbe {
    /// What became of binding there.
    enum Binding: Equatable {
        /// There was no ticket to bind with.
        case untried
        /// It is under way, or was never answered.
        case asked
        case bound
        case refused(RelayAnswer.Notice)
    }

    let server: RelayServer
    let endpoint: Endpoint
    private(set) var roundTrip: Duration?
    private(set) var binding = Binding.untried
    private(set) var isDraining = false
    private var client: RelayClient

    init(
        _ server: RelayServer, at endpoint: Endpoint, random: inout some RandomSource,
        now: Instant
    ) {
        self.server = server
        self.endpoint = endpoint
        client = RelayClient(server: endpoint, random: &random, now: now)
    }

    /// Whether more is not to be expected: it is bound or refused.
    var isSettled: Bool {
        switch binding {
        case .bound: true
        case .refused: true
        case .untried: roundTrip != nil
        case .asked: false
        }
    }

    var isClosed: Bool { client.isClosed }
    var timeout: Instant? { client.timeout }

    func bind(_ ticket: Ticket, _ key: borrowing SigningKey, now: Instant) {
        guard binding == .untried else { return }
        binding = .asked
        client.setTicket(ticket, key: key, now: now)
    }

    func unbind(now: Instant) { client.unbind(now: now) }

    func handle(
        _ datagram: RawSpan, from source: Endpoint, _ key: borrowing SigningKey, now: Instant
    ) -> Bool {
        guard client.handle(datagram, from: source, key: key, now: now) else { return false }
        roundTrip = client.roundTrip ?? roundTrip
        isDraining = isDraining || client.isDraining
        takeEvents()
        return true
    }

    func handleTimeout(random: inout some RandomSource, now: Instant) {
        guard let due = client.timeout, due <= now else { return }
        client.handleTimeout(random: &random, now: now)
        takeEvents()
    }

    func pollTransmit(into writer: inout ByteWriter) -> Int? {
        client.pollTransmit(into: &writer) ? writer.count : nil
    }

    private func takeEvents() {
        while let event = client.pollEvent() {
            switch event {
            case .bound: binding = .bound
            case .refused(let notice): if binding == .asked { binding = .refused(notice) }
            case .lost: break
            case .draining: isDraining = true
            }
        }
    }
}
