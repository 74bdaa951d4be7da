/// What is wrong and lasts, the worst first. What happened once and is over stands in the log only.
struct ProblemList: Equatable {
    /// Kinds of warnings that last, from the worst on, and what tells that it is over.
    private static let lasting: [(kind: String, ends: [String])] = [
        ("roster-disputed", ["roster-agreed"]), ("safety-forged", []), ("safety-suspects", []),
        ("device-lost", ["device-back", "device-changed"]),
        ("microphone-silent", ["microphone-heard", "device-changed"]),
        ("signal-unreachable", ["signal-back"]), ("signal-full", ["signal-back"]),
        ("signal-draining", ["signal-back"]),
    ]

    private struct Problem: Equatable {
        let kind: String
        let device: String?
        let sentence: String
    }

    private var problems: [Problem] = []

    /// The one thing to show.
    var worst: String? {
        Self.lasting.lazy.compactMap { entry in
            self.problems.first { $0.kind == entry.kind }?.sentence
        }.first
    }

    /// What is said of one device ends nothing that was said of the other.
    mutating func note(_ kind: String, _ sentence: String, device: String? = nil) {
        let ended = Self.lasting.filter { $0.ends.contains(kind) }.map(\.kind)
        problems.removeAll {
            $0.device == device && (ended.contains($0.kind) || $0.kind == kind)
        }
        guard Self.lasting.contains(where: { $0.kind == kind }) else { return }
        problems.append(Problem(kind: kind, device: device, sentence: sentence))
    }
}
