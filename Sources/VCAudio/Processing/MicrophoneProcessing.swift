internal import CVCProcessing

/// WebRTC's audio processing (libwebrtc-audio-processing) for one microphone, loaded when the first
/// one is made: a call without it has no use for the 2 MiB that it takes.
///
/// Made on the control thread; the rest belongs to the capture thread. The library takes its locks,
/// which nobody else ever holds, and allocates in its first frames.
@safe
public struct MicrophoneProcessing: ~Copyable {
    private let state: OpaquePointer
    public let options: ProcessingOptions
    /// How many samples later sound comes out than it goes in.
    public let delay: Int
    /// How many samples before its echo the library wants to know what is played.
    public let neededLead: Int

    public init(_ options: ProcessingOptions) throws(ProcessingError) {
        var error = VC_PROCESSING_OK
        var levels = options.levels
        let made = unsafe vc_processing_create(options.parts, &levels, &error)
        guard let state = unsafe made else { throw ProcessingError(error) }
        unsafe self.state = state
        self.options = options
        delay = Int(vc_processing_delay(options.parts))
        neededLead = Int(vc_processing_echo_lead())
        warmUp()
    }

    deinit {
        unsafe vc_processing_destroy(state)
    }

    /// Hears the `ProcessingOptions.frameSamples` samples from `offset` on, which the loudspeaker
    /// plays.
    public func hearLoudspeaker(_ samples: borrowing SampleBuffer, at offset: Int) {
        samples.check(offset, ProcessingOptions.frameSamples)
        unsafe _ = vc_processing_render(state, samples.start + offset)
    }

    /// Changes the `ProcessingOptions.frameSamples` samples from `offset` on. Whether there is
    /// voice in them; nil where that is not looked for.
    ///
    /// - Parameter echoDelayMilliseconds: how long after it was given to `hearLoudspeaker` a sound
    ///   is in the microphone, about.
    public func process(
        _ samples: borrowing SampleBuffer, at offset: Int, echoDelayMilliseconds: Int
    ) -> Bool? {
        samples.check(offset, ProcessingOptions.frameSamples)
        var hasVoice: Int32 = 1
        let error = unsafe vc_processing_capture(
            state, samples.start + offset, Int32(clamping: echoDelayMilliseconds), &hasVoice)
        guard error == 0, options.voiceDetection else { return nil }
        return hasVoice != 0
    }

    /// Has the library take in its first frames what memory it needs.
    private func warmUp() {
        let silence = SampleBuffer(count: ProcessingOptions.frameSamples)
        for _ in 0..<Self.warmUpFrames {
            if options.echoCancellation { hearLoudspeaker(silence, at: 0) }
            _ = process(silence, at: 0, echoDelayMilliseconds: 0)
        }
    }

    private static let warmUpFrames = 10
}

/// Why the sound of the microphone is not processed, with a sentence for people.
public enum ProcessingError: Error, Equatable, CustomStringConvertible {
    /// The library's headers were missing where this program was built.
    case notBuilt
    case notInstalled(library: String)
    /// The library is there, and is not what it should be.
    case refused(library: String)

    init(_ error: vc_processing_error) {
        let library = MicrophoneProcessing.libraryName ?? ""
        switch error {
        case VC_PROCESSING_NOT_INSTALLED: self = .notInstalled(library: library)
        case VC_PROCESSING_REFUSED: self = .refused(library: library)
        default: self = .notBuilt
        }
    }

    public var description: String {
        switch self {
        case .notBuilt: "this program was built without libwebrtc-audio-processing"
        case .notInstalled(let library): "\(library) is not installed"
        case .refused(let library): "\(library) does not work with this program"
        }
    }
}

extension MicrophoneProcessing {
    /// The file of the library that this program loads; nil when it was built for none.
    public static var libraryName: String? {
        guard let name = unsafe vc_processing_library() else { return nil }
        return unsafe String(cString: name)
    }
}

extension ProcessingOptions {
    /// What can be chosen, and not every version of the library acts on.
    public enum Level: Sendable, Equatable {
        case echoSuppression
        case gain
    }

    /// What is asked for beyond the usual, in vain: the library that this program loads does not
    /// act on it.
    public var ignored: [Level] {
        let usual = ProcessingOptions.all
        let ignored = vc_processing_ignored_levels()
        var levels: [Level] = []
        if echoCancellation, echoSuppression != usual.echoSuppression,
            ignored & VC_PROCESSING_ECHO_CANCELLATION.rawValue != 0
        {
            levels.append(.echoSuppression)
        }
        if gainControl, choosesGain,
            ignored & VC_PROCESSING_GAIN_CONTROL.rawValue != 0
        {
            levels.append(.gain)
        }
        return levels
    }

    private var choosesGain: Bool {
        let usual = ProcessingOptions.all
        return gainTarget != usual.gainTarget || gainMaximum != usual.gainMaximum
    }

    fileprivate var levels: vc_processing_levels {
        vc_processing_levels(
            noise: Int32(suppression.rawValue), echo: Int32(echoSuppression.rawValue),
            gain_target: Int32(clamping: gainTarget), gain_maximum: Int32(clamping: gainMaximum),
            gain_is_chosen: choosesGain ? 1 : 0)
    }

    fileprivate var parts: UInt32 {
        var parts: UInt32 = 0
        if highPass { parts |= VC_PROCESSING_HIGH_PASS.rawValue }
        if echoCancellation { parts |= VC_PROCESSING_ECHO_CANCELLATION.rawValue }
        if noiseSuppression { parts |= VC_PROCESSING_NOISE_SUPPRESSION.rawValue }
        if gainControl { parts |= VC_PROCESSING_GAIN_CONTROL.rawValue }
        if voiceDetection { parts |= VC_PROCESSING_VOICE_DETECTION.rawValue }
        return parts
    }
}
