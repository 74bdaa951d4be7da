internal import CVCLinux
internal import Synchronization
internal import VCCore

/// The capture thread: device -> processing -> gate -> encoder -> ring. Rests without a wake-up
/// while the microphone is muted or nobody is there.
final class CaptureLoop {
    /// Frames of digital silence worth a warning: 10 s.
    private static let silentSamplesLimit = 480_000
    /// A longer hole than this is not kept in the time stamps to the sample.
    private static let retryMilliseconds: Int32 = 20
    private static let longestFrame = FrameDuration.twentyMilliseconds.sampleCount

    private let shared: EngineShared
    private var name: DeviceName
    private var device: (any CaptureDevice)?
    /// Set while the device is lost: until another one has given sound.
    private var reopening: ReopenSchedule?
    private var opening: DeviceOpening<any CaptureDevice>?
    private var encoder: OpusEncoder
    private var chain: CaptureChain
    private var gate: VoiceGate
    private let samples = SampleBuffer(count: CaptureLoop.longestFrame)
    private var frameCount: Int
    /// The sound in front of the next frame, for an encoder that takes over: its newest samples
    /// stand at the end.
    private let history = SampleBuffer(count: CaptureLoop.longestFrame)
    private let primer = SampleBuffer(count: CaptureLoop.longestFrame)

    private var sequence: UInt16
    private var timestamp: UInt32
    /// When the frame before ended, in nanoseconds of the boot clock.
    private var lastEnd: UInt64 = 0
    private var silentSamples = 0
    private var warnedOfSilence = false
    private var closedXruns = 0
    private var captureDelay = AverageDelay()

    init(
        shared: EngineShared, name: DeviceName, device: any CaptureDevice,
        chain: consuming CaptureChain, encoder: consuming OpusEncoder, gate: VoiceGate,
        sequence: UInt16, timestamp: UInt32
    ) {
        self.shared = shared
        self.name = name
        self.device = device
        frameCount = encoder.frame.sampleCount
        self.encoder = encoder
        self.chain = chain
        self.gate = gate
        self.sequence = sequence
        self.timestamp = timestamp
    }

    func run() {
        while !shared.isStopping.load(ordering: .acquiring) {
            takeOverDevice()
            if shared.isCaptureResting {
                rest()
            } else if let device {
                step(device)
            } else {
                reopen()
            }
        }
        finishTalkSpurt()
        opening?.abandon()
        device?.close()
    }

    private func rest() {
        finishTalkSpurt()
        device?.pause()
        chain.restart()
        history.clear(at: 0, count: history.count)
        shared.captureLevel.store(Level.silence, ordering: .relaxed)
        silentSamples = 0
        while shared.isCaptureResting, !shared.captureDevices.isOffered,
            !shared.isStopping.load(ordering: .acquiring)
        {
            shared.captureWake.wait(milliseconds: -1)
        }
    }

    private func step(_ device: any CaptureDevice) {
        takeOverEncoder()
        do throws(DeviceError) {
            let stamp = try device.read(frameCount, into: samples)
            noteSound()
            shared.captureXruns.store(closedXruns + device.xruns, ordering: .relaxed)
            watchForSilence(device)
            chain.isMicrophone = device.isMicrophone
            chain.hasRoom = device.hasRoom
            process(stamp)
        } catch {
            lose(device, error)
        }
    }

    private func process(_ stamp: CaptureStamp) {
        let now = vc_boottime_nanoseconds()
        let heard = now - UInt64(max(0, stamp.delayMicroseconds)) * 1_000
        if !stamp.isContinuous { chain.restart() }
        let hasVoice = chain.process(samples, count: frameCount, end: heard)
        if chain.takeBypass() { shared.tell(EventRecord(kind: .bypassed), of: .capture) }
        // What comes out of the processing now went in so much earlier.
        let end = heard - UInt64(chain.delay) * 62_500 / 3
        if !stamp.isContinuous { skipHole(until: end) }
        lastEnd = end
        let level = Level.measure(samples, count: frameCount)
        shared.captureLevel.store(level, ordering: .relaxed)
        gate.setMode(shared.isAlwaysOpen.load(ordering: .relaxed) ? .open : .voice)
        let decision = gate.judge(
            level: level, hasVoice: hasVoice, at: Instant(nanoseconds: now))
        noteTalking()
        if decision.sends {
            let length = UInt64(frameCount) * 62_500 / 3
            shared.said.leave(samples, count: frameCount, start: end - min(end, length))
            send(level: level, flags: decision.flags, end: end)
        }
        timestamp &+= UInt32(frameCount)
        remember()
    }

    // MARK: Encoder

    /// Goes on with another encoder, if there is one. It first hears what the old one was given
    /// last: an encoder that begins in the middle of a word would begin with a click.
    private func takeOverEncoder() {
        guard let next = shared.encoders.take() else { return }
        swap(&encoder, &next.encoder)
        shared.encoders.giveBack(next)
        frameCount = encoder.frame.sampleCount
        primer.copy(from: history, at: history.count - frameCount, to: 0, count: frameCount)
        // What it makes of that was sent by the old one.
        try? encoder.encode(primer)
    }

