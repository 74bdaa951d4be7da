internal import VCAudio
internal import VCCore

// How what happens in a call is called, for programs and for people.

extension RoomEvent.Member {
    var shown: MemberName { MemberName(number: Int(number), name: name) }
}

extension RoomEvent.MemberState {
    var shown: MemberChange.State {
        switch self {
        case .joined: .joined
        case .left: .left
        case .removed: .removed
        case .lost: .lost
        case .back: .back
        }
    }
}

extension RoomWarning {
    var kind: String {
        switch self {
        case .signalUnreachable: "signal-unreachable"
        case .signalBack: "signal-back"
        case .signalDraining: "signal-draining"
        case .signalFull: "signal-full"
        case .relayRefused: "relay-refused"
        case .codeRetired: "code-retired"
        case .nameplateChanged: "nameplate-changed"
        case .rosterDisputed: "roster-disputed"
        case .protocolBroken: "protocol-broken"
        }
    }

    var sentence: String {
        switch self {
        case .signalUnreachable:
            "the signaling server does not answer: the call goes on, but nobody can join"
        case .signalBack: "the signaling server answers again"
        case .signalDraining: "the signaling server is about to stop: the call goes on"
        case .signalFull: "the signaling server opens no more rooms now; it is asked again"
        case .relayRefused:
            "a relay does not take the tickets of the signaling server: its administrator "
                + "should look at --signal-key"
        case .codeRetired: "too many wrong guesses: the code was changed, the new one follows"
        case .nameplateChanged: "the room's number was taken: the new code follows"
        case .rosterDisputed(let member):
            "member \(member) was shown other members than you: somebody may sit between you"
        case .protocolBroken(let member): "member \(member) sent what no vc sends"
        }
    }
}

extension EndReason {
    /// One word for programs.
    var kind: String {
        switch self {
        case .left: "left"
        case .hostLeft: "host-left"
        case .hostLost: "host-lost"
        case .refused: "refused"
        case .noSuchRoom: "no-such-room"
        case .noAnswer: "no-answer"
        case .signalUnreachable: "signal-unreachable"
        case .signalBusy: "signal-busy"
        case .signalTokenNeeded: "signal-token-needed"
        case .signalVersion: "signal-version"
        case .noPath: "no-path"
        case .protocolBroken: "protocol-broken"
        }
    }
}

extension EngineEvent {
    /// What the person should know, or nil.
    var warning: (kind: String, message: String)? {
        switch self {
        case .deviceLost(let side, let reason):
            ("device-lost", "the \(side.word) is gone (\(reason)); it is tried again")
        case .deviceBack(let side): ("device-back", "the \(side.word) works again")
        case .microphoneSilent:
            (
                "microphone-silent",
                "your microphone has given nothing but silence for 10 seconds; is it the right one?"
            )
        case .microphoneHeard: ("microphone-heard", "your microphone gives sound now")
        case .deviceChanged, .realTime: nil
        }
    }
}

extension EngineEvent.Side {
    fileprivate var word: String {
        switch self {
        case .capture: "microphone"
        case .playback: "loudspeaker"
        }
    }
}
