internal import VCAudio

extension CallOptions {
    /// What is to be done to the sound of the microphone. Nothing in frames below 10 ms, which are
    /// asked for by those to whom each millisecond counts, and nothing to what is no sound of a
    /// room: noise suppression takes a tone for noise.
    var processing: ProcessingOptions {
        guard !isRaw, hasRoom,
            (frame ?? .ten).duration.sampleCount >= ProcessingOptions.frameSamples
        else { return .none }
        var processing = ProcessingOptions.all
        processing.echoCancellation = !isHeadset
        processing.noiseSuppression = suppressesNoise
        processing.gainControl = controlsGain
        processing.voiceDetection = talk == .voice && !isSteady
        return processing
    }

    private var hasRoom: Bool {
        switch capture {
        case .alsa, .file: true
        case .tone, .silence: false
        }
    }
}
