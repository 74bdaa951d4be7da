/// The key that is held to talk in the window of a call. Only keys that write nothing and that
/// every terminal tells alone: where another key has to be held with it, and goes up first, some
/// terminals do not tell that this one goes up, and the microphone would stay open.
struct TalkKey: Equatable, Sendable {
    static let usual = TalkKey(key: .function(4), spelling: "F4")

    let key: Key
    /// As people read it.
    let spelling: String

    private init(key: Key, spelling: String) {
        self.key = key
        self.spelling = spelling
    }

    init?(_ text: String) {
        guard let known = Self.all.first(where: { $0.spelling.lowercased() == text.lowercased() })
        else { return nil }
        self = known
    }

    /// F1 to F3 have another sense.
    static let all =
        (4...12).map { TalkKey(key: .function($0), spelling: "F\($0)") }
        + [TalkKey(key: .insert, spelling: "Insert")]
}
