internal import CVCLinux
internal import Glibc
internal import VCCore
internal import VCNet

/// The full-screen interface of a call: events in, rows out; keys in, wishes out. The rules stand
/// in `ScreenState` and `ScreenLayout`; here they meet the terminal and the clock.
final class CallScreen {
    /// An Escape that nothing follows for so long is the key of that name.
    private static let escapeTime = Duration.milliseconds(50)
    /// Changes within this time are drawn together: nobody reads faster.
    private static let drawInterval = Duration.milliseconds(60)
    /// How often levels are looked at while somebody talks.
    private static let levelInterval = Duration.milliseconds(125)

    private(set) var state: ScreenState
    private var terminal: TerminalScreen
    private var parser = KeyParser()
    private var roomCode: HeldCode?
    private var oneTimeCode: HeldCode?
    private let phrase: HeldPhrase?
    private var codeVersions = 0
    private var isDirty = true
    private var isLeft = false
    private var nextDraw = Instant.zero
    private var nextLevels = Instant.zero
    private var escapeDue: Instant?
    private(set) var isOpen = true

    /// Nil where the terminal cannot be drawn on.
    init?(
        microphone: MicrophoneControl, talkKey: TalkKey, ownName: DisplayText, roomName: String,
        phrase: HeldPhrase?
    ) {
        guard let terminal = TerminalScreen() else { return nil }
        self.terminal = terminal
        state = ScreenState(microphone: microphone, ownName: ownName)
        state.talkKey = talkKey
        state.roomName = roomName
        self.phrase = phrase
        if let phrase {
            state.phrase = phrase.length.map {
                ShownCode(kind: .phrase, nameplate: 0, length: $0, version: 0)
            }
            state.roomName = "tune"
            state.panel = .invite
        }
    }

    // MARK: What happens

    func show(_ event: CallEvent) {
        change { state in
            state.apply(event)
            // Somebody is there: the way to invite has done its work.
            if state.panel == .invite, event.bringsCompany { state.panel = nil }
        }
    }

    /// Shows a code, from memory that is wiped to memory that is overwritten.
    func showCode(_ code: borrowing RoomCode, isOneTime: Bool) {
        codeVersions += 1
        let copy = HeldCode(code.duplicate())
        let shown = ShownCode(
            kind: isOneTime ? .oneTime : .room, nameplate: code.nameplate,
            length: copy.withBytes { $0.byteCount }, version: codeVersions)
        if isOneTime { oneTimeCode = copy } else { roomCode = copy }
        change { state in
            if isOneTime { state.oneTimeCode = shown } else { state.opened(shown) }
            state.panel = .invite
        }
    }

    func say(_ line: String) { change { $0.add(.answer, line) } }
    func complain(_ sentence: String) { change { $0.add(.problem, sentence) } }
    func setAnnouncing(_ on: Bool) { change { $0.announcesTalking = on } }

    /// Changes what is shown; it is drawn when its time has come.
    func change(_ body: (inout ScreenState) -> Void) {
        state.minutes = Int(vc_minutes_of_day())
        body(&state)
        isDirty = true
    }

    // MARK: Keys

    /// Reads what the terminal sent and calls `obey` with what the person wants: one wish after the
    /// other, because what a key means may depend on what became of the one before.
    func read(now: Instant, _ obey: (ScreenAction) -> Void) {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        let count = unsafe Glibc.read(STDIN_FILENO, &buffer, buffer.count)
        guard count > 0 else {
            if count == 0 || (errno != EINTR && errno != EAGAIN) { isOpen = false }
            return
        }
        let inputs = parser.read(buffer[..<count])
        escapeDue = parser.isWaiting ? now + Self.escapeTime : nil
        handle(inputs, obey)
    }

    /// Sees to an Escape that nothing followed.
    func flushKeys(now: Instant, _ obey: (ScreenAction) -> Void) {
        guard let due = escapeDue, now >= due else { return }
        escapeDue = nil
        handle(parser.flush(), obey)
    }

