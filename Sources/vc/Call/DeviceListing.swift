internal import VCAudio

/// `vc devices` and `/devices`.
enum DeviceListing {
    static func lines() -> [String] {
        let devices = DeviceList.devices()
        let others = [
            "file:PATH  a sound file instead of a microphone or loudspeaker",
            "tone[:HZ]  a test tone instead of a microphone",
            "silence  no microphone or loudspeaker at all",
        ]
        guard !devices.isEmpty else {
            return ["no sound devices were found (ALSA knows none); these always work:"] + others
        }
        return devices.map { "\($0.name)  \($0.text) (\($0.direction.rawValue))" } + others
    }

    /// What Tab completes behind `/capture` and `/playback`.
    static func names() -> [String] {
        DeviceList.devices().map(\.name) + ["file:", "tone", "silence"]
    }

    /// One JSON object per device.
    static func jsonLines() -> [String] {
        DeviceList.devices().map { device in
            var object = JSONObject()
            object.add("event", "device")
            object.add("name", device.name)
            object.add("description", device.text)
            object.add("direction", device.direction.rawValue)
            return object.closed
        }
    }
}
