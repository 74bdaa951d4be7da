/// What a `SignalClient` asks about sightings: at most one of each kind at a time, a few times.
struct SightQuestions {
    /// Without an answer; after the last one the question is dropped. Whoever waits for it gives up
    /// by its own time.
    private static let retries: [Duration] = [
        .milliseconds(250), .milliseconds(500), .seconds(1), .seconds(2),
    ]

    enum Question: Equatable {
        case sight(subject: Block16)
        case verify(subject: Block16, Sighting)

        /// Whether a later question takes the place of this one.
        func isSameKind(as other: Question) -> Bool {
            switch (self, other) {
            case (.sight, .sight), (.verify, .verify): true
            case (.sight, .verify), (.verify, .sight): false
            }
        }
    }

    private struct Open {
        let question: Question
        var next: Instant
        var attempt = 0
        var isDue = false
    }

    private var open: [Open] = []

    /// When `handleTimeout` has something to do.
    var next: Instant { open.reduce(.distantFuture) { min($0, $1.next) } }

    /// Whether something is to be sent.
    var isDue: Bool { open.contains(where: \.isDue) }

    /// Asks at once, in the place of the last question of this kind.
    mutating func ask(_ question: Question, now: Instant) {
        open.removeAll { $0.question.isSameKind(as: question) }
        open.append(Open(question: question, next: now))
        handleTimeout(now: now)
    }

    mutating func handleTimeout(now: Instant) {
        open.removeAll { $0.attempt == Self.retries.count && $0.next <= now }
        for index in open.indices where open[index].next <= now {
            open[index].isDue = true
            open[index].next = now + Self.retries[open[index].attempt]
            open[index].attempt += 1
        }
    }

    /// The next one to send, once.
    mutating func take() -> Question? {
        guard let index = open.firstIndex(where: \.isDue) else { return nil }
        open[index].isDue = false
        return open[index].question
    }

    /// - Returns: whether that was asked; it is not waited for any more.
    mutating func sighted(_ subject: Block16) -> Bool {
        close { if case .sight(subject) = $0 { true } else { false } }
    }

    /// The same for VERIFY; of another sighting it is no answer.
    mutating func verified(_ subject: Block16, _ seal: Block16) -> Bool {
        close {
            if case .verify(subject, let sighting) = $0 { sighting.seal == seal } else { false }
        }
    }

    private mutating func close(_ matches: (Question) -> Bool) -> Bool {
        guard let index = open.firstIndex(where: { matches($0.question) }) else { return false }
        open.remove(at: index)
        return true
    }
}

extension SignalClient {
    /// Asks the server where it sees us. `.sight` tells, if the server answers.
    ///
    /// - Parameter subject: what `Sighting.subject` made; the answer is good for that only.
    mutating func requestSight(subject: Block16, now: Instant) {
        ask(.sight(subject: subject), now: now)
    }

    /// Asks the server whether it made a sighting. `.sightVerified` tells, if the server answers.
    mutating func verify(_ sighting: Sighting, subject: Block16, now: Instant) {
        ask(.verify(subject: subject, sighting), now: now)
    }

    private mutating func ask(_ question: SightQuestions.Question, now: Instant) {
        guard phase == .holding || phase == .open else { return }
        sights.ask(question, now: now)
    }

    func writeSightQuestion(
        _ question: SightQuestions.Question, _ cookie: Block16, into writer: inout ByteWriter
    ) {
        switch question {
        case .sight(let subject):
            SignalRequest.writeSight(
                transaction: transaction, cookie: cookie, subject: subject, into: &writer)
        case .verify(let subject, let sighting):
            SignalRequest.writeVerify(
                transaction: transaction, cookie: cookie, subject: subject, sighting: sighting,
                into: &writer)
        }
    }

    mutating func handleSight(_ subject: Block16, _ sighting: Sighting, now: Instant) {
        timers.answered(now)
        if sights.sighted(subject) { tell(.sight(subject: subject, sighting)) }
    }

    mutating func handleVerified(
        _ subject: Block16, _ seal: Block16, isTrue: Bool, now: Instant
    ) {
        timers.answered(now)
        if sights.verified(subject, seal) { tell(.sightVerified(subject: subject, isTrue)) }
    }
}
