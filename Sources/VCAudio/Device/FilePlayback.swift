/// Records what would be heard, gaps included, at 48 kHz. The position in the file is the time
/// since the start.
final class FilePlayback: PlaybackDevice {
    /// Samples that are collected before they are written: 100 ms, ten system calls a second.
    private static let chunk = 4_800
    /// A hole of more than this is filled with silence: 100 ms, in nanoseconds.
    private static let longestHole: UInt64 = 100_000_000

    let isLoudspeaker = false
    let patience: UInt64 = 1_000_000_000
    let xruns = 0
    let hasMoved = true
    private let file: SoundFileWriter
    private let collected = SampleBuffer(count: FilePlayback.chunk)
    private var collectedCount = 0
    private var isClosed = false
    /// Whether something could not be written: what would follow belongs to a later time.
    private var hasFailed = false
    private var pace = Pace()

    init(path: String) throws(DeviceError) {
        guard let format = SoundFileFormat.format(of: path) else {
            throw .unknownEnding(path: path)
        }
        file = try SoundFileWriter(path: path, format: format)
    }

    deinit { close() }

    var delayMicroseconds: Int { pace.microsecondsAhead }

    func takeChange() -> Bool { false }

    /// Holes are filled with silence, which nobody hears either.
    func takeInterruption() -> Bool { false }

    func wait() throws(DeviceError) -> Int {
        // Who had to wait is where the clock is.
        if pace.sleepOrLateness() > Self.longestHole { try fillHole() }
        return SilentPlayback.block
    }

    func write(_ samples: borrowing SampleBuffer, count: Int) throws(DeviceError) {
        pace.skip(count)
        var offset = 0
        while offset < count {
            let length = min(count - offset, Self.chunk - collectedCount)
            collected.copy(from: samples, at: offset, to: collectedCount, count: length)
            collectedCount += length
            offset += length
            if collectedCount == Self.chunk { try flush() }
        }
    }

    func pause() throws(DeviceError) {
        try fillHole()
    }

    /// Writes what is left and finishes the header.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        // Whoever closes it has another device, or has left: there is nobody to be told. On a full
        // disk, too, the header can be finished: what was written stays.
        if !hasFailed { try? finish() }
        try? file.close()
    }

    private func finish() throws(DeviceError) {
        try fillHole()
        try flush()
    }

    /// Silence for the time that has passed without samples.
    private func fillHole() throws(DeviceError) {
        var missing = pace.samplesBehind
        while missing > 0 {
            let length = min(missing, Self.chunk - collectedCount)
            collected.clear(at: collectedCount, count: length)
            collectedCount += length
            pace.skip(length)
            missing -= length
            if collectedCount == Self.chunk { try flush() }
        }
    }

    private func flush() throws(DeviceError) {
        let count = collectedCount
        collectedCount = 0
        do throws(DeviceError) {
            try file.write(collected, count: count)
        } catch {
            hasFailed = true
            throw error
        }
    }
}
