internal import CALSA
internal import Glibc

/// A device that alsa-lib offers.
public struct DeviceDescription: Sendable, Equatable {
    public enum Direction: String, Sendable {
        case capture
        case playback
        case both
    }

    /// As the command line takes it: `alsa:NAME`.
    public let name: String
    /// alsa-lib's words, on one line.
    public let text: String
    public let direction: Direction

    public init(name: String, text: String, direction: Direction) {
        self.name = name
        self.text = text
        self.direction = direction
    }
}

/// What `vc devices` lists.
public enum DeviceList {
    /// The devices of alsa-lib, in its order; empty when there is no sound at all.
    public static func devices() -> [DeviceDescription] {
        vc_alsa_silence_messages()
        var list: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
        guard unsafe snd_device_name_hint(-1, "pcm", &list) >= 0, let hints = unsafe list else {
            return []
        }
        defer {
            unsafe _ = snd_device_name_free_hint(hints)
            _ = snd_config_update_free_global()
        }
        var devices: [DeviceDescription] = []
        var index = 0
        while let hint = unsafe hints[index] {
            index += 1
            guard let name = unsafe text("NAME", of: hint) else { continue }
            let description = unsafe text("DESC", of: hint) ?? ""
            let direction: DeviceDescription.Direction =
                switch unsafe text("IOID", of: hint) {
                case "Input": .capture
                case "Output": .playback
                case _: .both
                }
            devices.append(
                DeviceDescription(
                    name: "alsa:\(name)",
                    text: description.split(separator: "\n").joined(separator: ", "),
                    direction: direction))
        }
        return devices
    }

    private static func text(_ field: String, of hint: UnsafeMutableRawPointer) -> String? {
        guard let value = unsafe snd_device_name_get_hint(hint, field) else { return nil }
        defer { unsafe free(value) }
        return unsafe String(cString: value)
    }
}
