internal import CVCLinux
internal import Glibc
internal import VCAudio
internal import VCCore
internal import VCNet

/// The person's side of a running call: lines in, events out, and the threads in between. Runs on
/// the main thread; the network and the sound have their own.
struct CallConsole: ~Copyable {
    /// What is done again and again: reports at each tick, statistics at each second one.
    private static let tick = Duration.milliseconds(500)
    /// Who talks is told at most this often.
    static let lookInterval = Duration.milliseconds(50)

    let link: RoomLink
    private let router: RouterPort?
    let engine: AudioEngine
    private let signals: TerminationSignals
    let options: CallOptions
    var serverName: String
    /// Who can come in, where the signaling server is inside.
    var reach: HostReach?
    var hasToldReach = false
    /// Whether the room was looked for in the local network, and at which host of it we are.
    var hasSearched = false
    var foundServer: String?
    private let nameplate: UInt32?
    private var ownName: DisplayText
    private let start: Instant

    var output: EventOutput
    private var input = LineInput()
    let control = ControlSocket(.ofProcess)
    var room: CallRoom
    private var usage = ProcessUsage()
    private var memory = BeginningMemory()
    private var ticks = 0
    private var nextTick: Instant
    /// When the engine is listened to again.
    var nextLook: Instant
    /// When delays are noted again, while anybody talks.
    private var nextSample: Instant
    /// The program of `--exec`.
    var hook: EventHook?
    var microphone: MicrophoneControl
    var isDeafened = false
    var sound: SoundChoices
    /// As they were when the settings were last opened.
    var devices: [DeviceDescription] = []
    /// Whether the person was told that this recording goes on.
    var hasToldRecording = false
    private var isLeaving = false
    /// Whether we leave because nobody reads what we say.
    private var isUnread = false
    /// After that nothing more is told.
    private var hasToldEnd = false
    /// What was told last of our own microphone.
    var hasToldMuted = false
    private var status: ExitStatus?
    private var isClosed = false
    private var wasInterrupted = false

    init(
        _ call: RunningCall, signals: consuming TerminationSignals, options: CallOptions,
        start: Instant
    ) {
        link = call.link
        router = call.router
        engine = call.engine
        serverName = call.serverName
        reach = call.reach
        nameplate = call.nameplate
        ownName = call.ownName
        self.signals = signals
        self.options = options
        self.start = start
        microphone = MicrophoneControl(mode: options.talk, isMuted: options.isMuted)
        output = EventOutput(
            options.form, microphone: microphone, talkKey: options.talkKey, ownName: call.ownName,
            roomName: call.nameplate.map { "room \($0)" } ?? "", phrase: call.phrase)
        room = CallRoom(
            engine: engine, encoding: options.encoding)
        sound = SoundChoices(options)
        nextTick = MonotonicClock.now
        nextLook = nextTick
        nextSample = nextTick
        if let program = options.exec {
            hook = EventHook(program: program, isSilent: output.screen != nil)
        }
        if engine.isRecording { link.submit(.recording(true)) }
        hasToldMuted = microphone.isToldMuted
        updateSettings()
    }

    /// Serves the person until the call is over.
    mutating func run() -> ExitStatus {
        while !isClosed {
            wait()
            let now = MonotonicClock.now
            if link.eventReady.acknowledge() { drainEvents(now: now) }
            let isTick = now >= nextTick
            if isTick { tick(now: now) }
            if room.hasTalkers, isTick || now >= nextSample {
                nextSample = now + RecentValues.interval
                room.noteDelays(link.connections)
            }
            if let limit = options.duration, now >= start + limit { leave() }
            updateScreen(now: now)
        }
        drainEvents(now: MonotonicClock.now)
        output.end(at: seconds)
        hook?.finish()
        return wasInterrupted && status == .success ? .interrupted : status ?? .unavailable
    }

