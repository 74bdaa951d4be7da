internal import CSndFile
internal import Glibc
internal import VCCore

/// A sound file under construction: 48 kHz, mono, through libsndfile. The header is kept valid each
/// second, so that even a killed process leaves a file that can be played.
@safe
final class SoundFileWriter {
    /// Samples after which the header is rewritten: a second.
    private static let headerInterval = 48_000
    /// What a WAV file can say of its length: 4 GiB of 16 bits, less a header.
    private static let longestWAV = 2_147_400_000

    private let path: String
    private let library: SoundFileLibrary
    private let limit: Int
    private var file: OpaquePointer?
    private var samplesSinceHeader = 0
    private var written = 0

    /// Opens `path` for writing; what stood there is gone.
    init(path: String, format: Int32) throws(DeviceError) {
        self.path = path
        library = try SoundFileLibrary()
        limit = format & Int32(SF_FORMAT_TYPEMASK) == Int32(SF_FORMAT_WAV) ? Self.longestWAV : .max
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

    deinit {
        if let open = unsafe file { unsafe _ = library.close(open) }
    }

    /// Makes a file at `path`, if there is none, that only this user can read.
    static func makePrivate(_ path: String) throws(DeviceError) {
        let descriptor = unsafe Glibc.open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw .unwritableFile(path: path, reason: errorText(errno))
        }
        Glibc.close(descriptor)
    }

    /// Appends the first `count` samples.
    func write(_ samples: borrowing SampleBuffer, count: Int) throws(DeviceError) {
        samples.check(0, count)
        guard let file = unsafe file, count > 0 else { return }
        guard written <= limit - count else {
            throw .unwritableFile(path: path, reason: "a WAV file holds no more than 12 hours")
        }
        guard unsafe library.write(file, samples.start, Int64(count)) == Int64(count) else {
            throw .unwritableFile(path: path, reason: unsafe library.error(of: file))
        }
        written += count
        samplesSinceHeader += count
        if samplesSinceHeader >= Self.headerInterval {
            samplesSinceHeader = 0
            unsafe _ = library.command(file, Int32(SFC_UPDATE_HEADER_NOW), nil, 0)
        }
    }

    /// Writes what is left and finishes the header.
    func close() throws(DeviceError) {
        guard let open = unsafe file else { return }
        unsafe file = nil
        let error = unsafe library.close(open)
        guard error == 0 else {
            throw .unwritableFile(path: path, reason: "it could not be finished")
        }
    }
}
