internal import VCCore

/// A microphone through ALSA.
final class ALSACapture: CaptureDevice {
    let isMicrophone = true
    private let stream: ALSAStream
    private let native: SampleBuffer
    private let resampler: Resampler?
    private let resampled: SampleBuffer
    private var queue = SampleQueue()
    /// Frames that are read at once: what fits behind a frame that is not yet full.
    private let readLimit: Int

    init(name: String, buffers: DeviceBuffers) throws(DeviceError) {
        stream = try ALSAStream(
            name: name, direction: .capture, period: buffers.capturePeriod,
            periods: buffers.capturePeriods)
        native = SampleBuffer(count: stream.bufferFrames)
        readLimit = SampleQueue.capacity / 2 * stream.rate / Limits.sampleRate
        let needsResampling = stream.rate != Limits.sampleRate
        resampler =
            needsResampling ? Resampler(from: stream.rate, to: Limits.sampleRate) : nil
        resampled = SampleBuffer(
            count: needsResampling ? resampler?.outputLimit(for: stream.bufferFrames) ?? 0 : 0)
    }

    var xruns: Int { stream.xruns }

    func close() { stream.close() }

    func abandon() { stream.abandon() }

    func pause() {
        stream.stop()
        queue.removeAll()
    }

    func read(
        _ count: Int, into samples: borrowing SampleBuffer
    ) throws(DeviceError) -> CaptureStamp {
        if stream.needsPreparation { try stream.prepare() }
        while queue.count < count {
            let missing = resampler?.inputCount(for: count - queue.count) ?? count - queue.count
            let available = try stream.wait(for: max(1, min(missing, stream.periodFrames)))
            guard available > 0 else { continue }
            // All there is, also what is of the next frame. PulseAudio's plugin keeps a piece of
            // shared memory that was read in part, and libpulse waits for it without end when the
            // server is gone: the plugin's lock would never be free again.
            let got = try stream.read(min(available, readLimit), into: native, at: 0)
            enqueue(got)
        }
        queue.take(count, into: samples)
        let isContinuous = !stream.wasInterrupted
        stream.wasInterrupted = false
        // PulseAudio's plugin tells ten times of what it is (90 ms where 10 were measured). What is
        // not in the buffer is at most the period that is being filled.
        let most = stream.availableFrames + stream.periodFrames
        let held = resampler?.latency() ?? 0
        let waiting = (min(stream.delayFrames, most) + held) * 1_000_000 / stream.rate
        return CaptureStamp(
            delayMicroseconds: waiting + queue.count * 1_000_000 / Limits.sampleRate,
            isContinuous: isContinuous)
    }

    private func enqueue(_ count: Int) {
        if resampler == nil {
            queue.append(native, at: 0, count: count)
        } else {
            let produced = resampler?.process(native, count: count, into: resampled) ?? 0
            queue.append(resampled, at: 0, count: produced)
        }
    }
}
