internal import VCAudio
internal import VCCore

// How what happens in a call is called, for programs and for people.

extension RoomEvent.Member {
    var shown: MemberName { MemberName(number: Int(number), name: name) }
}

extension [RoomEvent.Member] {
    /// Their names in a sentence.
    fileprivate var listed: String {
        let names = map(\.name.text)
        guard let last = names.last else { return "somebody who is gone" }
        return names.count == 1
            ? last : names.dropLast().joined(separator: ", ") + " and " + last
    }
}

extension HostAction {
    /// What it does, in a sentence.
    fileprivate var words: String {
        switch self {
        case .kick: "remove somebody"
        case .lock: "lock the room"
        case .invite: "show the code as it is now, or make another one"
        case .end: "close the room; /quit leaves it"
        }
    }
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
        case .notFoundNearby: "not-found-nearby"
        case .relayRefused: "relay-refused"
        case .codeRetired: "code-retired"
        case .nameplateChanged: "nameplate-changed"
        case .rosterDisputed: "roster-disputed"
        case .rosterAgreed: "roster-agreed"
        case .protocolBroken: "protocol-broken"
        case .hostOnly: "host-only"
        case .hostByChance: "host-by-chance"
        case .hostStays: "host-stays"
        case .tooManyCodes: "too-many-codes"
        case .codeUnavailable: "code-unavailable"
        case .safetyAlone: "safety-alone"
        case .safetyUnderWay: "safety-under-way"
        case .safetyUnfinished: "safety-unfinished"
        case .safetyBrokenOff: "safety-broken-off"
        case .safetySuspects: "safety-suspects"
        case .safetyForged: "safety-forged"
        case .safetyNotShown: "safety-not-shown"
        case .whisperToNobody: "whisper-to-nobody"
        case .chatFlood: "chat-flood"
        }
    }

    var sentence: String {
        switch self {
        case .signalUnreachable:
            "the signaling server does not answer: the call goes on, but nobody can join"
        case .signalBack: "the signaling server answers again"
        case .signalDraining: "the signaling server is about to stop: the call goes on"
        case .signalFull: "the signaling server opens no more rooms now; it is asked again"
        case .notFoundNearby:
            "another program keeps UDP port \(DiscoveryFormat.port) for itself: who is in the same "
                + "network needs the whole code, with what follows the @"
        case .relayRefused(.ticketRefused):
            "a relay \(RelayAnswer.Notice.ticketRefused.words): its administrator should look at "
                + "--signal-key"
        case .relayRefused(let notice): "a relay cannot be used now: it \(notice.words)"
        case .codeRetired: "too many wrong guesses: the code was changed, the new one follows"
        case .nameplateChanged: "the room's number was taken: the new code follows"
        case .rosterDisputed(let member):
            "member \(member) was shown other members than you: somebody may sit between you, and "
                + "nothing is sent to newcomers; /verify shows whether the others are who they "
                + "seem to be"
        case .rosterAgreed:
            "those who were shown other members are who they seem to be: everybody hears you again"
        case .protocolBroken(let member): "member \(member) sent what no vc sends"
        case .hostByChance(let action): action.sentenceOfTunedRoom
        case .hostOnly(let action): "only the host can \(action.words)"
        case .hostStays: "a host cannot be removed; /end closes the room for everybody"
        case .tooManyCodes:
            "so many codes for single guests are open already; they can be used first"
        case .codeUnavailable:
            "the signaling server gives no number for another code now; the room's own code works"
        case .safetyAlone: "there is nobody to compare safety words with"
        case .safetyUnderWay: "safety words are being compared already"
        case .safetyUnfinished(let members) where members.isEmpty:
            "the safety words did not come about, as somebody came or went; try again"
        case .safetyUnfinished(let members):
            "the safety words did not come about: no answer from \(members.listed); try again"
        case .safetyBrokenOff(let members):
            "the comparison of safety words was broken off by \(members.listed) after your part "
                + "was shown: that happens by chance, and also where somebody sits between you and "
                + "tries until the words are the same"
        case .safetySuspects(let members):
            "several comparisons were broken off after your part was shown, by "
                + "\(members.listed): that is no accident any more; do not trust the words, and "
                + "meet anew with another code"
        case .safetyForged(let member):
            "\(member.name.text) showed another value than it was bound to: that does not happen "
                + "by chance"
        case .safetyNotShown: "there are no safety words to compare; /verify shows them"
        case .whisperToNobody:
            "nobody is there whom you whisper to: nobody hears you until /all or /whisper NAME"
        case .chatFlood(let member):
            "member \(member) writes more than 20 messages a second: the rest is not shown"
        }
    }
}

