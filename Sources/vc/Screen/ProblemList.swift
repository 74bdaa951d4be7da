/// What is wrong and lasts, the worst first. What happened once and is over stands in the log only.
struct ProblemList: Equatable {
    /// Kinds of warnings that last, from the worst on, and what tells that it is over.
    private static let lasting: [(kind: String, ends: [String])] = [
        ("roster-disputed", []), ("safety-forged", []), ("safety-suspects", []),
        ("device-lost", ["device-back", "device-changed"]),
        ("microphone-silent", ["microphone-heard"]),
        ("signal-unreachable", ["signal-back"]), ("signal-full", ["signal-back"]),
        ("signal-draining", ["signal-back"]), ("relay-refused", []),
    ]

    private var sentences: [(kind: String, sentence: String)] = []

    /// The one thing to show.
    var worst: String? {
        Self.lasting.lazy.compactMap { entry in
            self.sentences.first { $0.kind == entry.kind }?.sentence
        }.first
    }

    mutating func note(_ kind: String, _ sentence: String) {
        let ended = Self.lasting.filter { $0.ends.contains(kind) }.map(\.kind)
        sentences.removeAll { ended.contains($0.kind) || $0.kind == kind }
        if Self.lasting.contains(where: { $0.kind == kind }) { sentences.append((kind, sentence)) }
    }

    static func == (left: Self, right: Self) -> Bool {
        left.sentences.elementsEqual(right.sentences) { $0 == $1 }
    }
}
