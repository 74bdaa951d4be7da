internal import VCAudio

extension Option {
    /// What becomes of our voice before it is encoded.
    static let microphoneTable: [Option] = [
        setting(
            "capture", .device("DEV"), .microphone, calls + [.doctor], \.call.capture,
            standard: "alsa:default", expected: "alsa:NAME, file:PATH, tone[:HZ] or silence",
            "where to record: alsa:NAME, file:PATH, tone[:HZ] or silence; default alsa:default"
        ) { DeviceChoice($0) },
        toggle(
            "muted", .microphone, calls, \.call.isMuted, "start with the microphone closed"),
        setting(
            "talk", .words(TalkMode.allCases.map(\.rawValue)), .microphone, calls, \.call.talk,
            standard: TalkMode.voice.rawValue, expected: "open, voice or ptt",
            "microphone always open, opened by voice (default), or held open by a key: that of "
                + "--talk-key, or `vc ptt` on a key of the desktop"
        ) { TalkMode(rawValue: $0) },
        setting(
            "talk-key", .words(TalkKey.all.map { $0.spelling }), .microphone, calls,
            \.call.talkKey, standard: TalkKey.usual.spelling,
            expected: "F4 to F12 or Insert",
            "the key of the window that is held to talk: F4 (default) to F12, or Insert"
        ) { TalkKey($0) },
        toggle(
            "raw", .microphone, calls, \.call.isRaw,
            "leave the sound of the microphone as it is: no echo cancellation, noise suppression "
                + "or gain control"),
        toggle(
            "headset", .microphone, calls, \.call.isHeadset,
            "no echo cancellation, because nobody hears your loudspeakers: 7 ms less delay"),
        toggle(
            "no-noise-suppression", .microphone, calls, \.call.suppressesNoise, sets: false,
            "leave fans and other steady noise in: 6 ms less delay"),
        setting(
            "noise-suppression", .words(suppressions.map(\.word)), .microphone, calls,
            \.call.suppression, standard: "moderate",
            expected: "low, moderate, high or very-high",
            "how much of the noise is taken out; the more, the more of your voice goes with it"
        ) { text in suppressions.first { $0.word == text }?.level },
        toggle(
            "no-gain-control", .microphone, calls, \.call.controlsGain, sets: false,
            "leave your voice as loud or soft as it is"),
        setting(
            "echo-suppression", .words(echoSuppressions.map(\.word)), .microphone, calls,
            \.call.echoSuppression, standard: "low", expected: "low, moderate or high",
            "how much of what is left of an echo is taken out; the more, the more of your words "
                + "go with it while others talk"
        ) { text in echoSuppressions.first { $0.word == text }?.level },
        value(
            "echo-delay", .text("MS"), .microphone, calls, \.call.echoDelay, standard: "0",
            expected: "a number from 0 to 300",
            "by how much your loudspeakers sound later than the sound card says, 0 (default) to "
                + "300 ms: with a radio link or a television between, their echo is found only so"
        ) { decimalInteger($0, in: ProcessingOptions.echoDelays) },
        value(
            "gain-target", .text("DB"), .microphone, calls, \.call.gainTarget, standard: "-3",
            expected: "a number from -31 to 0",
            "how loud gain control makes your voice, -31 to 0 dB of full scale; default -3; "
                + gainLibrary
        ) { readNegative($0, in: ProcessingOptions.gainTargets) },
        value(
            "gain-maximum", .text("DB"), .microphone, calls, \.call.gainMaximum, standard: "9",
            expected: "a number from 0 to 90",
            "by how much it makes your voice louder at most, 0 to 90 dB; default 9; "
                + gainLibrary
        ) { decimalInteger($0, in: ProcessingOptions.gainMaxima) },
        toggle(
            "no-high-pass", .microphone, calls, \.call.cutsLow, sets: false,
            "leave in what lies below speech: hum, wind, a table that is knocked at"),
        value(
            "voice-threshold", .text("DB"), .microphone, calls, \.call.voiceThreshold,
            expected: "a number from -90 to -20",
            "how loud a sound opens the microphone with --talk voice, -90 to -20 dB; default: "
                + "it follows the noise, between -60 and -50"
        ) { readNegative($0, in: thresholds) },
        value(
            "voice-hold", .text("MS"), .microphone, calls, \.call.voiceHold, standard: "300",
            expected: "a number from 50 to 5000",
            "how long the microphone stays open after your last word, 50 to 5000 ms; default 300"
        ) { decimalInteger($0, in: holds) },
        value(
            "capture-buffer", .text("MS"), .microphone, calls, \.call.captureBuffer,
            standard: "40", expected: "a number from 20 to 200",
            "the buffer of the microphone, 20 to 200 ms; default 40: a longer one costs no delay "
                + "and outlasts a machine that is busy for so long"
        ) { decimalInteger($0, in: DeviceBuffers.captureRange) },
        value(
            "insert", .text("PLUGIN"), .microphone, calls, \.call.insert,
            expected: "ladspa:FILE:LABEL, perhaps with ,CONTROL=VALUE behind it",
            "send your voice through ladspa:FILE:LABEL[,CONTROL=VALUE...] before it is encoded; "
                + "FILE is a path, or a name in /usr/lib/ladspa or $LADSPA_PATH"
        ) { PluginChoice($0) },
    ]

