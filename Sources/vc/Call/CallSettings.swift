internal import VCAudio
internal import VCCore

/// How a call is set, line by line, and by which commands each is changed.
struct CallSettings {
    var microphone: MicrophoneControl
    var isDeafened = false
    var isAnnouncing = false
    var sound: SoundChoices
    let options: CallOptions
    /// The others, and by how much each is made louder.
    var gains: [(member: MemberName, decibels: Double)] = []
    /// What can be recorded from and played on.
    var devices: [DeviceDescription] = []
    /// How our voice is encoded now.
    var encoding = ""
    var serverName = ""

    /// What one key changes: bands of the equalizer, and how loud a member is, in dB.
    private static let bandStep = 1.0
    private static let gainStep = 2.0

    var lines: [ScreenSetting] {
        switches + [recording, device(.capture), device(.playback)] + bands + members + fixed
    }

    // MARK: Changed in the call

    private var switches: [ScreenSetting] {
        let talk = ScreenSetting(
            title: "talk", value: microphone.mode.sentence,
            less: .talk(microphone.mode.next(-1)), more: .talk(microphone.mode.next(1)))
        return [
            talk,
            toggle("microphone muted", microphone.isMuted, .mute),
            toggle("loudspeakers off", isDeafened, .deafen),
            toggle("say who talks", isAnnouncing, .announce(!isAnnouncing)),
            toggle("all equally loud", sound.isLeveling, .sound(.leveling(!sound.isLeveling))),
            toggle("loud sound held", sound.isLimiting, .sound(.limiter(!sound.isLimiting))),
            toggle("tone for who comes", sound.hasTones, .sound(.tones(!sound.hasTones))),
        ]
    }

    private func toggle(_ title: String, _ isOn: Bool, _ change: SlashCommand) -> ScreenSetting {
        ScreenSetting(title: title, value: Self.word(isOn), less: change, more: change)
    }

    private var recording: ScreenSetting {
        guard let path = sound.recording else {
            return ScreenSetting(title: "recording", value: "no", how: "/record FILE begins one")
        }
        let stop = SlashCommand.sound(.record(nil))
        return ScreenSetting(
            title: "recording", value: path, less: stop, more: stop,
            how: "Left and Right end it")
    }

    private func device(_ side: EngineEvent.Side) -> ScreenSetting {
        let current = side == .capture ? sound.capture : sound.playback
        let other = side == .capture ? DeviceDescription.Direction.playback : .capture
        let choices =
            devices.filter { $0.direction != other }.compactMap { DeviceChoice($0.name) }
            + [.silence]
        let command = side == .capture ? "/capture" : "/playback"
        var setting = ScreenSetting(
            title: side == .capture ? "microphone" : "loudspeakers", value: current.spelling,
            how: "Left and Right change, \(command) DEV takes any")
        guard choices != [current] else { return setting }
        let place = choices.firstIndex(of: current)
        func choice(_ step: Int) -> SlashCommand {
            // What is no device of the list stands in front of it.
            let next = place.map { $0 + step } ?? (step > 0 ? 0 : -1)
            let choice = choices[(next + choices.count) % choices.count]
            return .sound(side == .capture ? .capture(choice) : .playback(choice))
        }
        setting.less = choice(-1)
        setting.more = choice(1)
        return setting
    }

    private var bands: [ScreenSetting] {
        let now = sound.equalizer
        return [
            band("equalizer, low", now.low) {
                EqualizerChoice(low: $0, middle: now.middle, high: now.high)
            },
            band("equalizer, middle", now.middle) {
                EqualizerChoice(low: now.low, middle: $0, high: now.high)
            },
            band("equalizer, high", now.high) {
                EqualizerChoice(low: now.low, middle: now.middle, high: $0)
            },
        ]
    }

    private func band(
        _ title: String, _ value: Double, _ choice: (Double) -> EqualizerChoice
    ) -> ScreenSetting {
        slider(title, value, Self.bandStep, EqualizerChoice.range) {
            .sound(.equalizer(choice($0)))
        }
    }

    private var members: [ScreenSetting] {
        gains.map { member, decibels in
            let isOnly = gains.count { $0.member.name == member.name } == 1
            // Where two have one name, the number tells whom.
            let name = isOnly ? member.name : DisplayText(name: String(member.number))
            return slider(
                "volume of \(name.text)", decibels, Self.gainStep, SlashCommand.gains
            ) { .gain(name: name, decibels: $0) }
        }
    }

    private func slider(
        _ title: String, _ value: Double, _ step: Double, _ range: ClosedRange<Double>,
        _ command: (Double) -> SlashCommand
    ) -> ScreenSetting {
        let (below, above) = (
            max(range.lowerBound, value - step), min(range.upperBound, value + step)
        )
        let text = fixedDecimal(value, decimals: value == value.rounded() ? 0 : 1) ?? "?"
        return ScreenSetting(
            title: title, value: text + " dB", less: below < value ? command(below) : nil,
            more: above > value ? command(above) : nil)
    }

