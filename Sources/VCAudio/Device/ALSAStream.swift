internal import CALSA
internal import Glibc

/// One direction of an ALSA device: opened, set up, and brought back after every fault that ALSA
/// itself can mend. Reads and writes never block; waiting has a watchdog, because a sound server
/// that was killed reports nothing (PulseAudio) or an endless row of xruns (PipeWire).
///
/// readi and writei only: PulseAudio's plugin has no mmap.
@safe
final class ALSAStream {
    enum Direction {
        case capture
        case playback
    }

    /// No frame moved for so long: the device hangs.
    static let watchdog: UInt64 = 500_000_000
    /// Faults in a row without a frame moved: the device is not there any more.
    static let faultLimit = 10
    /// How long one wait for the device lasts before the watchdog looks again, in milliseconds.
    private static let waitMilliseconds: Int32 = 100
    /// More descriptors than any plugin has.
    private static let descriptorLimit: Int32 = 32
    /// The longest wait for a suspended device to wake, in steps of 10 ms.
    private static let resumeSteps = 50

    let name: String
    let direction: Direction
    let sampleFormat: ALSASampleFormat
    let channels: Int
    /// Samples a second that the device works with.
    let rate: Int
    /// Frames of a period and of the device's buffer.
    let periodFrames: Int
    let bufferFrames: Int
    /// How often the device ran over or dry.
    private(set) var xruns = 0
    /// Whether sound was lost since this was last set to false.
    var wasInterrupted = true
    /// Whether the device must be prepared, and filled if it plays.
    private(set) var needsPreparation = true
    /// Whether the device runs, or would but for a fault that was not seen yet.
    private(set) var isStarted = false
    /// Whether a frame was seen to go through the device since it was opened.
    private(set) var hasMoved = false
    /// Whether the last xrun came no sooner than the device could have played all of its buffer:
    /// then it was us who were late.
    private(set) var hasRunDry = false

    private let device: OpaquePointer
    private let frames: UnsafeMutableRawPointer
    private let descriptors = UnsafeMutablePointer<pollfd>.allocate(
        capacity: Int(ALSAStream.descriptorLimit))
    private var startTime: UInt64 = 0
    private var lastProgress = Pace.now()
    private var faults = 0
    /// Frames that could be written at the last look, less those that were written since. When
    /// there is more room than that, the device has played.
    private var room = 0
    private var isClosed = false
    /// Whether another thread closes it.
    private var isAbandoned = false

    /// Opens `name` with a buffer of `periods` periods of `period` samples at 48 kHz, or what comes
    /// nearest.
    init(name: String, direction: Direction, period: Int, periods: Int) throws(DeviceError) {
        vc_alsa_silence_messages()
        var opened: OpaquePointer?
        let stream = direction == .capture ? SND_PCM_STREAM_CAPTURE : SND_PCM_STREAM_PLAYBACK
        let error = unsafe snd_pcm_open(&opened, name, stream, SND_PCM_NONBLOCK)
        guard error >= 0, let device = unsafe opened else {
            throw .unavailable(device: "alsa:\(name)", reason: Self.reason(error))
        }
        // The configuration of alsa-lib takes some 200 KiB, which is read again when it is needed.
        _ = snd_config_update_free_global()
        do throws(DeviceError) {
            let setup = try unsafe ALSASetup(
                device: device, name: name, direction: direction, period: period,
                periods: periods)
            sampleFormat = setup.sampleFormat
            channels = setup.channels
            rate = setup.rate
            periodFrames = setup.periodFrames
            bufferFrames = setup.bufferFrames
        } catch {
            unsafe _ = snd_pcm_close(device)
            throw error
        }
        unsafe self.device = device
        self.name = name
        self.direction = direction
        unsafe frames = UnsafeMutableRawPointer.allocate(
            byteCount: bufferFrames * channels * sampleFormat.size, alignment: 16)
    }

