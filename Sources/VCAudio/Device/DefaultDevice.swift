internal import CALSA
internal import Glibc

/// What ALSA's `default` stands for, and whether it stands for something else now: because the
/// configuration was changed, or a sound server has come or gone. Within a sound server it is the
/// server that moves who plays on its default device.
struct DefaultDevice {
    private let places: [String]
    private var marks: [FileMark]
    private var definition: String?

    init() {
        places = Self.places
        marks = places.map(FileMark.init)
        definition = Self.currentDefinition()
    }

    /// Whether `default` is defined otherwise than at the last call.
    mutating func hasMoved() -> Bool {
        let now = places.map(FileMark.init)
        guard now != marks else { return false }
        marks = now
        let current = Self.currentDefinition()
        // While a file is being written there is none.
        guard let current, current != definition else { return false }
        definition = current
        return true
    }

    /// Where something changes when the default does: alsa-lib's configuration, the cards, and the
    /// sockets of the sound servers, whose presence the configuration asks for.
    private static var places: [String] {
        func variable(_ name: String) -> String? {
            guard let value = unsafe getenv(name) else { return nil }
            return unsafe String(cString: value)
        }
        var places = ["/etc/asound.conf", "/etc/alsa/conf.d", "/dev/snd"]
        if let path = variable("ALSA_CONFIG_PATH") { places.append(path) }
        if let home = variable("HOME") {
            places.append(home + "/.asoundrc")
            places.append((variable("XDG_CONFIG_HOME") ?? home + "/.config") + "/alsa/asoundrc")
        }
        if let runtime = variable("XDG_RUNTIME_DIR") {
            places += [runtime + "/pulse/native", runtime + "/pipewire-0"]
        }
        return places
    }

    /// The definition of `default` with everything in it worked out, as text; nil without one.
    private static func currentDefinition() -> String? {
        vc_alsa_silence_messages()
        // What was read before may be older than what stands on the disk.
        _ = snd_config_update_free_global()
        defer { _ = snd_config_update_free_global() }
        var top: OpaquePointer?
        guard unsafe snd_config_update_ref(&top) >= 0, let tree = unsafe top else { return nil }
        defer { unsafe snd_config_unref(tree) }
        var node: OpaquePointer?
        guard unsafe snd_config_search_definition(tree, "pcm", "default", &node) >= 0,
            let found = unsafe node
        else { return nil }
        defer { unsafe _ = snd_config_delete(found) }
        var output: OpaquePointer?
        guard unsafe snd_output_buffer_open(&output) >= 0, let buffer = unsafe output else {
            return nil
        }
        defer { unsafe _ = snd_output_close(buffer) }
        guard unsafe snd_config_save(found, buffer) >= 0 else { return nil }
        var text: UnsafeMutablePointer<CChar>?
        let count = unsafe snd_output_buffer_string(buffer, &text)
        guard let start = unsafe text else { return nil }
        let bytes = unsafe UnsafeRawBufferPointer(start: start, count: Int(count))
        return unsafe String(decoding: bytes, as: UTF8.self)
    }
}
