internal import VCCore

/// The log of a relay: one line per event, a message that never changes and key=value. Without
/// `verbose` no address and no binding is written down; and never a room, session or ticket.
struct RelayLog {
    let isVerbose: Bool
    /// Where lines go.
    let write: @Sendable (String) -> Void
    private var nextFullWarning = Instant.zero
    private var nextAddressWarning = Instant.zero

    init(isVerbose: Bool, write: @escaping @Sendable (String) -> Void) {
        self.isVerbose = isVerbose
        self.write = write
    }

    /// What everybody may know.
    func log(_ message: String, _ fields: [(key: String, value: String)] = []) {
        write(fields.reduce("vc-relay: \(message)") { "\($0) \($1.key)=\($1.value)" })
    }

    /// What happened in the service.
    mutating func log(_ event: RelayServiceEvent, now: Instant) {
        switch event {
        case .bound(let member, let client):
            guard isVerbose else { return }
            log("bound", [("member", "\(member)"), ("client", client.description)])
        case .ended(let end, let member, let client):
            guard isVerbose else { return }
            log(
                "session ended",
                [
                    ("reason", "\(end)"), ("member", "\(member)"), ("client", client.description),
                ])
        case .refused(let notice, let client):
            if notice == .full { warnOfFull(now) }
            guard isVerbose else { return }
            log("refused", [("reason", "\(notice)"), ("client", client.description)])
        case .unknownAddress(let address):
            warnOfAddress(address, now)
        }
    }

    /// An operator should know, but not once per refused binding.
    private mutating func warnOfFull(_ now: Instant) {
        guard nextFullWarning <= now else { return }
        nextFullWarning = now + .seconds(60)
        log("bindings are refused: no room for more sessions")
    }

    /// Behind a NAT of its own the relay does not know the address that clients use.
    private mutating func warnOfAddress(_ address: Endpoint, _ now: Instant) {
        guard nextAddressWarning <= now else { return }
        nextAddressWarning = now + .seconds(60)
        log(
            "a client reaches this relay at \(address), which is no address of this machine: "
                + "if it is the relay's, start it with --advertise \(address)")
    }
}
