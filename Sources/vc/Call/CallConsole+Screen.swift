internal import Glibc
internal import VCAudio
internal import VCCore
internal import VCNet

// MARK: - The microphone

extension CallConsole {
    mutating func changeMicrophone(_ body: (inout MicrophoneControl) -> Void) {
        let before = microphone
        body(&microphone)
        guard microphone != before else { return }
        // A held key opens it whatever is heard: the gate would cut off how a word begins.
        engine.setGate(microphone.mode == .voice && !options.isSteady ? .voice : .open)
        engine.setMuted(!microphone.isOpen)
        if microphone.isToldMuted != before.isToldMuted {
            link.submit(.muted(microphone.isToldMuted))
            tellMuted()
        }
        if microphone.mode != before.mode { say(["microphone: \(microphone.mode.sentence)"]) }
        output.screen?.change {
            $0.microphone = microphone
            $0.explainTalkKey()
        }
        updateSettings()
    }

    /// Says whether others hear us, once we have a number among them.
    mutating func tellMuted() {
        guard room.isIn, microphone.isToldMuted != hasToldMuted else { return }
        hasToldMuted = microphone.isToldMuted
        show(.muted(member: room.ownNumber, isOn: hasToldMuted))
    }

    /// What another program of this user asks.
    mutating func serveControl() {
        control?.serve { answer($0) }
    }

    private mutating func answer(_ message: ControlMessage) -> ControlAnswer {
        switch message.request {
        case .talk(let action):
            changeMicrophone { $0.hold(action, asked: message.asked) }
            return ControlAnswer("microphone \(microphone.isOpen ? "open" : "closed")")
        case .mute(let on):
            changeMicrophone { $0.setMuted(on) }
            return ControlAnswer()
        case .who: return ControlAnswer(room.whoLines().joined(separator: "\n"))
        case .send(let text):
            let text = DisplayText(message: text)
            guard !text.isEmpty, !text.wasCut else {
                return ControlAnswer(
                    isDone: false, "a message has 1 to 4,000 bytes that can be seen")
            }
            guard !room.isAlone else {
                return ControlAnswer(isDone: false, "nobody else is in the room")
            }
            link.submit(.chat(text))
            return ControlAnswer()
        }
    }
}

// MARK: - The screen

extension CallConsole {
    mutating func updateScreen(now: Instant) {
        guard let screen = output.screen else { return }
        screen.flushKeys(now: now) { obey($0) }
        screen.update(now: now) { room.level(of: $0.number, isOwn: $0.isOwn) }
    }

    /// Signals of the terminal; whether it was one.
    mutating func handleTerminal(_ signal: CInt) -> Bool {
        switch signal {
        case SIGWINCH: output.screen?.resize()
        case SIGTSTP:
            if let screen = output.screen { screen.suspend() } else { JobControl.stop() }
        case SIGCONT: output.screen?.redraw()
        case SIGCHLD: tell(hook?.serve())
        default: return false
        }
        return true
    }

    mutating func obey(_ action: ScreenAction) {
        switch action {
        case .line(let text): obey(InputLine(text: text))
        case .mute: obey(SlashCommand.mute)
        case .leave: leave()
        case .interrupt: kill(getpid(), SIGINT)
        case .suspend: kill(0, SIGTSTP)
        case .redraw: output.screen?.redraw()
        case .talk(let phase):
            let tellsRelease = output.screen?.state.tellsRelease ?? false
            let now = MonotonicClock.now
            changeMicrophone { $0.key(phase, tellsRelease: tellsRelease, now: now) }
        case .invite: if output.screen?.state.roomCode != nil { link.submit(.showCode) }
        case .settings: openSettings()
        case .change(let command): obey(command)
        }
    }

    // MARK: Settings

    mutating func showSettings() {
        guard let screen = output.screen else {
            return say(
                settings.lines.map { line in
                    "\(line.title): \(line.value)" + (line.how.map { " (\($0))" } ?? "")
                })
        }
        screen.change { $0.panel = .settings(chosen: 0) }
        openSettings()
    }

    /// The settings are shown from here on.
    private mutating func openSettings() {
        // Asked for when they are needed: what is plugged in may change, and asking loads ALSA.
        devices = DeviceList.devices()
        updateSettings()
    }

    func updateSettings() {
        output.screen?.change { state in
            state.isDeafened = isDeafened
            guard case .settings = state.panel else { return }
            state.setSettings(settings.lines)
        }
    }

    private var settings: CallSettings {
        CallSettings(
            microphone: microphone, isDeafened: isDeafened, isAnnouncing: output.isAnnouncing,
            sound: sound, options: options, gains: room.gains, devices: devices,
            encoding: room.encodingText, serverName: serverName)
    }
}
