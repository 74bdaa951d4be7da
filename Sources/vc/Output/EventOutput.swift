internal import Glibc
internal import VCCore
internal import VCNet

/// Standard output and error in the form that was asked for. Every function returns false when
/// nobody reads any more.
struct EventOutput {
    private enum Renderer {
        case plain(PlainText)
        case json(JSONLines)
        case screen(CallScreen)
    }

    private var renderer: Renderer
    private let usesJSON: Bool
    /// How the call ended, to be said again where it stays.
    private var last: [CallEvent] = []
    /// Whether it is said who talks.
    private(set) var isAnnouncing = false

    /// - Parameter roomName: what the room is called where its code is not known.
    init(
        _ form: OutputForm, microphone: MicrophoneControl, talkKey: TalkKey, ownName: DisplayText,
        roomName: String, phrase: HeldPhrase?
    ) {
        usesJSON = form == .json
        switch form {
        case .json: renderer = .json(JSONLines())
        case .plain: renderer = .plain(Self.plain)
        case .screen:
            // A terminal that cannot be drawn on can still be written to.
            renderer =
                CallScreen(
                    microphone: microphone, talkKey: talkKey, ownName: ownName,
                    roomName: roomName, phrase: phrase
                )
                .map { .screen($0) } ?? .plain(Self.plain)
        }
    }

    /// Not for a call that shows a screen.
    init(_ form: OutputForm) {
        usesJSON = form == .json
        renderer = form == .json ? .json(JSONLines()) : .plain(Self.plain)
    }

    private static var plain: PlainText {
        let color = unsafe PlainText.allowsColor(
            isTerminal: StandardStream.output.isTerminal,
            noColor: getenv("NO_COLOR").map { unsafe String(cString: $0) },
            term: getenv("TERM").map { unsafe String(cString: $0) })
        return PlainText(usesColor: color)
    }

    /// The full-screen interface, where that is the form.
    var screen: CallScreen? {
        guard case .screen(let screen) = renderer else { return nil }
        return screen
    }

    /// Gives the terminal back; says there how the call ended.
    mutating func end(at seconds: Double) {
        guard let screen else { return }
        screen.leave()
        renderer = .plain(Self.plain)
        for event in last { show(event, at: seconds) }
    }

    @discardableResult
    mutating func show(_ event: CallEvent, at seconds: Double) -> Bool {
        let lines: [OutputLine]
        switch renderer {
        case .screen(let screen):
            if event.isLast { last.append(event) }
            screen.show(event)
            return true
        case .plain(var plain):
            lines = plain.lines(for: event, at: seconds)
            renderer = .plain(plain)
        case .json(let json): lines = json.lines(for: event, at: seconds)
        }
        return lines.allSatisfy { $0.stream.target.write(line: $0.text) }
    }

    mutating func showCode(
        _ code: borrowing RoomCode, isOneTime: Bool = false, at seconds: Double
    ) -> Bool {
        switch renderer {
        case .plain(var plain):
            return plain.printCode(code, isOneTime: isOneTime, at: seconds, on: .output)
        case .json(var json):
            return json.printCode(code, isOneTime: isOneTime, at: seconds, on: .output)
        case .screen(let screen):
            screen.showCode(code, isOneTime: isOneTime)
            return true
        }
    }

    /// Says who talks, in plain form.
    mutating func setAnnouncing(_ on: Bool) {
        isAnnouncing = on
        screen?.setAnnouncing(on)
        guard case .plain(var plain) = renderer else { return }
        plain.announcesTalking = on
        renderer = .plain(plain)
    }

    /// A line that answers what was typed. Programs get their answers as events.
    @discardableResult
    func say(_ line: String) -> Bool {
        if let screen {
            screen.say(line)
            return true
        }
        return (usesJSON ? StandardStream.diagnostics : .output).write(line: line)
    }

    /// Something typed could not be done.
    mutating func complain(_ sentence: String, at seconds: Double) {
        if let screen {
            screen.complain(sentence)
        } else if usesJSON {
            show(.warning(kind: "input", message: sentence), at: seconds)
        } else {
            StandardStream.diagnostics.write(line: sentence)
        }
    }
}

extension OutputLine.Stream {
    fileprivate var target: StandardStream {
        switch self {
        case .output: .output
        case .diagnostics: .diagnostics
        }
    }
}

extension CallEvent {
    /// Whether it tells how the call ended.
    fileprivate var isLast: Bool {
        switch self {
        case .left, .error: true
        default: false
        }
    }
}
