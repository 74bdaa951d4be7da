/// A device that was opened by the control thread, on its way to its audio thread; on its way back,
/// the one that it replaced. Whoever lets go of it does not wait until its device is closed.
final class CaptureBox: @unchecked Sendable {
    var name: DeviceName
    var device: (any CaptureDevice)?

    init(_ name: DeviceName, _ device: any CaptureDevice) {
        self.name = name
        self.device = device
    }

    deinit { device?.abandon() }
}

/// The same of a device that plays.
final class PlaybackBox: @unchecked Sendable {
    var name: DeviceName
    var device: (any PlaybackDevice)?

    init(_ name: DeviceName, _ device: any PlaybackDevice) {
        self.name = name
        self.device = device
    }

    deinit { device?.abandon() }
}
