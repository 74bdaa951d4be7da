internal import CVCLinux
internal import Glibc

/// What the program of `--exec` finds in its environment: ours, without the secrets, and the event.
///
/// The names begin with `VC_EVENT`, so that none of them is a setting: a program that starts `vc`
/// itself is not to call it by the name of whoever wrote a message.
enum HookEnvironment {
    private static let prefix = "VC_EVENT"

    /// `NAME=VALUE` for the event, each of its fields, and all of it as JSON.
    static func variables(of event: JSONObject) -> [String] {
        var variables = event.fields.map { field in
            let name = field.key.uppercased().replacingEach("-", with: "_")
            return field.key == "event"
                ? "\(prefix)=\(field.text)" : "\(prefix)_\(name)=\(field.text)"
        }
        variables.append("\(prefix)_JSON=\(event.closed)")
        return variables
    }

    /// Whether a variable of ours is handed on. Only its name is looked at.
    private static func isInherited(_ entry: UnsafePointer<CChar>) -> Bool {
        guard unsafe strncmp(entry, "VC_", 3) == 0 else { return true }
        if unsafe strncmp(entry, prefix, prefix.utf8.count) == 0 { return false }
        return !SecretSetting.allCases.contains { secret in
            let length = secret.variable.utf8.count
            return unsafe strncmp(entry, secret.variable, length) == 0
                && entry[length] == CChar(bitPattern: UInt8(ascii: "="))
        }
    }

    /// What is handed on of our own environment, where it stands.
    @unsafe static var inherited: [UnsafeMutablePointer<CChar>] {
        var entries: [UnsafeMutablePointer<CChar>] = unsafe []
        var place = 0
        while let entry = unsafe vc_environment_entry(place) {
            if unsafe isInherited(entry) { unsafe entries.append(entry) }
            place += 1
        }
        return unsafe entries
    }
}

extension JSONObject {
    /// Whether such an event comes again and again, so that one may be left out.
    var isPeriodic: Bool { kind == "stats" }

    /// Whether it is the last one of a call.
    var isLast: Bool { kind == "left" }

    private var kind: String? { fields.first { $0.key == "event" }?.text }
}
