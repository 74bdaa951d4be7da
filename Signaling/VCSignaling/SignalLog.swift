internal import VCCore
internal import VCNet

/// The log of a signaling server: one line per event, a message that never changes and key=value.
/// Without `verbose` no room, no address and no join is written down; and never a room id, token or
/// body.
struct SignalLog {
    let isVerbose: Bool
    /// Where lines go.
    let write: (String) -> Void
    private var nextWarning = Instant.zero

    init(isVerbose: Bool, write: @escaping (String) -> Void) {
        self.isVerbose = isVerbose
        self.write = write
    }

    /// What everybody may know.
    func log(_ message: String, _ fields: [(key: String, value: String)] = []) {
        write(fields.reduce("vc-signal: \(message)") { "\($0) \($1.key)=\($1.value)" })
    }

    /// What happened in the service.
    mutating func log(_ event: SignalServiceEvent, now: Instant) {
        if case .relayChanged(let name, let standing) = event {
            // The operator's own machines, and what to look at when calls find no relay.
            return log(Self.words(standing), [("relay", name)])
        }
        guard isVerbose else {
            if case .claimRefused(.full, _) = event { warnOfFull(now) }
            return
        }
        switch event {
        case .leaseGranted(let nameplate, let host):
            log("room opened", [("nameplate", "\(nameplate)"), ("host", host.description)])
        case .leaseReturned(let nameplate, let host):
            log("room came back", [("nameplate", "\(nameplate)"), ("host", host.description)])
        case .leaseMoved(let nameplate, let host):
            log("host moved", [("nameplate", "\(nameplate)"), ("host", host.description)])
        case .leaseSucceeded(let nameplate, let host):
            log("host succeeded", [("nameplate", "\(nameplate)"), ("host", host.description)])
        case .leaseLapsed(let nameplate):
            log("host fell silent", [("nameplate", "\(nameplate)")])
        case .leaseReleased(let nameplate):
            log("room closed", [("nameplate", "\(nameplate)")])
        case .claimRefused(let status, let host):
            log("claim refused", [("reason", "\(status)"), ("host", host.description)])
        case .runOpened(let nameplate, let joiner):
            log("join started", [("nameplate", "\(nameplate)"), ("joiner", joiner.description)])
        case .runRefused(let status, let nameplate, let joiner):
            log(
                "join refused",
                [
                    ("reason", "\(status)"), ("nameplate", "\(nameplate)"),
                    ("joiner", joiner.description),
                ])
        case .relayChanged: break
        }
    }

    private static func words(_ standing: RelayStanding) -> String {
        switch standing {
        case .answers: "relay answers"
        case .draining: "relay is about to stop"
        case .silent: "relay does not answer"
        }
    }

    /// An operator should know, but not once per refused claim.
    private mutating func warnOfFull(_ now: Instant) {
        guard nextWarning <= now else { return }
        nextWarning = now + .seconds(60)
        log("claims are refused: no room for more leases")
    }
}