    private mutating func wait() {
        let now = MonotonicClock.now
        let looks = now >= nextLook
        var watched = [
            pollfd(fd: link.eventReady.descriptorNumber, events: Int16(POLLIN), revents: 0),
            pollfd(fd: signals.descriptorNumber, events: Int16(POLLIN), revents: 0),
            pollfd(fd: listens ? STDIN_FILENO : -1, events: Int16(POLLIN), revents: 0),
            pollfd(fd: looks ? engine.controlReady : -1, events: Int16(POLLIN), revents: 0),
            pollfd(fd: control?.descriptor ?? -1, events: Int16(POLLIN), revents: 0),
        ]
        var due = looks ? nextTick : min(nextTick, nextLook)
        if room.hasTalkers { due = min(due, nextSample) }
        if let screen = output.screen { due = min(due, screen.due) }
        if let limit = options.duration, !isLeaving { due = min(due, start + limit) }
        let milliseconds = max(0, min(1_000, (due - now).wholeNanoseconds / 1_000_000 + 1))
        let count = unsafe poll(&watched, nfds_t(watched.count), Int32(milliseconds))
        guard count > 0 else { return }
        if watched[1].revents != 0 { handleSignals() }
        if watched[2].revents != 0 { readInput() }
        if watched[3].revents != 0 { lookAtSound() }
        if watched[4].revents != 0 { serveControl() }
    }

    /// Whether somebody may still type something.
    private var listens: Bool {
        // What is typed for the shell is not for a call in the background.
        (output.screen?.isOpen ?? input.isOpen) && JobControl.isInFront
    }

    private mutating func readInput() {
        // It may be read by somebody else meanwhile: we may just have been stopped.
        guard vc_poll_readable(STDIN_FILENO, 0) == 1 else { return }
        if let screen = output.screen {
            screen.read(now: MonotonicClock.now) { obey($0) }
            // The terminal is gone, and with it who sat there.
            if !screen.isOpen { leave() }
            return
        }
        var lines: [InputLine] = []
        input.read { lines.append(InputLine($0)) }
        for line in lines { obey(line) }
    }

    private mutating func handleSignals() {
        while let signal = signals.next() {
            guard !handleTerminal(signal) else { continue }
            // A second one does not wait for the goodbye. A terminal that goes away sends more than
            // one, and nobody is there who would wait.
            if isLeaving, signal == SIGHUP { continue }
            if isUnread {
                // It ended the wait for somebody who reads, with which we leave.
                isUnread = false
                wasInterrupted = signal == SIGINT
                continue
            }
            if isLeaving { exit(ExitStatus.interrupted.rawValue) }
            wasInterrupted = signal == SIGINT
            leave()
        }
    }

    mutating func leave() {
        guard !isLeaving else { return }
        isLeaving = true
        link.submit(.leave)
    }

    /// Nobody reads what we say.
    private mutating func leaveUnread() {
        if !isLeaving { isUnread = true }
        leave()
    }

    private var seconds: Double {
        (MonotonicClock.now - start).inMilliseconds / 1_000
    }

    mutating func show(_ event: CallEvent) {
        guard !hasToldEnd else { return }
        if case .left = event { hasToldEnd = true }
        let now = seconds
        if !output.show(event, at: now) { leaveUnread() }
        if hook != nil { run(JSONLines().object(for: event, at: now)) }
    }

    /// Runs the program of `--exec` on an event.
    private mutating func run(_ event: JSONObject) { tell(hook?.run(event)) }

    /// Says what became of the program of `--exec`.
    mutating func tell(_ problem: EventHook.Problem??) {
        guard case .some(.some(let problem)) = problem, let program = options.exec else { return }
        let message =
            switch problem {
            case .failed(let reason): "--exec: \(program) cannot be run: \(reason)"
            case .busy:
                "--exec: events come faster than \(program) ends; it is not run on all of them"
            }
        // Not one more event to run it on.
        output.show(.warning(kind: problem.kind, message: message), at: seconds)
    }
}

// MARK: - Events

extension CallConsole {
    private mutating func drainEvents(now: Instant) {
        while let event = link.nextEvent() {
            switch event {
            case .room(let event): handle(event)
            case .sent(let id, let text): show(.sent(id: id, text: text))
            case .whispered(let id, let text, let to):
                show(.sent(id: id, text: text, to: to.map(Int.init)))
            case .notSent:
                show(
                    .warning(
                        kind: "not-sent",
                        message: "the message was not sent: you are not in a room, nobody is "
                            + "there to get it, or too many messages wait for somebody who is "
                            + "not reached"))
            case .networkChanged(let port): router?.networkChanged(port: port)
            case .closed: isClosed = true
            }
        }
    }

