internal import CSndFile
internal import Glibc

/// libsndfile, loaded when the first file is opened: it and the nine libraries behind it take 1.2
/// MiB of resident memory, which a call through a sound card has no use for.
@safe
struct SoundFileLibrary: @unchecked Sendable {
    typealias Open =
        @convention(c) (
            UnsafePointer<CChar>, Int32, UnsafeMutablePointer<SF_INFO>
        ) -> OpaquePointer?
    typealias Close = @convention(c) (OpaquePointer) -> Int32
    typealias Transfer =
        @convention(c) (OpaquePointer, UnsafeMutablePointer<Float>, Int64) -> Int64
    typealias Command =
        @convention(c) (OpaquePointer?, Int32, UnsafeMutableRawPointer?, Int32) -> Int32
    typealias ErrorCode = @convention(c) (OpaquePointer?) -> Int32
    typealias ErrorText = @convention(c) (OpaquePointer?) -> UnsafePointer<CChar>?

    let open: Open
    let close: Close
    let read: Transfer
    let write: Transfer
    let command: Command
    /// Whether the last call for a file failed: not 0 then.
    let errorCode: ErrorCode
    private let errorText: ErrorText

    private static let name = "libsndfile.so.1"

    /// Fails with a sentence when the library is not installed.
    init() throws(DeviceError) {
        guard let library = unsafe dlopen(Self.name, RTLD_LAZY | RTLD_LOCAL) else {
            throw .unavailable(
                device: "sound files", reason: "\(Self.name) is not installed (libsndfile1)")
        }
        func find<Function>(_ symbol: String, as type: Function.Type) throws(DeviceError)
            -> Function
        {
            guard let address = unsafe dlsym(library, symbol) else {
                throw .unavailable(
                    device: "sound files", reason: "\(Self.name) has no \(symbol)")
            }
            return unsafe unsafeBitCast(address, to: type)
        }
        unsafe open = try find("sf_open", as: Open.self)
        unsafe close = try find("sf_close", as: Close.self)
        unsafe read = try find("sf_readf_float", as: Transfer.self)
        unsafe write = try find("sf_writef_float", as: Transfer.self)
        unsafe command = try find("sf_command", as: Command.self)
        unsafe errorCode = try find("sf_error", as: ErrorCode.self)
        unsafe errorText = try find("sf_strerror", as: ErrorText.self)
    }

    /// Why the last `open` failed.
    var lastError: String { unsafe error(of: nil) }

    /// Why the last call for `file` failed.
    func error(of file: OpaquePointer?) -> String {
        guard let text = unsafe errorText(file) else { return "unknown error" }
        var sentence = unsafe String(cString: text)
        if sentence.hasPrefix("System error : ") { sentence.removeFirst("System error : ".count) }
        while sentence.last == "." || sentence.last == "\n" { sentence.removeLast() }
        return sentence
    }
}

/// What is written under an ending.
enum SoundFileFormat {
    /// The endings that can be written.
    static let endings = [".wav", ".flac", ".ogg", ".opus", ".aiff", ".au", ".caf", ".w64"]

    /// The endings that can be recorded to.
    static let recordingEndings = [".opus", ".ogg", ".flac", ".wav"]

    /// What a recording under `path` is written as, or nil: Ogg/Opus, FLAC or WAV.
    static func recordingFormat(of path: String) -> Int32? {
        let name = path.lowercased()
        guard let ending = recordingEndings.first(where: name.hasSuffix) else { return nil }
        // Speech is what Opus is for; Vorbis is not asked for here.
        return ending == ".ogg" ? Int32(SF_FORMAT_OGG | SF_FORMAT_OPUS) : format(of: path)
    }

    /// The format for the ending of `path`, or nil.
    static func format(of path: String) -> Int32? {
        let name = path.lowercased()
        guard let ending = endings.first(where: name.hasSuffix) else { return nil }
        switch ending {
        case ".wav": return Int32(SF_FORMAT_WAV | SF_FORMAT_PCM_16)
        case ".flac": return Int32(SF_FORMAT_FLAC | SF_FORMAT_PCM_16)
        case ".ogg": return Int32(SF_FORMAT_OGG | SF_FORMAT_VORBIS)
        case ".opus": return Int32(SF_FORMAT_OGG | SF_FORMAT_OPUS)
        case ".aiff": return Int32(SF_FORMAT_AIFF | SF_FORMAT_PCM_16)
        case ".au": return Int32(SF_FORMAT_AU | SF_FORMAT_PCM_16)
        case ".caf": return Int32(SF_FORMAT_CAF | SF_FORMAT_PCM_16)
        case ".w64": return Int32(SF_FORMAT_W64 | SF_FORMAT_PCM_16)
        default: return nil
        }
    }
}
