import VCAudio

extension MicrophoneProcessing {
    /// Whether the library is version 0.3, as in Debian 12.
    static let isOldLibrary = libraryName == "libwebrtc_audio_processing.so.1"

    /// How often the library may allocate in so many frames of 10 ms: 0.3 never does. The gain
    /// control of 1.3 does at each step of its gain (AgcManagerDirect), some five times a second.
    static func allocations(inFrames count: Int) -> UInt64 {
        isOldLibrary ? 0 : UInt64(count / 10)
    }
}
