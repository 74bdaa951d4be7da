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
        processing.highPass = cutsLow
        processing.echoCancellation = !isHeadset
        processing.noiseSuppression = suppressesNoise
        processing.gainControl = controlsGain
        processing.suppression = suppression
        processing.voiceDetection = talk == .voice && !isSteady
        return processing
    }

    private var hasRoom: Bool {
        switch capture {
        case .alsa, .file: true
        case .tone, .silence: false
        }
    }

    /// What opens the microphone, and for how long.
    var voiceGate: VoiceGate {
        let hold = voiceHold.map { UInt64($0) * 1_000_000 }
        return VoiceGate(
            threshold: voiceThreshold.map { UInt8($0) },
            hangover: hold ?? VoiceGate.hangoverNanoseconds)
    }

    /// How the others' packets are waited for.
    var jitter: JitterSettings {
        let all = JitterSettings().delay
        func samples(_ milliseconds: Double) -> Int { Int(milliseconds * 48) }
        let shortest = shortestBuffer.map(samples) ?? all.lowerBound
        let longest = longestBuffer.map(samples) ?? all.upperBound
        return JitterSettings(
            delay: min(shortest, longest)...longest, makesComfortNoise: makesComfortNoise)
    }

    /// How our voice is encoded in rooms of every size.
    var encoding: EncoderChoice {
        EncoderChoice(
            frame: frame?.duration, bitrate: bitrate,
            complexity: complexity ?? OpusEncoder.usualComplexity)
    }
}
