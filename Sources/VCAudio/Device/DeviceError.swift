/// Why a device cannot be used, with a sentence for people.
public enum DeviceError: Error, Equatable {
    /// The file is not there, may not be read, or is no sound file. (Exit status 66.)
    case unreadableFile(path: String, reason: String)
    /// The file cannot be written.
    case unwritableFile(path: String, reason: String)
    /// Nothing is known to write under this ending.
    case unknownEnding(path: String)
    /// No recording can be written under this ending.
    case unknownRecordingEnding(path: String)
    /// A tone cannot be played to.
    case notAPlaybackDevice(String)
    /// There is no such device, it is taken, or it offers nothing usable. (Exit status 69.)
    case unavailable(device: String, reason: String)
    /// It worked and is gone; the code is an errno value.
    case lost(device: String, code: Int32)
    /// It gives no error and no sound.
    case stalled(device: String)

    /// Whether it is wrong to try the device again by itself: a file that is opened once more
    /// begins once more, which takes away what was recorded, or says again what was said.
    var isFinal: Bool {
        switch self {
        case .unreadableFile, .unwritableFile, .unknownEnding, .unknownRecordingEnding,
            .notAPlaybackDevice:
            true
        case .unavailable, .lost, .stalled: false
        }
    }

    /// Whether the exit status is 66 (a file cannot be read) and not 69.
    public var isUnreadableFile: Bool {
        switch self {
        case .unreadableFile: true
        case .unwritableFile, .unknownEnding, .unknownRecordingEnding, .notAPlaybackDevice,
            .unavailable, .lost, .stalled:
            false
        }
    }
}

extension DeviceError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unreadableFile(let path, let reason): "cannot read \(path): \(reason)"
        case .unwritableFile(let path, let reason): "cannot write \(path): \(reason)"
        case .unknownEnding(let path):
            "cannot write \(path): the ending must be one of "
                + SoundFileFormat.endings.joined(separator: ", ")
        case .unknownRecordingEnding(let path):
            "cannot record to \(path): the ending must be one of "
                + SoundFileFormat.recordingEndings.joined(separator: ", ")
        case .notAPlaybackDevice(let name):
            "\(name) can only stand in for a microphone; for playback use silence or file:PATH"
        case .unavailable(let device, let reason): "cannot open \(device): \(reason)"
        case .lost(let device, let code): "\(device) is gone: \(errorText(code))"
        case .stalled(let device): "\(device) stopped without an error"
        }
    }
}
