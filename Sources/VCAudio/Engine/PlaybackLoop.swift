internal import CVCLinux
internal import Synchronization

/// The playback thread: the device wants samples -> jitter buffers -> mix -> limiter -> device.
/// Rests while nobody says anything; the next frame that arrives wakes it.
///
/// While the device is lost the members are heard by nobody, at the pace of the clock, so that
/// nothing piles up.
final class PlaybackLoop {
    /// While it rests the device is looked after this often.
    private static let restMilliseconds: Int32 = 1_000
    /// And a lost one this often.
    private static let retryMilliseconds: Int32 = 20
    /// Longer than any buffer of a device: 300 ms.
    private static let lastSoundPatience: UInt64 = 300_000_000

    private let shared: EngineShared
    private var name: DeviceName
    private var device: (any PlaybackDevice)?
    private var stopgap = SilentPlayback()
    /// Set while the device is lost: until another one has played something.
    private var reopening: ReopenSchedule?
    private var opening: DeviceOpening<any PlaybackDevice>?
    private let members: MemberMix
    /// Where echo cancellation learns what is played.
    private let loudspeaker: LoudspeakerRing?
    private var lastSound = Pace.now()
    private var playbackDelay = AverageDelay()
    private var decoding = AverageDelay()
    private var closedXruns = 0

    init(
        shared: EngineShared, name: DeviceName, device: any PlaybackDevice,
        loudspeaker: LoudspeakerRing?
    ) {
        self.loudspeaker = loudspeaker
        self.shared = shared
        self.name = name
        self.device = device
        members = MemberMix(shared: shared)
    }

    func run() {
        while !shared.isStopping.load(ordering: .acquiring) {
            takeOverDevice()
            if device == nil { reopen() }
            if isQuiet() {
                rest()
            } else {
                step()
            }
        }
        opening?.abandon()
        device?.close()
    }

    private func step() {
        let device: any PlaybackDevice = self.device ?? stopgap
        do throws(DeviceError) {
            let count = try device.wait()
            let start = Pace.now()
            members.mix(count)
            if members.mixer.hasSound { lastSound = start }
            try device.write(members.mixer.output, count: count)
            noteBack()
            noteDelay(device, count, start: start)
            shared.playbackXruns.store(closedXruns + device.xruns, ordering: .relaxed)
            if device.takeChange() {
                playbackDelay = AverageDelay()
                shared.tell(EventRecord(kind: .changed), of: .playback)
            }
        } catch {
            lose(device, error)
        }
    }

    /// How long the block that was mixed from `start` on took until it was written, and how long it
    /// takes until it is heard.
    private func noteDelay(_ device: any PlaybackDevice, _ count: Int, start: UInt64) {
        // What the device tells is the delay of the sample that comes next.
        let end = device.delayMicroseconds
        tellLoudspeaker(count, delay: end)
        let delay = max(0, end - count * 125 / 6)
        guard members.mixer.hasSound else { return }
        playbackDelay.note(delay)
        decoding.note(Int((Pace.now() - start) / 1_000))
        shared.playbackDelayMicroseconds.store(playbackDelay.value, ordering: .relaxed)
        shared.decodingMicroseconds.store(decoding.value, ordering: .relaxed)
        shared.heard.leave(
            members.mixer.output, count: count,
            start: vc_boottime_nanoseconds() + UInt64(delay) * 1_000)
    }

    /// The block that was just written ends where the delay does.
    private func tellLoudspeaker(_ count: Int, delay: Int) {
        guard let loudspeaker, let device, device.isLoudspeaker else { return }
        let end = vc_boottime_nanoseconds() + UInt64(max(0, delay)) * 1_000
        loudspeaker.push(
            members.mixer.output, count: count, heardAt: end &- UInt64(count) * 62_500 / 3,
            isContinuous: !device.takeInterruption())
    }

    // MARK: Rest

    /// Whether nothing has sounded for so long that the device may sleep.
    private func isQuiet() -> Bool {
        // Whether it works again is seen only while it plays.
        if device != nil, reopening != nil { return false }
        if isUnheard { return true }
        // While somebody talks there is no need to look at the clock.
        guard !members.hasFrames else { return false }
        return Pace.now() - lastSound > device?.patience ?? stopgap.patience
    }

    private var isUnheard: Bool {
        guard
            shared.isDeafened.load(ordering: .relaxed)
                || shared.isAlone.load(ordering: .relaxed) && !members.hasTone
        else { return false }
        // What fades out, and the tone that tells of the last one's going, must leave the device.
        return Pace.now() - lastSound > Self.lastSoundPatience
    }

    private func rest() {
        do throws(DeviceError) {
            try device?.pause()
        } catch {
            if let device { lose(device, error) }
        }
        if isUnheard { members.discard() }
        shared.isPlaybackResting.store(true, ordering: .sequentiallyConsistent)
        // A frame that came between the last look and the store has not woken anybody.
        if isQuiet(), !shared.isStopping.load(ordering: .acquiring) {
            let wait = reopening != nil ? Self.retryMilliseconds : Self.restMilliseconds
            shared.playbackWake.wait(milliseconds: wait)
        }
        shared.isPlaybackResting.store(false, ordering: .relaxed)
    }

    // MARK: Another device

    /// Goes on with another device, if there is one.
    private func takeOverDevice() {
        guard let next = shared.playbackDevices.take() else { return }
        closedXruns += device?.xruns ?? 0
        swap(&device, &next.device)
        swap(&name, &next.name)
        reopening = nil
        opening?.abandon()
        opening = nil
        playbackDelay = AverageDelay()
        loudspeaker?.noteDevice()
        shared.playbackDevices.giveBack(next)
        shared.tell(EventRecord(kind: .switched), of: .playback)
    }

    private func lose(_ device: any PlaybackDevice, _ error: DeviceError) {
        // One that could be opened and played nothing has never been back.
        if reopening == nil { shared.tell(error, of: .playback) }
        closedXruns += device.xruns
        device.abandon()
        self.device = nil
        stopgap = SilentPlayback()
        if error.isFinal {
            reopening = nil
        } else if reopening == nil {
            reopening = ReopenSchedule(lostAt: Pace.now())
        }
    }

    private func reopen() {
        // It was told as lost; where it cannot be opened the schedule says when it is tried again.
        do throws(DeviceError) {
            if let opening {
                device = try opening.take()
                if device != nil { self.opening = nil }
                return
            }
            let now = Pace.now()
            // Without a schedule only a person brings another one.
            guard let schedule = reopening, schedule.isDue(at: now) else { return }
            reopening?.noteTry(at: now)
            opening = try name.beginOpeningPlayback(shared.buffers)
        } catch {
            opening = nil
        }
    }

    private func noteBack() {
        guard reopening != nil, device?.hasMoved ?? false else { return }
        reopening = nil
        shared.tell(EventRecord(kind: .back), of: .playback)
    }
}
