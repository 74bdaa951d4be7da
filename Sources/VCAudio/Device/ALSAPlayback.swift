internal import VCCore

/// A loudspeaker through ALSA. The delay is that of the buffer, so the buffer is as short as the
/// machine allows (`BufferLength`).
final class ALSAPlayback: PlaybackDevice {
    let isLoudspeaker = true
    /// A server takes its time to wake, and some cards click: ten seconds.
    let patience: UInt64 = 10_000_000_000
    /// What is softer than this, -50 dBFS, is no word that a gap would cut.
    private static let quietPeak: Float = 0.003
    private static let silence = SampleBuffer(count: Mixer.blockLimit)
    private let name: String
    private let buffers: DeviceBuffers
    private var stream: ALSAStream
    private var length: BufferLength
    private var converter: RateConverter
    private var earlierXruns = 0
    private var seenXruns = 0
    private var hasChanged = false
    private var isPaused = false
    /// Samples at 48 kHz since there was anything but quiet, while that is of interest.
    private var quietSamples = 0
    /// For the length of the buffer, which knows minutes; in nanoseconds.
    private let clock: () -> UInt64

    init(
        name: String, buffers: DeviceBuffers, clock: @escaping () -> UInt64 = Pace.now
    ) throws(DeviceError) {
        self.name = name
        self.buffers = buffers
        self.clock = clock
        length = BufferLength(at: clock(), fewest: buffers.fewestPlaybackSteps)
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

    var hasMoved: Bool { stream.hasMoved }

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

    func abandon() { stream.abandon() }

    func pause() throws(DeviceError) {
        if !isPaused {
            isPaused = true
            stream.stop()
            converter.queue.removeAll()
        }
        if length.shrinks(at: clock(), isQuiet: true) { try reopen() }
    }

    func wait() throws(DeviceError) -> Int {
        while true {
            isPaused = false
            try fitLength()
            if stream.needsPreparation { try fill() }
            if try stream.wait(for: converter.portion) >= converter.portion {
                return converter.wanted
            }
        }
    }

    func write(_ samples: borrowing SampleBuffer, count: Int) throws(DeviceError) {
        noteQuiet(samples, count: count)
        converter.convert(samples, count: count)
        let written = try stream.write(
            converter.queue.samples, at: converter.queue.head, count: converter.queue.count)
        converter.queue.drop(min(written, converter.queue.count))
        if !stream.isStarted, !stream.needsPreparation, written > 0 { try stream.start() }
    }

    /// Fills the buffer with silence up to the last period.
    private func fill() throws(DeviceError) {
        try stream.prepare()
        var missing = stream.bufferFrames - stream.periodFrames
        while missing > 0 {
            let count = try stream.write(
                Self.silence, at: 0, count: min(missing, Self.silence.count))
            guard count > 0 else { return }
            missing -= count
        }
    }

    // MARK: The length of the buffer

    private func noteQuiet(_ samples: borrowing SampleBuffer, count: Int) {
        guard length.isGrown else { return }
        let isQuiet = samples.peak(at: 0, count: count) < Self.quietPeak
        quietSamples = isQuiet ? quietSamples + count : 0
    }

    /// Whether all that waits in the buffer, and would be cut off, is quiet.
    private var isQuiet: Bool {
        let waiting = (stream.bufferFrames + stream.periodFrames) * Limits.sampleRate / stream.rate
        return quietSamples >= waiting
    }

    private func fitLength() throws(DeviceError) {
        if stream.xruns > seenXruns {
            let news = stream.xruns - seenXruns
            seenXruns = stream.xruns
            // A device that does not move would not with a longer buffer either.
            let isLate = stream.hasMoved || stream.hasRunDry
            if isLate, length.grows(xruns: news, at: clock()) { try reopen() }
        } else if length.shrinks(at: clock(), isQuiet: isQuiet) {
            try reopen()
        }
    }

    private func reopen() throws(DeviceError) {
        stream.close()
        let opened = try Self.open(name, buffers, steps: length.steps)
        // Where that fails they are still those of the stream that there is.
        earlierXruns += stream.xruns
        seenXruns = 0
        quietSamples = 0
        stream = opened
        converter = RateConverter(for: stream)
        hasChanged = true
    }
}

/// Brings 48 kHz to the rate of a device.
struct RateConverter: ~Copyable {
    private let resampler: Resampler?
    private let resampled: SampleBuffer
    /// Frames of the device that are written at once: a period, or where that is more than one
    /// block, an equal part of it. What were left over would wait for the next period.
    let portion: Int
    /// Samples at the rate of the device that wait for it.
    var queue = SampleQueue()

    init(for stream: ALSAStream) {
        let needsResampling = stream.rate != Limits.sampleRate
        resampler = needsResampling ? Resampler(from: Limits.sampleRate, to: stream.rate) : nil
        let most = max(1, Mixer.blockLimit * stream.rate / Limits.sampleRate)
        let parts = (stream.periodFrames + most - 1) / most
        portion = (stream.periodFrames + parts - 1) / parts
        resampled = SampleBuffer(
            count: needsResampling ? resampler?.outputLimit(for: Mixer.blockLimit) ?? 0 : 0)
    }

    /// How many samples at 48 kHz fill one portion.
    var wanted: Int {
        let missing = max(1, portion - queue.count)
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
