/// A device as the command line names it: `alsa:NAME`, `file:PATH`, `tone[:HZ]` or `silence`.
public enum DeviceName: Sendable, Equatable {
    /// A PCM of alsa-lib: `default`, `hw:1,0`, `pulse`.
    case alsa(String)
    /// A sound file: played once as capture, written as playback.
    case file(String)
    /// A sine of so many hertz, at -15 dBFS. Capture only.
    case tone(hertz: Double)
    /// Digital zeros as capture, nothing at all as playback.
    case silence

    /// Whether capture from it is the sound of a room.
    public var hasRoom: Bool {
        switch self {
        case .alsa, .file: true
        case .tone, .silence: false
        }
    }

    /// The pitch of a `tone` that names none.
    public static let usualTone = 440.0
    /// The range of a `tone`, in hertz: what the codec carries.
    public static let toneRange = 20.0...20_000.0

    public init(parsing text: String) throws(DeviceNameError) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let scheme = String(parts[0])
        let rest = parts.count > 1 ? String(parts[1]) : nil
        switch (scheme, rest) {
        case ("alsa", let name?) where !name.isEmpty: self = .alsa(name)
        case ("file", let path?) where !path.isEmpty: self = .file(path)
        case ("alsa", _), ("file", _): throw .missingName(scheme: scheme)
        case ("silence", nil): self = .silence
        case ("tone", nil): self = .tone(hertz: Self.usualTone)
        case ("tone", let text?):
            guard let hertz = Double(text), Self.toneRange.contains(hertz) else {
                throw .badFrequency(text)
            }
            self = .tone(hertz: hertz)
        case (_, _): throw .unknownScheme(text)
        }
    }
}

extension DeviceName: CustomStringConvertible {
    public var description: String {
        switch self {
        case .alsa(let name): "alsa:\(name)"
        case .file(let path): "file:\(path)"
        case .tone(let hertz): "tone:\(hertz)"
        case .silence: "silence"
        }
    }
}

/// Why a device name is not one.
public enum DeviceNameError: Error, Equatable, CustomStringConvertible {
    case unknownScheme(String)
    case missingName(scheme: String)
    case badFrequency(String)

    public var description: String {
        switch self {
        case .unknownScheme(let text):
            "unknown device \"\(text)\": expected alsa:NAME, file:PATH, tone[:HZ] or silence"
        case .missingName(let scheme):
            "\"\(scheme):\" needs a \(scheme == "file" ? "path" : "name") behind the colon"
        case .badFrequency(let text):
            "\"\(text)\" is not a pitch: tone takes 20 to 20000 hertz"
        }
    }
}
