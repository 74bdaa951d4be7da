/// One LADSPA plugin as the command line names it: `ladspa:FILE:LABEL[,CONTROL=VALUE…]`.
public struct PluginChoice: Sendable, Equatable {
    public struct Control: Sendable, Equatable {
        public let name: String
        public let value: Float
    }

    /// A path, or the name of a file in one of LADSPA's folders, with or without `.so`.
    public let file: String
    /// Which plugin of the file: one file may hold several.
    public let label: String
    public let controls: [Control]

    /// More controls than any plugin has.
    private static let controlLimit = 256

    /// Nil when `text` is not of that form. Which labels and controls there are only the plugin
    /// knows.
    public init?(_ text: String) {
        let scheme = "ladspa:"
        guard text.hasPrefix(scheme) else { return nil }
        let rest = text.dropFirst(scheme.count)
        let parts = rest.split(separator: ",", omittingEmptySubsequences: false)
        guard let plugin = parts.first, let colon = plugin.lastIndex(of: ":"),
            parts.count <= Self.controlLimit
        else { return nil }
        file = String(plugin[..<colon])
        label = String(plugin[plugin.index(after: colon)...])
        guard !file.isEmpty, !label.isEmpty, !file.utf8.contains(0) else { return nil }
        var controls: [Control] = []
        for part in parts.dropFirst() {
            // The last one: a control may be called "a=b", a value may not.
            guard let sign = part.lastIndex(of: "="),
                let value = Float(part[part.index(after: sign)...]), value.isFinite
            else { return nil }
            let name = String(part[..<sign])
            guard !name.isEmpty else { return nil }
            controls.append(Control(name: name, value: value))
        }
        self.controls = controls
    }
}

/// Why a plugin cannot be used, with a sentence for people that says what there is instead.
public enum PluginError: Error, Equatable, CustomStringConvertible {
    /// The file is not there or no library. (Exit status 66.)
    case unreadable(file: String, reason: String)
    /// The file is a library, and no LADSPA plugin.
    case notAPlugin(file: String)
    case noSuchLabel(String, file: String, known: [String])
    /// It does not turn one channel into one channel.
    case notMono(label: String, inputs: Int, outputs: Int)
    case noSuchControl(String, label: String, known: [String])
    /// More than one control is meant.
    case ambiguousControl(String, among: [String])
    case outOfRange(control: String, value: Float, lowest: Float?, highest: Float?)
    /// It does not want to.
    case refused(label: String)

    /// Whether the exit status is 66 (a file cannot be read) and not 64.
    public var isUnreadableFile: Bool {
        switch self {
        case .unreadable, .notAPlugin: true
        case .noSuchLabel, .notMono, .noSuchControl, .ambiguousControl, .outOfRange, .refused:
            false
        }
    }

    public var description: String {
        switch self {
        case .unreadable(let file, let reason): "cannot load \(file): \(reason)"
        case .notAPlugin(let file): "\(file) is no LADSPA plugin"
        case .noSuchLabel(let label, let file, let known):
            "\(file) has no plugin \"\(label)\", but " + Self.list(known)
        case .notMono(let label, let inputs, let outputs):
            "the plugin \(label) has \(inputs) audio inputs and \(outputs) outputs; "
                + "it must have one of each"
        case .noSuchControl(let name, let label, let known):
            known.isEmpty
                ? "the plugin \(label) has no controls"
                : "the plugin \(label) has no control \"\(name)\", but " + Self.list(known)
        case .ambiguousControl(let name, let among):
            "\"\(name)\" may be " + among.map { "\"\($0)\"" }.joined(separator: " or ")
        case .outOfRange(let control, let value, let lowest, let highest):
            "the control \"\(control)\" cannot be \(value), but " + Self.range(lowest, highest)
        case .refused(let label): "the plugin \(label) does not work at 48 kHz"
        }
    }

    private static func list(_ names: [String]) -> String {
        names.map { "\"\($0)\"" }.joined(separator: ", ")
    }

    private static func range(_ lowest: Float?, _ highest: Float?) -> String {
        switch (lowest, highest) {
        case (let lowest?, let highest?): "\(lowest) to \(highest)"
        case (let lowest?, nil): "\(lowest) or more"
        case (nil, let highest?): "\(highest) or less"
        case (nil, nil): "something else"
        }
    }
}
