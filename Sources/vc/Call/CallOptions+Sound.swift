internal import VCAudio
internal import VCCore

extension CallOptions {
    /// What is to be done to the sound of the microphone. Nothing in frames below 10 ms, which are
    /// asked for by those to whom each millisecond counts.
    var processing: ProcessingOptions {
        guard !isRaw, (frame ?? .ten).duration.sampleCount >= ProcessingOptions.frameSamples
        else { return .none }
        var processing = ProcessingOptions.all
        processing.highPass = cutsLow
        processing.echoCancellation = !isHeadset
        processing.noiseSuppression = suppressesNoise
        processing.gainControl = controlsGain
        processing.suppression = suppression
        processing.echoSuppression = echoSuppression
        processing.echoDelayMilliseconds = echoDelay ?? 0
        processing.gainTarget = gainTarget ?? processing.gainTarget
        processing.gainMaximum = gainMaximum ?? processing.gainMaximum
        // Also where the microphone is open or held open now: `/talk voice` may come.
        processing.voiceDetection = !isSteady
        return processing
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
            complexity: complexity ?? OpusEncoder.usualComplexity,
            expectedLoss: expectedLoss ?? 0)
    }

    /// Everything that the engine is made from, but for where its counts begin.
    var engine: AudioEngine.Configuration {
        let encoder = encoding.profile
        var configuration = AudioEngine.Configuration(
            capture: capture.device, playback: playback.device,
            gate: talk != .voice || isSteady ? .open : .voice,
            encoder: encoder)
        configuration.isMuted = isMuted || talk == .ptt
        configuration.isAlone = true
        configuration.isLeveling = isLeveling
        configuration.isLimiting = isLimiting
        configuration.buffers = DeviceBuffers(
            capture: captureBuffer, playback: playbackBuffer, frame: encoder.frame)
        configuration.processing = processing
        configuration.voiceGate = voiceGate
        configuration.jitter = jitter
        return configuration
    }
}

extension CallOptions {
    /// The earlier frames that go along in each packet, whatever is lost.
    var copies: LossControl.Copies? {
        switch redundancy {
        case nil, .auto: nil
        case .without: LossControl.Copies.none
        case .one: .previous
        case .two: .both
        }
    }

    /// How the paths to the others are kept open.
    var keepaliveSettings: KeepaliveSettings {
        KeepaliveSettings(milliseconds: keepalive, misses: keepaliveMisses)
    }
}
