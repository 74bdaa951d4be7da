// Other devices in mid-call. Control thread: opening one takes its time, and the call goes on with
// the one before until the other one is open.
extension AudioEngine {
    /// Records from another device from now on; where it cannot be opened, nothing changes.
    public func changeCapture(to name: DeviceName) throws(DeviceError) {
        shared.captureDevices.offer(try CaptureBox(name, shared.buffers))
        captureName = name
        tellUnprocessed()
        pursuit?.capture = false
        shared.captureWake.signal()
        watchDefault()
    }

    /// Plays on another device from now on; where it cannot be opened, nothing changes.
    public func changePlayback(to name: DeviceName) throws(DeviceError) {
        shared.playbackDevices.offer(try PlaybackBox(name, shared.buffers))
        playbackName = name
        pursuit?.playback = false
        shared.wakePlayback()
        shared.playbackWake.signal()
        watchDefault()
    }

    /// Goes where the system's default device has gone, if it is used here. To be called each
    /// second or so: it costs some looks at the file system, and more only when something changed.
    /// `pollEvent` tells when another device is in use.
    public func followDefault() {
        followDefault(at: Pace.now())
    }

    func followDefault(at now: UInt64) {
        if defaultDevice?.hasMoved() ?? false {
            pursuit = DefaultPursuit(
                capture: captureName == .default, playback: playbackName == .default, at: now)
        }
        guard let current = pursuit, current.schedule.isDue(at: now) else { return }
        pursuit?.schedule.noteTry(at: now)
        // One that cannot be opened is no reason to give up the one that works: a sound server that
        // has just come may not answer yet.
        if current.capture { try? changeCapture(to: .default) }
        if current.playback { try? changePlayback(to: .default) }
        if pursuit?.isOver ?? false { pursuit = nil }
    }

    var usesDefault: Bool { captureName == .default || playbackName == .default }

    private func watchDefault() {
        if !usesDefault {
            defaultDevice = nil
        } else if defaultDevice == nil {
            defaultDevice = DefaultDevice()
        }
    }
}

extension DeviceName {
    /// What the system has chosen.
    public static let `default` = DeviceName.alsa("default")
}
