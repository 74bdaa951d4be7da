internal import Glibc
internal import VCAudio
internal import VCCore
internal import VCNet

/// How the sound of a call is set now: as the command line said, and changed since.
struct SoundChoices {
    var capture: DeviceChoice
    var playback: DeviceChoice
    var equalizer: EqualizerChoice
    var isLeveling: Bool
    var isLimiting: Bool
    var hasTones: Bool
    /// Where a recording goes; nil while there is none.
    var recording: String?
    /// Whether the microphone is processed as it is to be: the library for it may be missing.
    var isProcessed = true
    /// What the library does not act on.
    var ignored: [ProcessingOptions.Level] = []
    /// Whether each audio thread has real-time priority, or why it has not.
    var captureThread = "not known yet"
    var playbackThread = "not known yet"

    init(_ options: CallOptions) {
        capture = options.capture
        playback = options.playback
        equalizer = options.equalizer
        isLeveling = options.isLeveling
        isLimiting = options.isLimiting
        hasTones = options.hasTones
        recording = options.record
    }
}

// MARK: - What is heard

extension CallConsole {
    mutating func obey(_ command: SoundCommand) {
        switch command {
        case .record(let path?): record(to: path)
        case .record(nil): stopRecording()
        case .capture(let choice): change(.capture, to: choice)
        case .playback(let choice): change(.playback, to: choice)
        case .equalizer(let choice):
            sound.equalizer = choice
            engine.setEqualizer(choice.setting)
            say(["equalizer: \(choice.spelling) dB (low, middle, high)"])
        case .leveling(let on):
            sound.isLeveling = on
            engine.setLeveling(on)
            say([on ? "everybody is made equally loud" : "everybody is as loud as they are"])
        case .limiter(let on):
            sound.isLimiting = on
            engine.setLimiting(on)
            say([on ? "what is too loud is turned down" : "what is too loud is cut off"])
        case .tones(let on):
            sound.hasTones = on
            say([
                on ? "a tone tells who comes and goes" : "no tone tells any more who comes and goes"
            ])
        }
        updateSettings()
    }

    /// The engine says that something changed.
    mutating func lookAtSound() {
        var count: UInt64 = 0
        _ = unsafe read(engine.controlReady, &count, 8)
        while let event = engine.pollEvent() {
            if take(event) { continue }
            if let warning = event.warning {
                show(
                    .warning(
                        kind: warning.kind, message: warning.message, device: event.device))
            }
        }
        let events = room.soundEvents()
        for event in events { show(event) }
        if !events.isEmpty { nextLook = MonotonicClock.now + CallConsole.lookInterval }
    }

    /// A tone for who comes or goes.
    func sound(for state: RoomEvent.MemberState) {
        guard sound.hasTones else { return }
        switch state {
        case .joined: engine.playTone(isArrival: true)
        case .left, .removed: engine.playTone(isArrival: false)
        case .lost, .back: return
        }
    }

    // MARK: Recording

    /// Says that we record, where that began with the call.
    mutating func tellRecording() {
        guard sound.recording != nil, !hasToldRecording else { return }
        hasToldRecording = true
        show(.recording(member: room.ownNumber, isOn: true))
    }

    private mutating func record(to path: String) {
        do throws(DeviceError) {
            try AudioEngine.checkRecording(to: path)
            if sound.recording != nil { stopRecording() }
            try engine.startRecording(to: path)
            sound.recording = path
            hasToldRecording = false
            link.submit(.recording(true))
            tellRecording()
        } catch {
            complain("\(error)")
        }
    }

    private mutating func stopRecording() {
        guard sound.recording != nil else { return complain("you do not record") }
        let failure = engine.stopRecording()
        recordingEnded(failure.map { "\($0)" })
    }

    /// The recording is over, by our wish or because it could not be written.
    mutating func recordingEnded(_ failure: String?) {
        sound.recording = nil
        link.submit(.recording(false))
        if let failure { warnOfRecording(failure) }
        show(.recording(member: room.ownNumber, isOn: false))
        updateSettings()
    }

    /// At the end of the call, when the file is complete; what went wrong with its last part.
    mutating func finishRecording() {
        guard sound.recording != nil, let failure = engine.stopRecording() else { return }
        warnOfRecording("\(failure)")
    }

    private mutating func warnOfRecording(_ failure: String) {
        show(.warning(kind: "recording", message: "the recording has ended: \(failure)"))
    }

    // MARK: Devices

    private mutating func change(_ side: EngineEvent.Side, to choice: DeviceChoice) {
        do throws(DeviceError) {
            switch side {
            case .capture:
                try engine.changeCapture(to: choice.device)
                sound.capture = choice
            case .playback:
                try engine.changePlayback(to: choice.device)
                sound.playback = choice
            }
        } catch {
            // The settings go on to the next one, and not to this one again.
            devices = devices.compactMap { device in
                DeviceChoice(device.name) == choice ? device.without(side) : device
            }
            complain("\(error); the \(side.word) stays as it is")
        }
    }

    /// What the engine tells that is more than a warning; whether it was such a thing.
    mutating func take(_ event: EngineEvent) -> Bool {
        switch event {
        case .recordingFailed(let reason): recordingEnded(reason)
        case .deviceSwitched(let side):
            let choice = side == .capture ? sound.capture : sound.playback
            show(
                .warning(
                    kind: "device-changed",
                    message: "the \(side.word) is \(choice.spelling) now", device: side.word))
        case .realTime(let side, let granted, let reason):
            let text = granted ? "real-time priority" : "usual priority (\(reason))"
            if side == .capture { sound.captureThread = text } else { sound.playbackThread = text }
        case .unprocessed:
            sound.isProcessed = false
            return false
        case .ignored(let level):
            sound.ignored.append(level)
            return false
        default: return false
        }
        return true
    }

    /// What `/debug` says of ourselves.
    var debugLines: [String] {
        let sound = engine.statistics
        return [
            "vc \(softwareVersion), protocol \(protocolVersion), server \(serverName)",
            room.encodingLine + "; sent \(sound.framesEncoded) frames, dropped "
                + "\(sound.framesDropped)",
            "microphone \(sound.captureDelayMilliseconds.shown) ms, \(sound.captureXruns) gaps; "
                + "loudspeaker \(sound.playbackDelayMilliseconds.shown) ms, \(sound.playbackXruns) "
                + "gaps; decoding \(sound.decodingMilliseconds.shown) ms",
        ]
    }

    /// What `/stats` says of this machine's sound besides figures.
    var soundLines: [String] {
        ["microphone thread: \(sound.captureThread), loudspeaker thread: \(sound.playbackThread)"]
    }
}

extension DeviceDescription {
    /// What is left of a device that does not work on one side; nil when nothing is.
    func without(_ side: EngineEvent.Side) -> DeviceDescription? {
        let (lost, kept): (Direction, Direction) =
            side == .capture ? (.capture, .playback) : (.playback, .capture)
        if direction == lost { return nil }
        return DeviceDescription(name: name, text: text, direction: kept)
    }
}

extension EqualizerChoice {
    var setting: EqualizerSetting {
        EqualizerSetting(low: Float(low), middle: Float(middle), high: Float(high))
    }
}

extension Double {
    fileprivate var shown: String { fixedDecimal(self, decimals: 1) ?? "-" }
}
