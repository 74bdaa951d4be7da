internal import VCCore

/// What another program of the same user asks of a running call: `vc ptt`, `vc mute`, `vc unmute`,
/// `vc send` and `vc who`.
enum ControlRequest: Equatable {
    case talk(TalkAction)
    case mute(Bool)
    case send(String)
    case who

    fileprivate var words: String {
        switch self {
        case .talk(let action): "ptt \(action.rawValue)"
        case .mute(let on): on ? "mute" : "unmute"
        case .send(let text): "send \(text)"
        case .who: "who"
        }
    }

    fileprivate init?(_ words: Substring) {
        let parts = words.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
        let rest = parts.count > 1 ? String(parts[1]) : nil
        switch (parts.first, rest) {
        case ("mute", nil): self = .mute(true)
        case ("unmute", nil): self = .mute(false)
        case ("who", nil): self = .who
        case ("send", let text?) where !text.isEmpty: self = .send(text)
        case ("ptt", let word?):
            guard let action = TalkAction(rawValue: word) else { return nil }
            self = .talk(action)
        default: return nil
        }
    }
}

/// A request on its way, and when it was made. One message there, one back.
///
///     request = "vc2 " nanoseconds " " words        answer = ("+" / "-") text
struct ControlMessage: Equatable {
    /// A chat message and what stands around it.
    static let longest = Limits.chatMessage + 64
    private static let opening = "vc2 "

    var request: ControlRequest
    /// By the clock that all programs of this machine have.
    var asked: Instant

    var bytes: [UInt8] { Array("\(Self.opening)\(asked.nanoseconds) \(request.words)".utf8) }

    init(_ request: ControlRequest, asked: Instant) {
        self.request = request
        self.asked = asked
    }

    init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count <= Self.longest, bytes.starts(with: Self.opening.utf8),
            let text = String(validating: bytes.dropFirst(Self.opening.utf8.count), as: UTF8.self)
        else { return nil }
        let parts = text.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let asked = UInt64(parts[0]),
            let request = ControlRequest(parts[1])
        else { return nil }
        self.init(request, asked: Instant(nanoseconds: asked))
    }
}

/// What the call says to that.
struct ControlAnswer: Equatable {
    /// Room for the names of everybody.
    static let longest = 8 * 1_024

    let isDone: Bool
    /// Lines for people.
    let text: String

    init(isDone: Bool = true, _ text: String = "") {
        self.isDone = isDone
        self.text = text
    }

    var bytes: [UInt8] { Array(((isDone ? "+" : "-") + text).utf8.prefix(Self.longest)) }

    init?(_ bytes: some Collection<UInt8>) {
        guard let first = bytes.first,
            first == UInt8(ascii: "+") || first == UInt8(ascii: "-")
        else { return nil }
        isDone = first == UInt8(ascii: "+")
        text = String(decoding: bytes.dropFirst(), as: UTF8.self)
    }
}
