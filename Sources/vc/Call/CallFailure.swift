internal import VCCore

/// Why a call could not begin, with the sentence and the exit status.
struct CallFailure: Error, Equatable {
    let status: ExitStatus
    let message: String

    init(_ status: ExitStatus, _ message: String) {
        self.status = status
        self.message = message
    }
}

extension EndReason {
    /// The exit status, and what to say.
    ///
    /// - Parameters:
    ///   - server: how the signaling server was named.
    ///   - searched: whether the room was looked for in the local network, too.
    func outcome(
        nameplate: UInt32?, server: String, searched: Bool = false
    ) -> (status: ExitStatus, sentence: String) {
        let nowhere = searched ? ", and none answers in this network" : ""
        return switch self {
        case .left: (.success, "you left")
        case .hostLeft: (.success, "the host closed the room")
        case .removed: (.refused, "the host removed you from the room")
        case .hostLost: (.unavailable, "nothing was heard of the host for a minute")
        case .refused(let reason): reason.outcome
        case .noSuchRoom:
            (
                .refused,
                "no room \(nameplate.map(String.init) ?? "like this") at \(server)\(nowhere)"
            )
        case .notInNetwork:
            (
                .unavailable,
                "no room \(nameplate.map(String.init) ?? "like this") answers in this network: ask "
                    + "for the whole code, with @address, or give --signal HOST"
            )
        case .noAnswer:
            (
                .unavailable,
                "no answer from the host; ask whether its room is still open, and try again"
            )
        case .signalUnreachable:
            (
                .unavailable,
                "no signaling server answers at \(server) (tried for 5 s)\(nowhere); check "
                    + "the address behind the @ of the code and the firewall there (UDP)"
            )
        case .signalBusy:
            (.unavailable, "the signaling server at \(server) is busy; try again in a minute")
        case .signalTokenNeeded:
            (
                .refused,
                "the signaling server at \(server) opens rooms only with its token: ask who runs "
                    + "it, and give it with --signal-token-file FILE or $VC_SIGNAL_TOKEN"
            )
        case .signalVersion(let version):
            (
                .protocolViolation,
                "the signaling server speaks protocol \(version), this vc \(protocolVersion): "
                    + "update the older one"
            )
        case .noPath:
            (
                .unavailable,
                "the host let you in, but neither its addresses nor a relay answer; "
                    + "`vc doctor` tells what your network lets through"
            )
        case .protocolBroken:
            (.protocolViolation, "the other side sent what no vc sends, so the call was ended")
        }
    }
}

extension JoinRefusal {
    fileprivate var outcome: (status: ExitStatus, sentence: String) {
        switch self {
        case .refused: (.refused, "the code was refused (wrong words, or the host retired it)")
        case .busy:
            (.refused, "the host takes no more tries from your network for ten minutes")
        case .locked: (.refused, "the host has locked the room")
        case .full: (.refused, "the room is full")
        case .version:
            (.protocolViolation, "the host speaks another version of the protocol: update vc")
        }
    }
}
