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

    init(device: OpaquePointer, name: String, periods: Int) throws(DeviceError) {
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
        var period = snd_pcm_uframes_t(ALSAStream.period * self.rate / Limits.sampleRate)
        try require(
            unsafe snd_pcm_hw_params_set_period_size_near(device, parameters, &period, nil),
            "period")
        var buffer = period * snd_pcm_uframes_t(periods)
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
