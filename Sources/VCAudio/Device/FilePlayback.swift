internal import CSndFile
internal import VCCore

/// Records what would be heard, gaps included, at 48 kHz. The position in the file is the time
/// since the start. The header is kept valid each second, so that even a killed process leaves a
/// file that can be played.
@safe
final class FilePlayback: PlaybackDevice {
    /// Samples that are collected before they are written: 100 ms, ten system calls a second.
    private static let chunk = 4_800
    /// Chunks after which the header is rewritten.
    private static let headerInterval = 10
    /// A hole of more than this is filled with silence: 100 ms.
    private static let longestHole = 4_800

    let patience: UInt64 = 1_000_000_000
    let xruns = 0
    let delayMicroseconds = 0
    private let path: String
    private let library: SoundFileLibrary
    private var file: OpaquePointer?
    private let collected = SampleBuffer(count: FilePlayback.chunk)
    private var collectedCount = 0
    private var chunksSinceHeader = 0
    private var pace = Pace()

    init(path: String) throws(DeviceError) {
        guard let format = SoundFileFormat.format(of: path) else {
            throw .unknownEnding(path: path)
        }
        self.path = path
        library = try SoundFileLibrary()
        var info = SF_INFO()
        info.samplerate = Int32(Limits.sampleRate)
        info.channels = 1
        info.format = format
        guard let file = unsafe library.open(path, Int32(SFM_WRITE), &info) else {
            throw .unwritableFile(path: path, reason: library.lastError)
        }
        unsafe self.file = file
        // What is louder than full scale is clipped, not wrapped.
        unsafe _ = library.command(file, Int32(SFC_SET_CLIPPING), nil, Int32(SF_TRUE))
    }

    deinit { close() }

    func takeChange() -> Bool { false }

    func wait() throws(DeviceError) -> Int {
        _ = pace.sleep()
        if pace.samplesBehind > Self.longestHole { try fillHole() }
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
        guard let open = unsafe file else { return }
        do throws(DeviceError) {
            try fillHole()
            try flush()
        } catch {
            // The disk is full, and the call is over: what was written stays.
        }
        unsafe _ = library.close(open)
        unsafe file = nil
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
        guard let file = unsafe file, collectedCount > 0 else { return }
        let count = collectedCount
        collectedCount = 0
        guard unsafe library.write(file, collected.start, Int64(count)) == Int64(count) else {
            throw .unwritableFile(path: path, reason: "the disk is full or the file is gone")
        }
        chunksSinceHeader += 1
        if chunksSinceHeader >= Self.headerInterval {
            chunksSinceHeader = 0
            unsafe _ = library.command(file, Int32(SFC_UPDATE_HEADER_NOW), nil, 0)
        }
    }
}