    private mutating func handle(_ event: RoomEvent) {
        switch event {
        case .open:
            room.isIn = true
            showCode()
            tellReach()
            tellRecording()
            tellMuted()
        case .searching(let nameplate, let host): noteSearch(nameplate, at: host)
        case .waiting:
            // Whoever is first has the number of a host, and the room.
            noteJoined(1, [])
            show(.waiting)
        case .ended(let reason): finish(reason)
        case .warning(let warning): show(.warning(kind: warning.kind, message: warning.sentence))
        case .joined(let number, let members): noteJoined(Int(number), members)
        case .member(let member, let state):
            room.apply(member, state)
            memory.begin()
            updateSettings()
            sound(for: state)
            show(
                .member(
                    MemberChange(
                        number: Int(member.number), name: member.name, state: state.shown,
                        isHost: member.isHost, isVerified: member.isVerified)))
        case .hostChanged(let member, let isUs): noteHost(member, isUs: isUs)
        // The network thread has seen to it.
        case .signalNeeded: break
        case .renamed(let member):
            room.rename(member)
            updateSettings()
            show(.renamed(member: Int(member.number), name: member.name))
        case .path(let member, let rung, let roundTrip, let why):
            show(
                .path(
                    member: Int(member), rung: rung,
                    roundTripMilliseconds: roundTrip.inMilliseconds, why: why))
        case .chat(let from, let text, let id):
            show(
                .chat(
                    ChatMessage(from: Int(from.number), name: from.name, text: text, id: id)))
        case .whisper(let from, let text, let id, let to):
            show(
                .chat(
                    ChatMessage(
                        from: Int(from.number), name: from.name, text: text, id: id,
                        to: to.map(Int.init))))
        case .whispering(let isOn, let to):
            room.isWhispering = isOn
            show(.whispering(isOn: isOn, to: to.map(Int.init)))
        case .delivery(let id, let member, let isDelivered):
            show(.delivery(id: id, member: Int(member), isDelivered: isDelivered))
        case .muted(let member, let on):
            // That nobody is muted is what everybody expects.
            if room.noteMuted(member, on) { show(.muted(member: Int(member), isOn: on)) }
        case .recording(let member, let on):
            if room.noteRecording(member, on) { show(.recording(member: Int(member), isOn: on)) }
        case .guess(let failed, let budget): show(.guess(failed: failed, budget: budget))
        case .invited(let nameplate): showInvite(nameplate)
        case .inviteUsed(let nameplate): show(.codeUsed(nameplate: Int(nameplate)))
        case .locked(let on): show(.locked(isOn: on))
        case .safety(let phrase, let run): show(.safety(words: phrase.text, run: Int(run)))
        case .verified(let members):
            for member in members { room.noteVerified(member) }
            show(.verified(members.map(\.shown)))
        }
    }

    private mutating func noteJoined(_ number: Int, _ members: [RoomEvent.Member]) {
        noteServer()
        room.isIn = true
        room.ownNumber = number
        for member in members { room.add(member) }
        let me = MemberName(number: number, name: ownName)
        show(.joined(number: number, members: members.map(\.shown) + [me]))
        // Under this number nobody was told yet.
        hasToldRecording = false
        tellRecording()
        tellMuted()
        let host = members.first { $0.isHost }.map { Int($0.number) }
        output.screen?.change { $0.setHost(host ?? number) }
    }

    private mutating func noteHost(_ member: RoomEvent.Member, isUs: Bool) {
        room.setHost(Int(member.number), isUs: isUs)
        show(
            .member(
                MemberChange(
                    number: Int(member.number), name: member.name, state: .back,
                    isHost: true, isVerified: member.isVerified, becameHost: true)))
    }

    private mutating func showCode() {
        var isWritten = true
        let now = seconds
        var event: JSONObject?
        link.withCode { code in
            isWritten = output.showCode(code, at: now)
            event = code.hookEvent(isOneTime: false, at: now)
        }
        if !isWritten { leaveUnread() }
        if hook != nil, let event { run(event) }
    }

    private mutating func showInvite(_ nameplate: UInt32) {
        var isWritten = true
        let now = seconds
        var event: JSONObject?
        link.takeInvite(nameplate) { code in
            isWritten = output.showCode(code, isOneTime: true, at: now)
            event = code.hookEvent(isOneTime: true, at: now)
        }
        if !isWritten { leaveUnread() }
        if hook != nil, let event { run(event) }
    }

    private mutating func finish(_ reason: EndReason) {
        let (status, sentence) = reason.outcome(
            nameplate: nameplate, server: serverName, searched: hasSearched)
        self.status = status
        finishRecording()
        if status != .success { show(.error(kind: reason.kind, message: sentence)) }
        show(.left(reason: sentence))
    }
}