extension EndReason {
    /// One word for programs.
    var kind: String {
        switch self {
        case .left: "left"
        case .hostLeft: "host-left"
        case .removed: "removed"
        case .hostLost: "host-lost"
        case .refused: "refused"
        case .noSuchRoom: "no-such-room"
        case .notInNetwork: "not-in-network"
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
        case .fileFailed(let side, let reason):
            (
                "device-lost",
                "the \(side.word) is gone (\(reason)); \(side.command) DEV takes another one"
            )
        case .deviceBack(let side): ("device-back", "the \(side.word) works again")
        case .microphoneSilent:
            (
                "microphone-silent",
                "your microphone has given nothing but silence for 10 seconds; is it the right one?"
            )
        case .microphoneHeard: ("microphone-heard", "your microphone gives sound now")
        case .overloaded(let leftOut):
            (
                "overload",
                "this machine cannot decode everybody in time: you hear the loudest, and "
                    + "\(leftOut) \(leftOut == 1 ? "member is" : "members are") left out"
            )
        case .unprocessed(let error):
            (
                "unprocessed",
                "your microphone goes out as it is (\(error)): without a headset the others hear "
                    + "themselves; `vc doctor` says what to do, --raw accepts it"
            )
        case .ignored(let level):
            (
                "setting-ignored",
                "\(level.options) changes nothing here: \(MicrophoneProcessing.libraryName ?? "") "
                    + "does not act on it"
            )
        case .pluginBypassed:
            (
                "plugin-bypassed",
                "the plugin of --insert takes longer than there is time; your voice goes on "
                    + "without it"
            )
        case .deviceChanged, .deviceSwitched, .recordingFailed, .realTime: nil
        }
    }

    /// The device that the warning is about, if there is one.
    var device: String? {
        switch self {
        case .deviceLost(let side, _), .fileFailed(let side, _), .deviceBack(let side): side.word
        case .microphoneSilent, .microphoneHeard: EngineEvent.Side.capture.word
        default: nil
        }
    }
}

extension ProcessingOptions.Level {
    /// The options that turn it.
    fileprivate var options: String {
        switch self {
        case .echoSuppression: "--echo-suppression"
        case .gain: "--gain-target or --gain-maximum"
        }
    }
}

extension EngineEvent.Side {
    var word: String {
        switch self {
        case .capture: "microphone"
        case .playback: "loudspeaker"
        }
    }

    /// What is typed to change it.
    fileprivate var command: String {
        switch self {
        case .capture: "/capture"
        case .playback: "/playback"
        }
    }
}

extension HostAction {
    /// Why nobody does this in a room that is found by a phrase.
    fileprivate var sentenceOfTunedRoom: String {
        switch self {
        case .kick:
            "who knows the phrase comes back, so nobody can be removed; /gain NAME -60 silences "
                + "somebody for you"
        case .lock: "a room that is found by a phrase cannot be locked"
        case .invite: "there is no code: whoever says the same phrase comes in"
        case .end: "a room that is found by a phrase cannot be closed for the others; /quit leaves"
        }
    }
}

extension RelayAnswer.Notice {
    /// What a relay does that says this.
    var words: String {
        switch self {
        case .bindAgain: "does not know this address"
        case .ticketRefused: "does not trust the signaling server's key"
        case .ticketExpired: "says that the ticket has expired, so one of the clocks is wrong"
        case .full: "is full"
        case .draining: "is about to stop"
        case .rateLimited: "had too many tries from this network"
        case .unsupportedVersion: "speaks another version of the protocol"
        }
    }
}
