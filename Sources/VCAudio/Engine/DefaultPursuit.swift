/// Who still has to go where the default device has gone, and when that is tried again: at once,
/// half a second later, then at twice the time, up to eight seconds. It ends when it could be
/// opened, when a person has chosen another device, or when the default moves again, which begins
/// another one.
struct DefaultPursuit {
    private static let distance: UInt64 = 500_000_000
    private static let longest: UInt64 = 8_000_000_000

    var capture: PursuedDevice<any CaptureDevice>
    var playback: PursuedDevice<any PlaybackDevice>
    private var schedule: ReopenSchedule

    /// - Parameter now: nanoseconds.
    init(capture: Bool, playback: Bool, at now: UInt64) {
        self.capture = PursuedDevice(isWanted: capture)
        self.playback = PursuedDevice(isWanted: playback)
        schedule = ReopenSchedule(due: now, distance: Self.distance, longest: Self.longest)
    }

    var isOver: Bool { !capture.isWanted && !playback.isWanted }

    /// Begins to open what is wanted, when that is due.
    mutating func begin(_ buffers: DeviceBuffers, at now: UInt64) {
        guard schedule.isDue(at: now) else { return }
        schedule.noteTry(at: now)
        capture.begin { () throws(DeviceError) in
            try DeviceName.default.beginOpeningCapture(buffers)
        }
        playback.begin { () throws(DeviceError) in
            try DeviceName.default.beginOpeningPlayback(buffers)
        }
    }
}