    deinit {
        close()
        unsafe frames.deallocate()
        unsafe descriptors.deallocate()
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        unsafe _ = snd_pcm_drop(device)
        unsafe _ = snd_pcm_close(device)
    }

    /// Closes the device on a thread of its own: a sound server that hangs never lets go.
    func abandon() {
        guard !isClosed, !isAbandoned else { return }
        do throws(DeviceError) {
            // The stream itself stays until its device is closed.
            _ = try AudioThread(name: "vc-close", isRealTime: false) { _ in self.close() }
            isAbandoned = true
        } catch {
            // No thread is to be had: then it is waited for.
            close()
        }
    }

    /// Stops until `start`.
    func stop() {
        unsafe _ = snd_pcm_drop(device)
        needsPreparation = true
        isStarted = false
    }

    /// Makes the device ready; a capture device runs from here on.
    func prepare() throws(DeviceError) {
        let state = unsafe snd_pcm_state(device)
        if state != SND_PCM_STATE_PREPARED {
            try check(unsafe snd_pcm_prepare(device))
        }
        needsPreparation = false
        isStarted = false
        wasInterrupted = true
        room = bufferFrames
        lastProgress = Pace.now()
        if direction == .capture { try start() }
    }

    /// Starts a device that is prepared, and filled if it plays.
    func start() throws(DeviceError) {
        isStarted = true
        startTime = Pace.now()
        guard unsafe snd_pcm_state(device) == SND_PCM_STATE_PREPARED else { return }
        try check(unsafe snd_pcm_start(device))
    }

    /// Waits until `count` frames can be moved; how many can. 0 when a playback device has to be
    /// filled again first.
    func wait(for count: Int) throws(DeviceError) -> Int {
        var isWoken = false
        while true {
            try mendState()
            if needsPreparation { return 0 }
            let available = unsafe snd_pcm_avail_update(device)
            noteRoom(available)
            if available >= count { return Int(available) }
            if available < 0 {
                try mend(Int32(clamping: available))
                continue
            }
            guard Pace.now() - lastProgress < Self.watchdog else {
                throw .stalled(device: "alsa:\(name)")
            }
            if isWoken {
                // Some plugins wake for less than was asked for; that must not become a busy loop.
                usleep(1_000)
                isWoken = false
            } else {
                isWoken = pollDevice()
            }
        }
    }

    /// Waits for the device to stir; whether it did. Not snd_pcm_wait: that starts its time anew
    /// whenever a descriptor is ready for nothing, so a device can keep it for ever.
    private func pollDevice() -> Bool {
        let wanted = unsafe snd_pcm_poll_descriptors_count(device)
        guard wanted > 0, wanted <= Self.descriptorLimit else {
            usleep(1_000)
            return true
        }
        let count = unsafe snd_pcm_poll_descriptors(device, descriptors, UInt32(wanted))
        guard count > 0 else {
            usleep(1_000)
            return true
        }
        let ready = unsafe poll(descriptors, nfds_t(count), Self.waitMilliseconds)
        var events: UInt16 = 0
        // Plugins clear their descriptors in here.
        unsafe _ = snd_pcm_poll_descriptors_revents(device, descriptors, UInt32(count), &events)
        return ready > 0
    }

    /// Looks for the faults that a device shows by its state alone.
    private func mendState() throws(DeviceError) {
        switch unsafe snd_pcm_state(device) {
        case SND_PCM_STATE_XRUN: try mend(-EPIPE)
        case SND_PCM_STATE_SUSPENDED: try mend(-ESTRPIPE)
        case SND_PCM_STATE_DISCONNECTED: try mend(-ENODEV)
        case _: return
        }
    }

