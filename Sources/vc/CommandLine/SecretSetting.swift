/// What is a secret and therefore no option: it stands in the environment or in the configuration
/// file, or is asked for, and is read as bytes that are wiped, never as a String.
enum SecretSetting: String, CaseIterable {
    case code, phrase
    case signalToken = "signal-token"

    /// The commands that use it.
    var commands: [Command] {
        switch self {
        case .code: [.join]
        case .phrase: [.tune]
        case .signalToken: [.host, .tune, .doctor]
        }
    }

    /// The variable of the environment.
    var variable: String {
        switch self {
        case .code: "VC_CODE"
        case .phrase: "VC_PHRASE"
        case .signalToken: "VC_SIGNAL_TOKEN"
        }
    }

    /// What it is.
    var summary: String {
        switch self {
        case .code: "the room's code, for `vc join`"
        case .phrase: "the phrase, for `vc tune`"
        case .signalToken: "opens the room on a signaling server that asks for a token"
        }
    }
}
