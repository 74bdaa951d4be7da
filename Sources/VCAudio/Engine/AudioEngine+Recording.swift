// Recording. Control thread.
extension AudioEngine {
    /// Whether what is said and heard is being written to a file.
    public var isRecording: Bool { recorder != nil }

    /// Writes what is said and heard to `path` from now on: one track, 48 kHz, Ogg/Opus, FLAC or
    /// WAV by its ending. What stood there is gone. When it cannot be written any further,
    /// `pollEvent` tells, and the recording has ended. It is the caller's to tell the others. One
    /// that goes on ends before; where the new one cannot be written it goes on.
    public func startRecording(to path: String) throws(DeviceError) {
        try Self.checkRecording(to: path)
        _ = stopRecording()
        let shared = shared
        recorder = try Recorder(path: path, said: shared.said, heard: shared.heard) {
            shared.controlWake.signal()
        }
    }

    /// Throws why a recording cannot be written to `path`.
    public static func checkRecording(to path: String) throws(DeviceError) {
        try Recorder.check(path)
    }

    /// Ends the recording and finishes its file; what went wrong with it, if anything did.
    public func stopRecording() -> DeviceError? {
        guard let ending = recorder else { return nil }
        recorder = nil
        return ending.stop()
    }

    /// The end of a recording that failed by itself.
    func failedRecording() -> EngineEvent? {
        guard recorder?.isOver ?? false, let failure = stopRecording() else { return nil }
        return .recordingFailed(reason: "\(failure)")
    }
}
