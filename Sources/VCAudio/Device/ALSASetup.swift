internal import CALSA
internal import Glibc
internal import VCCore

/// The negotiation with a device: what it grants of what suits us best.
struct ALSASetup {
    let sampleFormat: ALSASampleFormat
    let channels: Int
    let rate: Int
    let periodFrames: Int
    let bufferFrames: Int

    /// The rates that can be resampled with sense.
    private static let rates = 8_000...384_000
    private static let channelLimit = 32

    /// - Parameters:
    ///   - period: samples at 48 kHz.
    ///   - periods: of the buffer. A device that wants more of them gets shorter ones, because the
    ///     length of the buffer is what costs delay.
    init(
        device: OpaquePointer, name: String, period: Int, periods: Int
    ) throws(DeviceError) {
        var allocated: OpaquePointer?
        guard unsafe snd_pcm_hw_params_malloc(&allocated) >= 0,
            let parameters = unsafe allocated
        else { throw .unavailable(device: "alsa:\(name)", reason: "out of memory") }
        defer { unsafe snd_pcm_hw_params_free(parameters) }
        func require(_ result: Int32, _ what: String) throws(DeviceError) {
            guard result < 0 else { return }
            let reason = "\(what): \(ALSAStream.reason(result))"
            throw .unavailable(device: "alsa:\(name)", reason: reason)
        }
        try require(unsafe snd_pcm_hw_params_any(device, parameters), "no settings")
        try require(
            unsafe snd_pcm_hw_params_set_access(
                device, parameters, SND_PCM_ACCESS_RW_INTERLEAVED), "interleaved access")
        // Our resampler is better than alsa-lib's: ask for the rate that the hardware has.
        unsafe _ = snd_pcm_hw_params_set_rate_resample(device, parameters, 0)
        let format = ALSASampleFormat.allCases.first {
            unsafe snd_pcm_hw_params_set_format(device, parameters, $0.code) >= 0
        }
        guard let format else {
            throw .unavailable(device: "alsa:\(name)", reason: "no usable sample format")
        }
        sampleFormat = format
        var count: UInt32 = 1
        try require(
            unsafe snd_pcm_hw_params_set_channels_near(device, parameters, &count), "channels")
        channels = Int(count)
        var rate = UInt32(Limits.sampleRate)
        try require(
            unsafe snd_pcm_hw_params_set_rate_near(device, parameters, &rate, nil), "rate")
        self.rate = Int(rate)
        guard Self.rates.contains(self.rate), (1...Self.channelLimit).contains(channels) else {
            throw .unavailable(
                device: "alsa:\(name)", reason: "\(channels) channels at \(rate) Hz")
        }
        var fewest: UInt32 = 0
        unsafe _ = snd_pcm_hw_params_get_periods_min(parameters, &fewest, nil)
        let frames = Self.frames(
            period: period, periods: periods, fewest: Int(fewest), rate: self.rate)
        var period = snd_pcm_uframes_t(frames.period)
        try require(
            unsafe snd_pcm_hw_params_set_period_size_near(device, parameters, &period, nil),
            "period")
        var buffer = snd_pcm_uframes_t(frames.buffer)
        try require(
            unsafe snd_pcm_hw_params_set_buffer_size_near(device, parameters, &buffer), "buffer")
        try require(unsafe snd_pcm_hw_params(device, parameters), "settings")
        unsafe _ = snd_pcm_hw_params_get_period_size(parameters, &period, nil)
        unsafe _ = snd_pcm_hw_params_get_buffer_size(parameters, &buffer)
        periodFrames = max(1, Int(period))
        bufferFrames = max(periodFrames, Int(buffer))
        try require(
            unsafe Self.setThresholds(device: device, period: period), "software settings")
    }

    /// What is asked of a device with `rate` that takes no fewer than `fewest` periods.
    private static func frames(
        period: Int, periods: Int, fewest: Int, rate: Int
    ) -> (period: Int, buffer: Int) {
        let buffer = period * periods * rate / Limits.sampleRate
        guard fewest <= periods else {
            // PulseAudio (three). It counts in whole microseconds, and its own clocks go wrong with
            // periods that are none: so these are whole half milliseconds.
            let step = rate / 2_000
            let shorter = step * max(shortestSteps, buffer / fewest / step)
            return (shorter, shorter * fewest)
        }
        // A frame of ours is no whole number of frames there, and would wait for a second period.
        let asked = rate == Limits.sampleRate ? period : min(period, DeviceBuffers.usualPeriod)
        return (asked * rate / Limits.sampleRate, buffer)
    }

    /// Half milliseconds of the shortest period where a device wants many of them: to wake up more
    /// often costs more than it gains.
    private static let shortestSteps = 5

    /// Wakes at one period and starts only when told to.
    private static func setThresholds(
        device: OpaquePointer, period: snd_pcm_uframes_t
    ) -> Int32 {
        var allocated: OpaquePointer?
        guard unsafe snd_pcm_sw_params_malloc(&allocated) >= 0,
            let parameters = unsafe allocated
        else { return -ENOMEM }
        defer { unsafe snd_pcm_sw_params_free(parameters) }
        var result = unsafe snd_pcm_sw_params_current(device, parameters)
        if result < 0 { return result }
        var boundary: snd_pcm_uframes_t = 0
        unsafe _ = snd_pcm_sw_params_get_boundary(parameters, &boundary)
        unsafe _ = snd_pcm_sw_params_set_start_threshold(device, parameters, boundary)
        unsafe _ = snd_pcm_sw_params_set_avail_min(device, parameters, period)
        result = unsafe snd_pcm_sw_params(device, parameters)
        return result
    }
}
