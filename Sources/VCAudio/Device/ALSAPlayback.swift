internal import VCCore

/// A loudspeaker through ALSA. The delay is that of the buffer, so the buffer is as short as the
/// machine allows (`BufferLength`).
final class ALSAPlayback: PlaybackDevice {
    let isLoudspeaker = true
    /// A server takes its time to wake, and some cards click: ten seconds.
    let patience: UInt64 = 10_000_000_000
    private let name: String
    private let buffers: DeviceBuffers
    private var stream: ALSAStream
    private var length: BufferLength
    private var converter: RateConverter
    private var earlierXruns = 0
    private var seenXruns = 0
    private var hasChanged = false
    private var isPaused = false

    init(name: String, buffers: DeviceBuffers) throws(DeviceError) {
        self.name = name
        self.buffers = buffers
        length = BufferLength(at: Pace.now(), fewest: buffers.fewestPlaybackSteps)
        stream = try Self.open(name, buffers, steps: length.steps)
        converter = RateConverter(for: stream)
    }

    private static func open(
        _ name: String, _ buffers: DeviceBuffers, steps: Int
    ) throws(DeviceError) -> ALSAStream {
        try ALSAStream(
            name: name, direction: .playback, period: buffers.playbackPeriod,
            periods: buffers.playbackPeriods(steps: steps))
    }

    var xruns: Int { earlierXruns + stream.xruns }

    var delayMicroseconds: Int {
        let waiting = stream.delayFrames + converter.queue.count
        return waiting * 1_000_000 / stream.rate + converter.latencyMicroseconds
    }

    func takeChange() -> Bool {
        defer { hasChanged = false }
        return hasChanged
    }

    func takeInterruption() -> Bool {
        defer { stream.wasInterrupted = false }
        return stream.wasInterrupted
    }

    func close() { stream.close() }

    func pause() throws(DeviceError) {
        guard !isPaused else { return }
        isPaused = true
        stream.stop()
        converter.queue.removeAll()
        if length.shrinks(at: Pace.now()) { try reopen() }
    }

    func wait() throws(DeviceError) -> Int {
        while true {
            isPaused = false
            try lookAtXruns()
            if stream.needsPreparation { try fill() }
            let available = try stream.wait(for: stream.periodFrames)
            if available >= stream.periodFrames { return converter.wanted(for: stream) }
        }
    }

    func write(_ samples: borrowing SampleBuffer, count: Int) throws(DeviceError) {
        converter.convert(samples, count: count)
        let written = try stream.write(
            converter.queue.samples, at: converter.queue.head, count: converter.queue.count)
        converter.queue.drop(min(written, converter.queue.count))
        if !stream.isStarted, !stream.needsPreparation, written > 0 { try stream.start() }
    }

    /// Fills the buffer with silence up to the last period.
    private func fill() throws(DeviceError) {
        try stream.prepare()
        let silence = SampleBuffer(count: stream.periodFrames)
        var missing = stream.bufferFrames - stream.periodFrames
        while missing > 0 {
            let count = try stream.write(silence, at: 0, count: min(missing, silence.count))
            guard count > 0 else { return }
            missing -= count
        }
    }

    private func lookAtXruns() throws(DeviceError) {
        guard stream.xruns > seenXruns else { return }
        let news = stream.xruns - seenXruns
        seenXruns = stream.xruns
        if length.grows(xruns: news, at: Pace.now()) { try reopen() }
    }

    private func reopen() throws(DeviceError) {
        earlierXruns += stream.xruns
        seenXruns = 0
        stream.close()
        stream = try Self.open(name, buffers, steps: length.steps)
        converter = RateConverter(for: stream)
        hasChanged = true
    }
}

/// Brings 48 kHz to the rate of a device.
struct RateConverter: ~Copyable {
    private let resampler: Resampler?
    private let resampled: SampleBuffer
    /// Samples at the rate of the device that wait for it.
    var queue = SampleQueue()

    init(for stream: ALSAStream) {
        let needsResampling = stream.rate != Limits.sampleRate
        resampler = needsResampling ? Resampler(from: Limits.sampleRate, to: stream.rate) : nil
        resampled = SampleBuffer(
            count: needsResampling ? resampler?.outputLimit(for: Mixer.blockLimit) ?? 0 : 0)
    }

    /// How many samples at 48 kHz fill one period.
    func wanted(for stream: ALSAStream) -> Int {
        let missing = max(1, stream.periodFrames - queue.count)
        return max(1, min(Mixer.blockLimit, resampler?.inputCount(for: missing) ?? missing))
    }

    /// How long a sample stays in the resampler.
    var latencyMicroseconds: Int {
        (resampler?.latency() ?? 0) * 1_000_000 / Limits.sampleRate
    }

    mutating func convert(_ samples: borrowing SampleBuffer, count: Int) {
        if resampler == nil {
            queue.append(samples, at: 0, count: count)
        } else {
            let produced = resampler?.process(samples, count: count, into: resampled) ?? 0
            queue.append(resampled, at: 0, count: produced)
        }
    }
}
