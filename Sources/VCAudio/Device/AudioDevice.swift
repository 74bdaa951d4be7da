internal import Glibc

/// What a read tells besides the samples.
struct CaptureStamp {
    /// How long before now the newest sample reached the microphone, in microseconds.
    var delayMicroseconds = 0
    /// Whether the samples follow those of the read before without a hole.
    var isContinuous = true
}

/// A source of sound: 48 kHz, mono. One thread uses it.
protocol CaptureDevice: AnyObject {
    /// Whether a person is expected behind it, so that lasting digital silence is worth a warning.
    var isMicrophone: Bool { get }
    /// Whether it gives the sound of a room, which is worth being processed: noise suppression
    /// takes a tone for noise.
    var hasRoom: Bool { get }
    /// How often sound was lost because nobody fetched it.
    var xruns: Int { get }

    /// Waits until there are `count` samples and gives them.
    func read(
        _ count: Int, into samples: borrowing SampleBuffer
    ) throws(DeviceError) -> CaptureStamp
    /// Stops until the next read, because nobody listens.
    func pause()
    func close()
    /// Closes it without waiting for that: a sound server that hangs does not let go of it.
    func abandon()
}

/// A place for sound to go: 48 kHz, mono. One thread uses it.
protocol PlaybackDevice: AnyObject {
    /// Whether somebody may hear it, and a microphone in the same room.
    var isLoudspeaker: Bool { get }
    /// How long nothing may sound before the device is worth being paused, in nanoseconds.
    var patience: UInt64 { get }
    /// How often the device ran dry.
    var xruns: Int { get }
    /// Whether it has played anything since it was opened, and not only taken it.
    var hasMoved: Bool { get }
    /// How much later than now the next sample will be heard, in microseconds.
    var delayMicroseconds: Int { get }
    /// Whether the device was reopened with other settings since the last call.
    func takeChange() -> Bool
    /// Whether what was written last is not heard right behind what was written before it: the
    /// device has begun, or begun again.
    func takeInterruption() -> Bool

    /// Waits until the device wants samples; how many (at most `Mixer.blockLimit`).
    func wait() throws(DeviceError) -> Int
    /// Gives it the samples that `wait` asked for.
    func write(_ samples: borrowing SampleBuffer, count: Int) throws(DeviceError)
    /// Nothing will come for a while; called again each second until then.
    func pause() throws(DeviceError)
    func close()
    /// Closes it without waiting for that: a sound server that hangs does not let go of it.
    func abandon()
}

extension CaptureDevice {
    var hasRoom: Bool { true }

    func abandon() { close() }
}

extension PlaybackDevice {
    func abandon() { close() }
}

extension DeviceName {
    func openCapture(_ buffers: DeviceBuffers) throws(DeviceError) -> any CaptureDevice {
        switch self {
        case .alsa: try beginOpeningCapture(buffers).wait()
        case .file(let path): try FileCapture(path: path)
        case .tone(let hertz): ToneCapture(hertz: hertz)
        case .silence: ToneCapture(hertz: nil)
        }
    }

    func openPlayback(_ buffers: DeviceBuffers) throws(DeviceError) -> any PlaybackDevice {
        switch self {
        case .alsa: try beginOpeningPlayback(buffers).wait()
        case .file(let path): try FilePlayback(path: path)
        case .tone: throw .notAPlaybackDevice(description)
        case .silence: SilentPlayback()
        }
    }

    /// Begins to open it, for a thread that cannot wait.
    func beginOpeningCapture(
        _ buffers: DeviceBuffers
    ) throws(DeviceError) -> DeviceOpening<any CaptureDevice> {
        let name = self
        return try DeviceOpening(description) { () throws(DeviceError) -> any CaptureDevice in
            guard case .alsa(let device) = name else { return try name.openCapture(buffers) }
            return try ALSACapture(name: device, buffers: buffers)
        } letGo: {
            $0.abandon()
        }
    }

    /// The same of a device that plays.
    func beginOpeningPlayback(
        _ buffers: DeviceBuffers
    ) throws(DeviceError) -> DeviceOpening<any PlaybackDevice> {
        let name = self
        return try DeviceOpening(description) { () throws(DeviceError) -> any PlaybackDevice in
            guard case .alsa(let device) = name else { return try name.openPlayback(buffers) }
            return try ALSAPlayback(name: device, buffers: buffers)
        } letGo: {
            $0.abandon()
        }
    }
}

/// The system's words for an errno value.
func errorText(_ code: Int32) -> String {
    guard let text = unsafe strerror(code) else { return "error \(code)" }
    return unsafe String(cString: text)
}
