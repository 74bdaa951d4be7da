internal import CSndFile
internal import VCCore

/// Plays a sound file once, at the pace of the clock, then is silent. While nobody listens it does
/// not go on, as a person would not.
@safe
final class FileCapture: CaptureDevice {
    /// Frames that are read at once at most.
    private static let chunk = 1_024
    /// More channels than any file that is meant as a microphone.
    private static let channelLimit = 16

    let isMicrophone = false
    let xruns = 0
    private let path: String
    private let library: SoundFileLibrary
    private var file: OpaquePointer?
    private let channels: Int
    private let interleaved: SampleBuffer
    private let mono = SampleBuffer(count: FileCapture.chunk)
    private let resampler: Resampler?
    private let resampled: SampleBuffer
    private var queue = SampleQueue()
    private var hasEnded = false
    private var pace = Pace()
    private var isPaused = true

    init(path: String) throws(DeviceError) {
        self.path = path
        library = try SoundFileLibrary()
        var info = SF_INFO()
        guard let file = unsafe library.open(path, Int32(SFM_READ), &info) else {
            throw .unreadableFile(path: path, reason: library.lastError)
        }
        let rate = Int(info.samplerate)
        channels = Int(info.channels)
        guard channels > 0, channels <= Self.channelLimit, (1_000...768_000).contains(rate) else {
            unsafe _ = library.close(file)
            throw .unreadableFile(
                path: path, reason: "\(channels) channels at \(rate) Hz are not usable")
        }
        let needsResampling = rate != Limits.sampleRate
        resampler = needsResampling ? Resampler(from: rate, to: Limits.sampleRate) : nil
        resampled = SampleBuffer(count: needsResampling ? SampleQueue.capacity / 2 : 0)
        interleaved = SampleBuffer(count: Self.chunk * channels)
        unsafe self.file = file
    }

    deinit { close() }

    func close() {
        guard let open = unsafe file else { return }
        unsafe _ = library.close(open)
        unsafe file = nil
    }

    func pause() { isPaused = true }

    func read(
        _ count: Int, into samples: borrowing SampleBuffer
    ) throws(DeviceError) -> CaptureStamp {
        var isContinuous = true
        if isPaused {
            isPaused = false
            isContinuous = false
            pace.restart()
        }
        // Decoding goes first, so that its time is hidden in the wait.
        while queue.count < count, !hasEnded { try readChunk(for: count - queue.count) }
        if queue.count < count { queue.appendSilence(count - queue.count) }
        pace.skip(count)
        if !pace.sleep() {
            isContinuous = false
            pace.restart()
        }
        queue.take(count, into: samples)
        return CaptureStamp(isContinuous: isContinuous)
    }

    private func readChunk(for missing: Int) throws(DeviceError) {
        guard let file = unsafe file else {
            hasEnded = true
            return
        }
        let wanted = min(Self.chunk, max(1, inputCount(for: missing)))
        let count = Int(unsafe library.read(file, interleaved.start, Int64(wanted)))
        if count > 0 {
            mixDown(count)
            enqueue(count)
        } else if unsafe library.errorCode(file) != 0 {
            throw .unreadableFile(path: path, reason: unsafe library.error(of: file))
        } else {
            hasEnded = true
            finishResampling()
        }
    }

    private func inputCount(for missing: Int) -> Int {
        // A whole chunk saves system calls; the result must fit the buffer behind the resampler.
        guard resampler != nil else { return Self.chunk }
        return min(resampler?.inputCount(for: missing) ?? missing, Self.chunk)
    }

    private func mixDown(_ count: Int) {
        let scale = 1 / Float(channels)
        for frame in 0..<count {
            var sum: Float = 0
            for channel in 0..<channels { sum += interleaved[frame * channels + channel] }
            mono[frame] = sum * scale
        }
    }

    private func enqueue(_ count: Int) {
        if resampler == nil {
            queue.append(mono, at: 0, count: count)
        } else {
            let produced = resampler?.process(mono, count: count, into: resampled) ?? 0
            queue.append(resampled, at: 0, count: produced)
        }
    }

    /// What the resampler still holds comes out when silence goes in.
    private func finishResampling() {
        guard resampler != nil else { return }
        let count = min(Self.chunk, resampler?.latency() ?? 0)
        mono.clear(at: 0, count: count)
        enqueue(count)
    }
}
