internal import CVCLinux
internal import Synchronization
internal import VCCore

/// The playback thread: the device wants samples -> jitter buffers -> mix -> limiter -> device.
/// Rests while nobody says anything; the next frame that arrives wakes it.
///
/// While the device is lost the members are heard by nobody, at the pace of the clock, so that
/// nothing piles up.
final class PlaybackLoop {
    /// While it rests the device is looked after this often.
    private static let restMilliseconds: Int32 = 1_000

    private let shared: EngineShared
    private let name: DeviceName
    private var device: (any PlaybackDevice)?
    private var stopgap = SilentPlayback()
    private var reopening: ReopenSchedule?
    private var mixer = Mixer()
    private let block = SampleBuffer(count: Mixer.blockLimit)
    private var lastSound = Pace.now()
    private var closedXruns = 0

    init(shared: EngineShared, name: DeviceName, device: any PlaybackDevice) {
        self.shared = shared
        self.name = name
        self.device = device
    }

    func run() {
        while !shared.isStopping.load(ordering: .acquiring) {
            if device == nil { reopen() }
            if isQuiet() {
                rest()
            } else {
                step()
            }
        }
        device?.close()
    }

    private func step() {
        let device: any PlaybackDevice = self.device ?? stopgap
        do throws(DeviceError) {
            let count = try device.wait()
            mix(count)
            try device.write(mixer.output, count: count)
            shared.playbackDelayMicroseconds.store(device.delayMicroseconds, ordering: .relaxed)
            shared.playbackXruns.store(closedXruns + device.xruns, ordering: .relaxed)
            if device.takeChange() { shared.tell(EventRecord(kind: .changed), of: .playback) }
        } catch {
            lose(device, error)
        }
    }

    // MARK: Sound

    private func mix(_ count: Int) {
        mixer.begin(count: count)
        let now = Instant(nanoseconds: vc_boottime_nanoseconds())
        let isDeafened = shared.isDeafened.load(ordering: .relaxed)
        for index in 0..<Limits.members {
            let member = unsafe shared.members + index
            guard unsafe member.pointee.isActive.load(ordering: .acquiring) else { continue }
            unsafe mix(member, count: count, now: now, isDeafened: isDeafened)
        }
        if mixer.hasSound { lastSound = Pace.now() }
        mixer.finish(count: count)
    }

    private func mix(
        _ member: UnsafeMutablePointer<MemberSlot>, count: Int, now: Instant, isDeafened: Bool
    ) {
        guard let ring = unsafe member.pointee.ring else { return }
        if unsafe member.pointee.isTakenAnew.exchange(false, ordering: .acquiring) {
            unsafe member.pointee.jitter?.startOver()
        }
        if unsafe member.pointee.wantsReset.exchange(false, ordering: .acquiring) {
            unsafe member.pointee.jitter?.reset()
        }
        while ring.pop({ frame, payload in
            if !isDeafened {
                unsafe member.pointee.jitter?.receive(frame, payload: payload)
            }
        }) {}
        let sounds = unsafe member.pointee.jitter?.pull(into: block, count: count, at: now) ?? false
        if sounds, !isDeafened {
            let gain = Float(bitPattern: unsafe member.pointee.gain.load(ordering: .relaxed))
            mixer.add(
                block, count: count, previousGain: unsafe member.pointee.appliedGain, gain: gain)
            unsafe member.pointee.appliedGain = gain
        }
        if let statistics = unsafe member.pointee.jitter?.statistics,
            // The wait for the very first frame is no sound yet.
            unsafe member.pointee.publish(
                statistics, isSounding: sounds && statistics.hasPlayed)
        {
            shared.controlWake.signal()
        }
    }

    // MARK: Rest

    /// Whether nothing has sounded for so long that the device may sleep.
    private func isQuiet() -> Bool {
        if shared.isAlone.load(ordering: .relaxed) || shared.isDeafened.load(ordering: .relaxed) {
            return true
        }
        let patience = device?.patience ?? stopgap.patience
        return Pace.now() - lastSound > patience && !hasFrames()
    }

    private func hasFrames() -> Bool {
        for index in 0..<Limits.members {
            let member = unsafe shared.members + index
            guard unsafe member.pointee.isActive.load(ordering: .acquiring) else { continue }
            if unsafe (member.pointee.ring?.count ?? 0) > 0 { return true }
            if unsafe member.pointee.jitter?.isSounding ?? false { return true }
        }
        return false
    }

    private func rest() {
        do throws(DeviceError) {
            try device?.pause()
        } catch {
            if let device { lose(device, error) }
        }
        discardUnheard()
        shared.isPlaybackResting.store(true, ordering: .sequentiallyConsistent)
        // A frame that came between the last look and the store has not woken anybody.
        if isQuiet(), !shared.isStopping.load(ordering: .acquiring) {
            let wait = device == nil ? Int32(20) : Self.restMilliseconds
            shared.playbackWake.wait(milliseconds: wait)
        }
        shared.isPlaybackResting.store(false, ordering: .relaxed)
    }

    /// Deafened or alone: what comes is not kept for later.
    private func discardUnheard() {
        for index in 0..<Limits.members {
            let member = unsafe shared.members + index
            guard unsafe member.pointee.isActive.load(ordering: .acquiring),
                let ring = unsafe member.pointee.ring, ring.count > 0
            else { continue }
            while ring.pop({ _, _ in }) {}
            unsafe member.pointee.jitter?.reset()
        }
    }

    // MARK: Loss of the device

    private func lose(_ device: any PlaybackDevice, _ error: DeviceError) {
        shared.tell(EventRecord(error), of: .playback)
        closedXruns += device.xruns
        device.close()
        self.device = nil
        stopgap = SilentPlayback()
        reopening = ReopenSchedule(lostAt: Pace.now())
    }

    private func reopen() {
        guard reopening?.isDue(at: Pace.now()) ?? true else { return }
        do throws(DeviceError) {
            device = try name.openPlayback()
            reopening = nil
            shared.tell(EventRecord(kind: .back), of: .playback)
        } catch {
            reopening?.noteFailure(at: Pace.now())
        }
    }
}
