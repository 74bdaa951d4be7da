/// A device that was opened by the control thread, on its way to its audio thread; on its way back,
/// the one that it replaced.
final class CaptureBox: @unchecked Sendable {
    var name: DeviceName
    var device: (any CaptureDevice)?

    init(_ name: DeviceName, _ buffers: DeviceBuffers) throws(DeviceError) {
        self.name = name
        device = try name.openCapture(buffers)
    }
}

/// The same of a device that plays.
final class PlaybackBox: @unchecked Sendable {
    var name: DeviceName
    var device: (any PlaybackDevice)?

    init(_ name: DeviceName, _ buffers: DeviceBuffers) throws(DeviceError) {
        self.name = name
        device = try name.openPlayback(buffers)
    }
}