    private func handle(_ inputs: [TerminalInput], _ obey: (ScreenAction) -> Void) {
        for input in inputs {
            let before = state.tellsRelease
            // Asked for when they are needed: what is plugged in may change, and asking loads ALSA.
            if state.wantsDevices(for: input) {
                let devices = DeviceListing.names()
                change { $0.devices = devices }
            }
            var action: ScreenAction?
            change { state in
                action = state.handle(input)
                if state.tellsRelease != before || before == nil { state.explainTalkKey() }
            }
            if state.tellsRelease == true { terminal.askForReleases() }
            if let action { obey(action) }
        }
    }

    // MARK: Drawing

    /// When something is to be done next, if nothing else happens before.
    var due: Instant {
        var due = Instant(nanoseconds: .max)
        if isDirty { due = min(due, nextDraw) }
        if let escapeDue { due = min(due, escapeDue) }
        if state.members.contains(where: { $0.isTalking || $0.level < 127 }) {
            due = min(due, nextLevels)
        }
        return due
    }

    /// Looks at the levels and draws, where it is time to.
    func update(now: Instant, level: (ScreenMember) -> UInt8) {
        guard !isLeft else { return }
        if now >= nextLevels {
            nextLevels = now + Self.levelInterval
            if state.setLevels(level) { isDirty = true }
        }
        guard isDirty, now >= nextDraw else { return }
        isDirty = false
        nextDraw = now + Self.drawInterval
        let frame = ScreenLayout.frame(&state, rows: terminal.rows, columns: terminal.columns)
        terminal.draw(frame) { code, use in self.withCode(code.kind, use) }
    }

    private func withCode(_ kind: ShownCode.Kind, _ use: (RawSpan) -> Void) {
        switch kind {
        case .room: roomCode?.withBytes(use)
        case .oneTime: oneTimeCode?.withBytes(use)
        case .phrase: phrase?.withBytes(use)
        }
    }

    // MARK: The terminal

    func resize() {
        terminal.resize()
        isDirty = true
    }

    func redraw() {
        terminal.forget()
        isDirty = true
    }

    /// Ctrl-Z: gives the terminal back, stops, and goes on when the shell says so.
    func suspend() {
        leave()
        // What is to end draws no more, and the terminal is the shell's.
        if JobControl.stopUntilInFront() { comeBack() }
    }

    /// Leaves the terminal as it was found.
    func leave() {
        guard !isLeft else { return }
        isLeft = true
        terminal.leave()
    }

    private func comeBack() {
        terminal.comeBack()
        state.tellsRelease = nil
        isLeft = false
        isDirty = true
    }
}

/// A code that is shown again and again.
private final class HeldCode {
    private let code: RoomCode

    init(_ code: consuming RoomCode) {
        self.code = code
    }

    /// Hands over its text, which is wiped afterwards.
    func withBytes<Result>(_ use: (RawSpan) -> Result) -> Result {
        withWipedText(capacity: RoomCode.longestText) { writer in
            code.write(into: &writer)
        } use: { bytes in
            use(bytes)
        }
    }
}

/// The phrase of `vc tune`, to be shown while nobody else is there.
final class HeldPhrase {
    private let phrase: TunePhrase

    init(_ phrase: consuming TunePhrase) {
        self.phrase = phrase
    }

    /// How many columns it takes; nil where that is not told by its bytes.
    var length: Int? {
        withBytes { bytes in
            for offset in 0..<bytes.byteCount {
                let byte = unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
                guard (0x20..<0x7F).contains(byte) else { return nil }
            }
            return bytes.byteCount
        }
    }

    /// Hands over how it is typed, which is wiped afterwards.
    func withBytes<Result>(_ use: (RawSpan) -> Result) -> Result {
        // A typed phrase may be longer than a made one.
        withWipedText(capacity: 2 * TunePhrase.longestInput) { writer in
            phrase.writeDashed(into: &writer)
        } use: { bytes in
            use(bytes)
        }
    }
}

extension CallEvent {
    /// Whether there is somebody else from now on.
    fileprivate var bringsCompany: Bool {
        switch self {
        case .member(let change): change.state == .joined
        case .joined(_, let members): members.count > 1
        default: false
        }
    }
}
