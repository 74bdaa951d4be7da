/// The commands of this version.
enum Command: String, CaseIterable {
    case host, join, tune, demo, doctor, devices, config
    case send, who, ptt, mute, unmute
    case completion, version, help

    /// What stands between the command and its options.
    var operand: String? {
        switch self {
        case .join: "[CODE]"
        case .tune: "[PHRASE]"
        case .help, .config: "[COMMAND]"
        case .completion: "bash|zsh|fish"
        case .send: "TEXT"
        case .ptt: "down|up|toggle"
        case .host, .demo, .doctor, .devices, .version, .who, .mute, .unmute: nil
        }
    }

    /// One line for the overview.
    var summary: String {
        switch self {
        case .host: "make a room and print its code"
        case .join: "enter a room by its code"
        case .tune: "meet on a phrase; nobody needs to be first"
        case .demo: "a whole call on this machine, speech in and speech out"
        case .doctor: "try out devices, network and servers, and say what to do"
        case .devices: "list the microphones and loudspeakers"
        case .config: "show how vc is set, and where that was said"
        case .send: "say something in the running call"
        case .who: "list who is in the running call"
        case .ptt: "hold to talk in the running call, by a desktop key"
        case .mute: "close the microphone of the running call"
        case .unmute: "open it again"
        case .completion: "print what makes a shell complete command lines of vc"
        case .version: "print the version"
        case .help: "explain vc, or one command"
        }
    }

    /// Whether it makes a call.
    var isCall: Bool { [.host, .join, .tune].contains(self) }
}
