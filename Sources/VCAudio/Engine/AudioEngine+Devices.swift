// Other devices in mid-call. Control thread: opening one takes its time, and the call goes on with
// the one before until the other one is open.
extension AudioEngine {
    /// Records from another device from now on; where it cannot be opened, nothing changes.
    public func changeCapture(to name: DeviceName) throws(DeviceError) {
        use(CaptureBox(name, try name.openCapture(shared.buffers)))
        pursuit?.capture.giveUp()
    }

    /// Plays on another device from now on; where it cannot be opened, nothing changes.
    public func changePlayback(to name: DeviceName) throws(DeviceError) {
        use(PlaybackBox(name, try name.openPlayback(shared.buffers)))
        pursuit?.playback.giveUp()
    }

    private func use(_ box: CaptureBox) {
        captureName = box.name
        shared.captureDevices.offer(box)
        shared.captureWake.signal()
        tellOfMicrophone()
        watchDefault()
    }

    private func use(_ box: PlaybackBox) {
        playbackName = box.name
        shared.playbackDevices.offer(box)
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
            pursuit?.capture.giveUp()
            pursuit?.playback.giveUp()
            pursuit = DefaultPursuit(
                capture: captureName == .default, playback: playbackName == .default, at: now)
        }
        guard pursuit != nil else { return }
        pursuit?.begin(shared.buffers, at: now)
        if let device = pursuit?.capture.take() { use(CaptureBox(.default, device)) }
        if let device = pursuit?.playback.take() { use(PlaybackBox(.default, device)) }
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