    private func remember() {
        let kept = history.count - frameCount
        history.copy(from: history, at: frameCount, to: 0, count: kept)
        history.copy(from: samples, at: 0, to: kept, count: frameCount)
    }

    private func send(level: UInt8, flags: FrameFlags, end: UInt64) {
        do throws(CodecError) {
            try encoder.encode(samples)
        } catch {
            // libopus refuses only what is no sound; a frame less is what that is worth.
            return
        }
        let frameNanoseconds = UInt64(frameCount) * 62_500 / 3
        let start = end - min(end, frameNanoseconds)
        let age = vc_boottime_nanoseconds() - start
        let lookahead = UInt64(encoder.lookahead) * 62_500 / 3
        let delay = (age + lookahead) / 1_000
        shared.captured.push(
            VoiceFrame(
                sequence: sequence, timestamp: timestamp, level: level, flags: flags,
                instant: Instant(nanoseconds: start),
                captureDelayMicroseconds: UInt32(clamping: delay)),
            payload: encoder.packet)
        sequence &+= 1
        captureDelay.note(Int(delay))
        shared.captureDelayMicroseconds.store(captureDelay.value, ordering: .relaxed)
        shared.encoded.wrappingAdd(1, ordering: .relaxed)
        shared.captureReady.signal()
    }

    private func noteTalking() {
        guard shared.isTalking.load(ordering: .relaxed) != gate.isTalking else { return }
        shared.isTalking.store(gate.isTalking, ordering: .relaxed)
        shared.controlWake.signal()
    }

    /// Moves the sample clock over the time without samples, so that the receivers' clocks still
    /// agree with it.
    private func skipHole(until end: UInt64) {
        guard lastEnd > 0, end > lastEnd else { return }
        let elapsed = Int(min(end - lastEnd, 1 << 56) * 6 / 125_000)
        let hole = max(0, elapsed - frameCount)
        timestamp &+= UInt32(truncatingIfNeeded: hole)
    }

    /// Says that nothing follows, with a frame of silence.
    private func finishTalkSpurt() {
        guard gate.isTalking else { return }
        gate.close()
        noteTalking()
        samples.clear(at: 0, count: frameCount)
        send(level: Level.silence, flags: .endOfTalkSpurt, end: vc_boottime_nanoseconds())
        timestamp &+= UInt32(frameCount)
        lastEnd += UInt64(frameCount) * 62_500 / 3
    }

    private func watchForSilence(_ device: any CaptureDevice) {
        guard device.isMicrophone else { return }
        if samples.peak(at: 0, count: frameCount) == 0 {
            silentSamples += frameCount
            guard silentSamples >= Self.silentSamplesLimit, !warnedOfSilence else { return }
            warnedOfSilence = true
            shared.tell(EventRecord(kind: .silent), of: .capture)
        } else {
            silentSamples = 0
            guard warnedOfSilence else { return }
            warnedOfSilence = false
            shared.tell(EventRecord(kind: .heard), of: .capture)
        }
    }

    /// Goes on with another device, if there is one. What lies between is a hole.
    private func takeOverDevice() {
        guard let next = shared.captureDevices.take() else { return }
        closedXruns += device?.xruns ?? 0
        swap(&device, &next.device)
        swap(&name, &next.name)
        reopening = nil
        opening?.abandon()
        opening = nil
        captureDelay = AverageDelay()
        chain.startOver()
        silentSamples = 0
        warnedOfSilence = false
        shared.captureDevices.giveBack(next)
        shared.tell(EventRecord(kind: .switched), of: .capture)
    }

    private func lose(_ device: any CaptureDevice, _ error: DeviceError) {
        // One that could be opened and gave nothing has never been back.
        if reopening == nil { shared.tell(error, of: .capture) }
        finishTalkSpurt()
        shared.captureLevel.store(Level.silence, ordering: .relaxed)
        silentSamples = 0
        closedXruns += device.xruns
        device.abandon()
        self.device = nil
        if error.isFinal {
            reopening = nil
        } else if reopening == nil {
            reopening = ReopenSchedule(lostAt: Pace.now())
        }
    }

    private func reopen() {
        guard let schedule = reopening else {
            // Only a person brings another one.
            shared.captureWake.wait(milliseconds: -1)
            return
        }
        // It was told as lost; where it cannot be opened the schedule says when it is tried again.
        do throws(DeviceError) {
            if let opening {
                device = try opening.take()
                if device != nil { self.opening = nil }
            } else if schedule.isDue(at: Pace.now()) {
                reopening?.noteTry(at: Pace.now())
                opening = try name.beginOpeningCapture(shared.buffers)
            }
        } catch {
            opening = nil
        }
        if device == nil { shared.captureWake.wait(milliseconds: Self.retryMilliseconds) }
    }

    private func noteSound() {
        guard reopening != nil else { return }
        reopening = nil
        shared.tell(EventRecord(kind: .back), of: .capture)
    }
}