    /// How the others sound.
    static let listeningTable: [Option] = [
        setting(
            "playback", .device("DEV"), .listening, calls + [.doctor], \.call.playback,
            standard: "alsa:default",
            expected: "alsa:NAME, file:PATH or silence; it cannot be a tone",
            "where to play: alsa:NAME, file:PATH or silence; default alsa:default"
        ) { text in
            guard let device = DeviceChoice(text) else { return nil }
            if case .tone = device { return nil }
            return device
        },
        setting(
            "equalizer", .text("LOW,MID,HIGH"), .listening, calls, \.call.equalizer,
            standard: "0,0,0", expected: "three numbers from -12 to 12, as in 3,0,-2",
            "change what you hear by so many dB in three bands, -12 to 12 each"
        ) { EqualizerChoice($0) },
        toggle(
            "no-leveling", .listening, calls, \.call.isLeveling, sets: false,
            "leave everybody as loud as they are; they are made equally loud otherwise"),
        value(
            "buffer-min", .text("MS"), .listening, calls, \.call.shortestBuffer,
            standard: "2.5", expected: bufferExpectation,
            "wait for packets of the others at least so long, 2.5 (default) to 200 ms: more delay, "
                + "fewer gaps on links that get worse all of a sudden", read: readBuffer),
        value(
            "buffer-max", .text("MS"), .listening, calls, \.call.longestBuffer,
            standard: "200", expected: "a number from 10 to 200",
            "and at most so long, 10 to 200 (default) ms: less delay, more gaps on bad links"
        ) { text in readBuffer(text).flatMap { $0 >= shortestLimit ? $0 : nil } },
        value(
            "playback-buffer", .text("MS"), .listening, calls, \.call.playbackBuffer,
            standard: "11", expected: "a number from 10 to 200",
            "the buffer of the loudspeakers, 10 to 200 ms; default 11, or 5 with --frame 2.5: all "
                + "of it is delay; where it runs dry again and again it gets longer by itself, "
                + "up to 43 ms"
        ) { decimalInteger($0, in: DeviceBuffers.playbackRange) },
        toggle(
            "no-limiter", .listening, calls, \.call.isLimiting, sets: false,
            "cut off what is too loud when several talk, in place of turning it down"),
        toggle(
            "no-comfort-noise", .listening, calls, \.call.makesComfortNoise, sets: false,
            "silence, in place of the noise of a talker's room, where the packets fail"),
        toggle(
            "no-tones", .listening, calls, \.call.hasTones, sets: false,
            "no tone when somebody comes or goes"),
    ]

