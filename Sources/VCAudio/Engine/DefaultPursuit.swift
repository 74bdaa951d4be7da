/// Who still has to go where the default device has gone, and when that is tried again: at once,
/// half a second later, then at twice the time, up to eight seconds. It ends when it could be
/// opened, when a person has chosen another device, or when the default moves again, which begins
/// another one. Devices are opened without waiting for that: a sound server that has just come may
/// not answer yet, and one that does not is no reason to give up the device that works.
struct DefaultPursuit {
    private static let distance: UInt64 = 500_000_000
    private static let longest: UInt64 = 8_000_000_000
    /// A device that answers is open within so many milliseconds; what takes longer is looked at
    /// the next time.
    private static let patience: Int32 = 50

    private(set) var capture: Bool
    private(set) var playback: Bool
    private var schedule: ReopenSchedule
    private var captureOpening: DeviceOpening<any CaptureDevice>?
    private var playbackOpening: DeviceOpening<any PlaybackDevice>?

    /// - Parameter now: nanoseconds.
    init(capture: Bool, playback: Bool, at now: UInt64) {
        self.capture = capture
        self.playback = playback
        schedule = ReopenSchedule(due: now, distance: Self.distance, longest: Self.longest)
    }

    var isOver: Bool { !capture && !playback }

    /// Begins to open what is wanted, when that is due and not under way.
    mutating func begin(_ buffers: DeviceBuffers, at now: UInt64) {
        guard schedule.isDue(at: now) else { return }
        schedule.noteTry(at: now)
        // Without a thread for it the next try may have one.
        if capture, captureOpening == nil {
            captureOpening = try? DeviceName.default.beginOpeningCapture(buffers)
        }
        if playback, playbackOpening == nil {
            playbackOpening = try? DeviceName.default.beginOpeningPlayback(buffers)
        }
    }

    /// The microphone there, when it is open. That ends the pursuit of it.
    mutating func takeCapture() -> (any CaptureDevice)? {
        do throws(DeviceError) {
            let device = try captureOpening?.take(within: Self.patience)
            if device != nil { giveUpCapture() }
            return device
        } catch {
            captureOpening = nil
            return nil
        }
    }

    /// The loudspeaker there, when it is open. That ends the pursuit of it.
    mutating func takePlayback() -> (any PlaybackDevice)? {
        do throws(DeviceError) {
            let device = try playbackOpening?.take(within: Self.patience)
            if device != nil { giveUpPlayback() }
            return device
        } catch {
            playbackOpening = nil
            return nil
        }
    }

    /// The microphone is another one now.
    mutating func giveUpCapture() {
        capture = false
        captureOpening?.abandon()
        captureOpening = nil
    }

    /// The loudspeaker is another one now.
    mutating func giveUpPlayback() {
        playback = false
        playbackOpening?.abandon()
        playbackOpening = nil
    }
}