// MARK: - Ticks

extension CallConsole {
    private mutating func tick(now: Instant) {
        nextTick = now + CallConsole.tick
        ticks += 1
        if room.chooseEncoder(link.connections, now: now) { updateSettings() }
        noteMapping(router?.external)
        router?.note(
            isReached: link.connections.allSatisfy { $0.route?.rung == .direct }, now: now)
        for (member, report) in room.reports() { link.submit(.report(report, to: member)) }
        engine.followDefault()
        if !room.isAlone { memory.tick() }
        if ticks % 2 == 1 {
            // Asked for a tick before it is shown.
            if !room.isAlone { link.submit(.refresh) }
        } else if options.form != .plain || hook != nil {
            show(.statistics(statistics()))
        }
    }

    private mutating func statistics() -> CallStatistics {
        room.statistics(
            link.connections, cpuPercent: usage.cpuPercent(),
            residentBytes: ProcessUsage.residentBytes, isMuted: microphone.isToldMuted)
    }
}

// MARK: - What the person types

extension CallConsole {
    mutating func obey(_ line: InputLine) {
        switch line {
        case .nothing: return
        case .chat(let text): link.submit(.chat(text))
        case .refused(let sentence): complain(sentence)
        case .command(let command): obey(command)
        }
    }

    mutating func obey(_ command: SlashCommand) {
        switch command {
        case .help(let topic):
            guard let lines = SlashHelp.lines(topic: topic) else {
                return complain("there is no command /\(topic ?? ""); /help lists them")
            }
            say(lines)
        case .who: say(room.whoLines())
        case .name(let name):
            link.submit(.name(name))
            ownName = name
            guard room.isIn else {
                output.screen?.change { $0.rename(to: name) }
                return say(["you are called \(name.text) now"])
            }
            show(.renamed(member: room.ownNumber, name: name))
        case .announce(let on):
            output.setAnnouncing(on)
            say([on ? "who talks is said in a line" : "who talks is not said any more"])
            updateSettings()
        case .end: link.submit(.end)
        case .quit: leave()
        case .invite(let isOneTime): link.submit(isOneTime ? .inviteOnce : .showCode)
        case .kick(let name): kick(name)
        case .lock(let on): link.submit(.lock(on))
        case .verify: link.submit(.verify)
        case .same: link.submit(.confirm)
        case .mute: changeMicrophone { $0.setMuted(!$0.isMuted) }
        case .talk(let mode): changeMicrophone { $0.setMode(mode) }
        case .settings: showSettings()
        case .deafen:
            isDeafened.toggle()
            engine.setDeafened(isDeafened)
            say([isDeafened ? "your loudspeakers are closed" : "your loudspeakers are open"])
            updateSettings()
        case .gain(let name, let decibels): setGain(name, decibels)
        case .whisper(let names): whisper(to: names)
        case .all: link.submit(.whisper([]))
        case .devices:
            say(DeviceListing.lines())
            output.screen?.change { $0.devices = DeviceListing.names() }
        case .stats: say(room.statisticsLines(statistics()) + soundLines)
        case .debug: say(room.debugLines(link.connections) + debugLines)
        case .sound(let command): obey(command)
        }
    }

    private mutating func whisper(to names: DisplayText) {
        switch findMembers(names, among: room.others) {
        case .found(let numbers): link.submit(.whisper(numbers.map { UInt8($0) }))
        case .unknown(let word):
            complain("nobody, or more than one, is called \(word); /who lists them")
        }
    }

    private mutating func kick(_ name: DisplayText) {
        guard let number = findMember(name, among: room.others) else {
            return complain("nobody, or more than one, is called \(name.text); /who lists them")
        }
        link.submit(.kick(UInt8(number)))
    }

    private mutating func setGain(_ name: DisplayText, _ decibels: Double) {
        guard let number = findMember(name, among: room.others) else {
            return complain("nobody, or more than one, is called \(name.text); /who lists them")
        }
        room.setGain(decibels, of: number)
        let value = fixedDecimal(decibels, decimals: 1) ?? "0"
        say(["\(name.text) is changed by \(value) dB"])
        updateSettings()
    }

    mutating func say(_ lines: [String]) {
        for line in lines where !output.say(line) { return leave() }
    }

    mutating func complain(_ sentence: String) {
        output.complain(sentence, at: seconds)
    }
}