    /// How our voice is encoded and sent.
    static let packetTable: [Option] = [
        toggle(
            "steady", .packets, calls, \.call.isSteady,
            "constant packets, so that nobody can see when you talk"),
        value(
            "bitrate", .text("N"), .packets, calls, \.call.bitrate,
            expected: "a number from 6000 to 128000",
            "bits per second of your voice, 6000 to 128000; default 48000, 64000 with --frame 2.5"
        ) { decimalInteger($0, in: bitrates) },
        value(
            "frame", .words(["2.5", "5", "10", "20"]), .packets, calls, \.call.frame,
            expected: "2.5, 5, 10 or 20", "milliseconds of a frame; default 10"
        ) { FrameLength(milliseconds: $0) },
        value(
            "complexity", .text("N"), .packets, calls, \.call.complexity, standard: "5",
            expected: "a number from 0 to 10",
            "effort of the encoder, 0 to 10: more sounds a little better and costs CPU; default 5"
        ) { decimalInteger($0, in: 0...10) },
        value(
            "redundancy", .words(Redundancy.allCases.map(\.rawValue)), .packets, calls,
            \.call.redundancy, standard: Redundancy.auto.rawValue, expected: "auto, 0, 1 or 2",
            "how many earlier frames go along in each packet, so that they are there when theirs "
                + "is lost; each costs as much as your voice; auto (default): as many as the "
                + "losses of who hears you call for"
        ) { Redundancy(rawValue: $0) },
        value(
            "expected-loss", .text("PERCENT"), .packets, calls, \.call.expectedLoss,
            standard: "0", expected: "a number from 0 to 100",
            "how many packets of a hundred the encoder reckons will be lost, 0 (default) to 100: "
                + "more sounds a little worse, and recovers faster after a loss"
        ) { decimalInteger($0, in: 0...100) },
    ]

    private static let suppressions: [(word: String, level: ProcessingOptions.Suppression)] = [
        ("low", .low), ("moderate", .moderate), ("high", .high), ("very-high", .veryHigh),
    ]

    private static let echoSuppressions:
        [(word: String, level: ProcessingOptions.EchoSuppression)] = [
            ("low", .low), ("moderate", .moderate), ("high", .high),
        ]

    /// How a level is typed.
    static func words(of level: ProcessingOptions.Suppression) -> String {
        suppressions.first { $0.level == level }?.word ?? ""
    }

    static func words(of level: ProcessingOptions.EchoSuppression) -> String {
        echoSuppressions.first { $0.level == level }?.word ?? ""
    }

    private static let gainLibrary = "needs libwebrtc-audio-processing 1"

    /// Below zero, or zero: `-12` gives 12.
    @Sendable private static func readNegative(_ text: String, in range: ClosedRange<Int>) -> Int? {
        if text == "0" { return decimalInteger(text, in: range) }
        guard text.hasPrefix("-") else { return nil }
        return decimalInteger(String(text.dropFirst()), in: range)
    }

    /// Levels in -dBov: the quietest room through a good microphone, and a voice beside it.
    private static let thresholds = 20...90
    /// Shorter cuts words in pieces, longer is an open microphone.
    private static let holds = 50...5_000
    /// What jitter buffers are made for.
    private static let buffers = 2.5...200
    private static let bufferExpectation = "a number from 2.5 to 200"
    /// Less than two blocks of a sound card, and every packet would come too late.
    private static let shortestLimit = 10.0

    @Sendable private static func readBuffer(_ text: String) -> Double? {
        decimalNumber(text).flatMap { buffers.contains($0) ? $0 : nil }
    }

    /// What Opus can do with one voice; above 128 kbit/s nothing is gained (RFC 6716, 2.1.1).
    private static let bitrates = 6_000...128_000
}
