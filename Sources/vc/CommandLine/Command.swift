/// The commands of this version.
enum Command: String, CaseIterable {
    case host, join, tune, demo, doctor, devices, version, help

    /// What stands between the command and its options.
    var operand: String? {
        switch self {
        case .join: "[CODE]"
        case .tune: "[PHRASE]"
        case .help: "[COMMAND]"
        case .host, .demo, .doctor, .devices, .version: nil
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
        case .version: "print the version"
        case .help: "explain vc, or one command"
        }
    }

    /// Commands of later versions: known, so that nobody looks for a typing mistake.
    static let later = [
        "config", "send", "who", "ptt", "mute", "unmute", "completion",
    ]
}
