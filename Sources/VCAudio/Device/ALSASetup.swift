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
    ///   - periods: of the buffer.
    init(
        device: OpaquePointer, name: String, direction: ALSAStream.Direction, period: Int,
        periods: Int
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
        let wish = Wish(
            direction: direction, period: period, periods: periods, fewest: Int(fewest),
            rate: self.rate)
        var period = snd_pcm_uframes_t(wish.period)
        try require(
            unsafe snd_pcm_hw_params_set_period_size_near(device, parameters, &period, nil),
            "period")
        // Of a device whose periods are longer we want as many.
        var buffer = max(
            snd_pcm_uframes_t(wish.buffer), period * snd_pcm_uframes_t(wish.periods))
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

/// What is asked of a device, in frames at its own rate.
private struct Wish {
    let period: Int
    let periods: Int
    let buffer: Int

    /// Half milliseconds of the shortest period where a loudspeaker has many of them: to wake up
    /// more often costs more than it gains.
    private static let shortestSteps = 5
    /// A device that takes no fewer than two periods is a usual one.
    private static let usualFewest = 2

    /// - Parameters:
    ///   - period: samples at 48 kHz.
    ///   - fewest: periods that the device takes.
    init(
        direction: ALSAStream.Direction, period: Int, periods: Int, fewest: Int, rate: Int
    ) {
        self.periods = max(periods, fewest)
        let wanted = period * periods * rate / Limits.sampleRate
        if direction == .playback, fewest > Self.usualFewest {
            // PulseAudio takes three. What costs delay is the length of the buffer: the periods are
            // shorter. Of whole half milliseconds, because PulseAudio counts in microseconds, and
            // clocks of its own go wrong with periods that are not whole ones.
            let step = rate / 2_000
            self.period = step * max(Self.shortestSteps, wanted / self.periods / step)
            buffer = self.period * self.periods
            return
        }
        // A resampler holds back some of what it was given: a frame of ours then ends within a
        // period, and would wait for the end of one that is as long.
        let asked = rate == Limits.sampleRate ? period : min(period, BufferLength.step)
        self.period = asked * rate / Limits.sampleRate
        buffer = wanted
    }
}
