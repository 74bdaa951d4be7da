internal import VCCore

/// Whether the microphone is open: what the person chose, what is held down, and how the one is
/// told to the sound engine and the other to the room.
///
///     open = held, or mode is not ptt and it is not muted
struct MicrophoneControl: Equatable {
    /// Where a key cannot be seen going up, one held down repeats itself; what comes within this
    /// time of the press before is such a repeat.
    static let repeatTime = Duration.milliseconds(150)

    private(set) var mode: TalkMode
    private(set) var isMuted: Bool
    private(set) var isHeld = false
    private var lastPress: Instant?
    /// When what was obeyed last was asked for.
    private var lastAsked = Instant.zero

    init(mode: TalkMode, isMuted: Bool) {
        self.mode = mode
        self.isMuted = isMuted
    }

    /// Whether the microphone is open now.
    var isOpen: Bool {
        if isMuted { return mode != .ptt && isHeld }
        return mode != .ptt || isHeld
    }

    /// What the others are told: not that nobody holds the key, which is how it mostly is.
    var isToldMuted: Bool { isMuted && !isOpen }

    // MARK: Changes

    /// Closed is closed: what was held open before is not any more. An open microphone shows
    /// nothing of a key that was left down.
    mutating func setMuted(_ on: Bool) {
        isMuted = on
        isHeld = isHeld && !on
    }

    mutating func setMode(_ mode: TalkMode) {
        self.mode = mode
        isHeld = false
    }

    /// - Parameter asked: when; each is asked by a program of its own, and the one that was begun
    ///   first may come last.
    mutating func hold(_ action: TalkAction, asked: Instant) {
        guard asked >= lastAsked else { return }
        lastAsked = asked
        switch action {
        case .down: isHeld = true
        case .up: isHeld = false
        case .toggle: isHeld.toggle()
        }
    }

    /// The talk key. Where the terminal tells when a key goes up it is held, elsewhere each press
    /// is the other one of begin and end.
    mutating func key(_ phase: KeyPhase, tellsRelease: Bool, now: Instant) {
        switch phase {
        case .press where tellsRelease: isHeld = true
        case .press:
            let isRepeat = lastPress.map { now - $0 < Self.repeatTime } ?? false
            lastPress = now
            if !isRepeat { isHeld.toggle() }
        case .again: return
        case .release: isHeld = false
        }
    }
}

/// What `vc ptt` asks of a running call.
enum TalkAction: String, CaseIterable {
    case down, up, toggle
}