    // MARK: Set when vc starts

    private func fixed(_ title: String, _ value: String, _ options: String...) -> ScreenSetting {
        let names = options.map { "--" + $0 }.joined(separator: ", ")
        return ScreenSetting(title: title, value: value, how: "At start: \(names)")
    }

    private var fixed: [ScreenSetting] {
        var lines = microphoneLines + packetLines + listeningLines
        lines.append(
            fixed(
                "ways", waysText, "relay-only", "no-direct", "no-relay", "no-host-forward",
                "no-birthday"))
        lines.append(
            fixed("allowed networks", options.rungs.allowed == nil ? "all" : "some", "allow"))
        lines.append(
            fixed("local network", options.usesLocalNetwork ? "looked in" : "left alone", "no-lan"))
        let keepalive = options.keepaliveSettings
        lines.append(
            fixed(
                "keepalive",
                "\(Int(keepalive.interval.inMilliseconds)) ms, \(keepalive.misses) missing",
                "keepalive", "keepalive-misses"))
        lines.append(fixed("signaling server", serverName, "signal"))
        return lines
    }

    private var microphoneLines: [ScreenSetting] {
        let hasRoom = sound.capture.device.hasRoom
        let processing = sound.isProcessed && hasRoom ? options.processing : .none
        // Where it was asked for.
        let isMissing = !sound.isProcessed && hasRoom && options.processing != .none
        let no = isMissing ? "no: library missing" : "no"
        let gain =
            sound.ignored.contains(.gain)
            ? "as the library has it"
            : "to -\(processing.gainTarget) dB, by \(processing.gainMaximum) at most"
        let noise = Option.words(of: processing.suppression)
        let echo =
            sound.ignored.contains(.echoSuppression)
            ? "usual" : Option.words(of: processing.echoSuppression)
        let delay = processing.echoDelayMilliseconds
        return [
            fixed("high-pass", processing.highPass ? "yes" : no, "no-high-pass", "raw"),
            fixed(
                "echo cancellation",
                processing.echoCancellation ? "\(echo), \(delay) ms late" : no, "headset",
                "echo-suppression", "echo-delay"),
            fixed(
                "noise suppression", processing.noiseSuppression ? noise : no,
                "no-noise-suppression", "noise-suppression"),
            fixed(
                "gain control",
                processing.gainControl ? gain : no,
                "no-gain-control", "gain-target", "gain-maximum"),
            fixed(
                "voice threshold",
                options.voiceThreshold.map { "-\($0) dB" } ?? "follows the noise",
                "voice-threshold"),
            fixed(
                "voice hold",
                "\(options.voiceHold ?? Int(VoiceGate.hangoverNanoseconds / 1_000_000)) ms",
                "voice-hold"),
            fixed("plugin", options.insert == nil ? "no" : "yes", "insert"),
            fixed("talk key", options.talkKey.spelling, "talk-key"),
        ]
    }

    private var packetLines: [ScreenSetting] {
        [
            fixed("encoder", encoding, "frame", "bitrate", "complexity"),
            fixed("expected loss", "\(options.expectedLoss ?? 0) %", "expected-loss"),
            fixed("redundancy", (options.redundancy ?? .auto).rawValue, "redundancy"),
            fixed("constant packets", Self.word(options.isSteady), "steady"),
        ]
    }

    private var listeningLines: [ScreenSetting] {
        func milliseconds(_ samples: Int) -> String {
            fixedDecimal(Double(samples) / 48, decimals: samples % 48 == 0 ? 0 : 1) ?? "?"
        }
        let delay = options.jitter.delay
        let capture = options.captureBuffer.map { "\($0) ms" } ?? "usual"
        let playback = options.playbackBuffer.map { "\($0) ms" } ?? "shortest"
        return [
            fixed(
                "jitter buffer",
                "\(milliseconds(delay.lowerBound)) to \(milliseconds(delay.upperBound)) ms",
                "buffer-min", "buffer-max"),
            fixed("comfort noise", Self.word(options.makesComfortNoise), "no-comfort-noise"),
            fixed("microphone buffer", capture, "capture-buffer"),
            fixed("loudspeaker buffer", playback, "playback-buffer"),
        ]
    }

    private var waysText: String {
        let rungs = options.rungs
        var ways: [String] = []
        if rungs.allowsDirect { ways.append(rungs.allowed == nil ? "direct" : "direct (allowed)") }
        if rungs.allowsHost { ways.append("host") }
        if rungs.allowsRelay { ways.append("relay") }
        return ways.joined(separator: ", ")
    }

    private static func word(_ isOn: Bool) -> String { isOn ? "yes" : "no" }
}
