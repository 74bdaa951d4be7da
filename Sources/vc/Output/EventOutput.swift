internal import Glibc
internal import VCCore
internal import VCNet

/// Standard output and error in the form that was asked for. Every function returns false when
/// nobody reads any more.
struct EventOutput {
    private enum Renderer {
        case plain(PlainText)
        case json(JSONLines)
    }

    private var renderer: Renderer
    private let usesJSON: Bool

    init(_ form: OutputForm) {
        usesJSON = form == .json
        switch form {
        case .json: renderer = .json(JSONLines())
        case .plain:
            let color = unsafe PlainText.allowsColor(
                isTerminal: StandardStream.output.isTerminal,
                noColor: getenv("NO_COLOR").map { unsafe String(cString: $0) },
                term: getenv("TERM").map { unsafe String(cString: $0) })
            renderer = .plain(PlainText(usesColor: color))
        }
    }

    @discardableResult
    mutating func show(_ event: CallEvent, at seconds: Double) -> Bool {
        let lines: [OutputLine]
        switch renderer {
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
            plain.printCode(code, isOneTime: isOneTime, at: seconds, on: .output)
        case .json(var json):
            json.printCode(code, isOneTime: isOneTime, at: seconds, on: .output)
        }
    }

    /// Says who talks, in plain form.
    mutating func setAnnouncing(_ on: Bool) {
        guard case .plain(var plain) = renderer else { return }
        plain.announcesTalking = on
        renderer = .plain(plain)
    }

    /// A line that answers what was typed. Programs get their answers as events.
    @discardableResult
    func say(_ line: String) -> Bool {
        (usesJSON ? StandardStream.diagnostics : .output).write(line: line)
    }

    /// Something typed could not be done.
    mutating func complain(_ sentence: String, at seconds: Double) {
        if usesJSON {
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