    /// Reads up to `count` frames, mixed down, to `target` from `offset` on; how many.
    func read(
        _ count: Int, into target: borrowing SampleBuffer, at offset: Int
    ) throws(DeviceError) -> Int {
        let wanted = min(count, bufferFrames)
        let result = unsafe snd_pcm_readi(device, frames, snd_pcm_uframes_t(wanted))
        guard result >= 0 else {
            if result != -Int(EAGAIN) { try mend(Int32(clamping: result)) }
            return 0
        }
        unsafe sampleFormat.read(
            frames, count: result, channels: channels, into: target, at: offset)
        if result > 0 { noteProgress() }
        return result
    }

    /// Writes up to `count` samples of `source` from `offset` on, to all channels; how many.
    func write(
        _ source: borrowing SampleBuffer, at offset: Int, count: Int
    ) throws(DeviceError) -> Int {
        let wanted = min(count, bufferFrames)
        unsafe sampleFormat.write(
            source, at: offset, count: wanted, channels: channels, into: frames)
        let result = unsafe snd_pcm_writei(device, frames, snd_pcm_uframes_t(wanted))
        guard result >= 0 else {
            if result != -Int(EAGAIN) { try mend(Int32(clamping: result)) }
            return 0
        }
        // Not progress yet: what is written fills a device that stands still, too.
        room -= result
        return result
    }

    /// Frames between the program and the loudspeaker or microphone.
    var delayFrames: Int {
        var delay: snd_pcm_sframes_t = 0
        guard unsafe snd_pcm_delay(device, &delay) >= 0 else { return 0 }
        // PulseAudio's plugin is known to tell nonsense: nothing lies behind four buffers.
        return max(0, min(Int(delay), 4 * bufferFrames))
    }

    /// Frames that can be moved now.
    var availableFrames: Int { max(0, Int(unsafe snd_pcm_avail_update(device))) }

    /// ALSA's word for an error.
    static func reason(_ code: Int32) -> String {
        switch -code {
        case ENOENT, ENODEV, ENXIO: "no such device"
        case EBUSY: "another program holds it"
        case ECONNREFUSED, EHOSTDOWN: "the sound server does not answer"
        case _: unsafe String(cString: snd_strerror(code))
        }
    }

    /// Looks whether a loudspeaker has taken something out of its buffer.
    private func noteRoom(_ available: Int) {
        guard direction == .playback, available >= 0 else { return }
        if isStarted, available > room { noteProgress() }
        room = available
    }

    /// A frame went through the device while it ran.
    private func noteProgress() {
        hasMoved = true
        faults = 0
        lastProgress = Pace.now()
    }

    /// Brings the device back after `error`, or throws that it is gone.
    private func mend(_ error: Int32) throws(DeviceError) {
        faults += 1
        wasInterrupted = true
        guard faults <= Self.faultLimit else { throw .stalled(device: "alsa:\(name)") }
        switch -error {
        case EPIPE: noteXrun()
        case ESTRPIPE: resume()
        case EINTR, EAGAIN: return
        case _: throw .lost(device: "alsa:\(name)", code: -error)
        }
        guard unsafe snd_pcm_state(device) != SND_PCM_STATE_DISCONNECTED else {
            throw .lost(device: "alsa:\(name)", code: ENODEV)
        }
        try check(unsafe snd_pcm_prepare(device))
        isStarted = false
        needsPreparation = direction == .playback
        if direction == .capture { try start() }
        // A program that was stopped for long finds a fault, and not a device that hangs: it has
        // its time from here on. An endless row of faults is counted.
        lastProgress = Pace.now()
    }

    private func noteXrun() {
        xruns += 1
        let length = UInt64(bufferFrames) * 1_000_000_000 / UInt64(rate)
        hasRunDry = isStarted && Pace.now() - startTime >= length
    }

    /// Waits for a suspended device; where it cannot resume, preparing it anew is enough.
    private func resume() {
        var steps = 0
        while steps < Self.resumeSteps, unsafe snd_pcm_resume(device) == -EAGAIN {
            usleep(10_000)
            steps += 1
        }
    }

    private func check(_ result: Int32) throws(DeviceError) {
        if result < 0 { throw .lost(device: "alsa:\(name)", code: -result) }
    }
}
