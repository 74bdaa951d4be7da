/// The host's side of the join: lets in who knows the words, and counts who does not.
///
/// ```
///   J1 --> open --J2--> waiting --budget--> proven --welcome--> done
///                                  |
///                                  +--wrong words--> refused (counted once)
/// ```
///
/// A run is known by (mailbox, sid). The same bytes in give the same bytes out, so a lost answer
/// costs no guess; other bytes under the same sid are dropped.
///
/// Each code has a nameplate and a door of its own: Yb is made from the words before the joiner has
/// shown which ones it knows. The door of a one-time code opens once.
struct HostDoor: ~Copyable {
    static let runLifetime = Duration.seconds(10)
    static let openingsPerSecond = 20

    /// A joiner that knows the words.
    struct Proven {
        let run: JoinRun
        let request: JoinRequest
    }

    /// Whether a joiner could come in if it knows the words.
    enum Vacancy {
        case free
        /// The room has all its members.
        case full
        /// The key is a member's.
        case taken
    }

    /// Nobody is let in while true.
    private(set) var isLocked = false

    private let local: PublicKey
    /// What the PAKE binds.
    private let channel: [UInt8]
    private let arena: SecretArena
    private var secret: SecretBytes
    private var runs = JoinRuns()
    private let isOneTime: Bool
    /// Of wrong guesses, with who made them.
    private(set) var budget: GuessBudget
    /// One-time code: somebody proved it.
    private(set) var isUsed = false
    private var openings = RateAllowance(perSecond: HostDoor.openingsPerSecond)
    private var replies: [(mailbox: UInt32, body: [UInt8])] = []
    private var proven: [Proven] = []
    private var guesses = 0
    private var retired = false

    /// - Parameters:
    ///   - bucket: of the phrase, where the secret is one; `nameplate` is then its lease.
    ///   - budget: what the same words have stood before; nil: nothing.
    init(
        secret: consuming SecretBytes, nameplate: UInt32, bucket: UInt16? = nil, local: PublicKey,
        arena: SecretArena, isOneTime: Bool = false, budget: GuessBudget? = nil
    ) {
        self.isOneTime = isOneTime
        let isPhrase = bucket != nil
        self.budget = budget ?? (isPhrase ? GuessBudget(.phrase) : .ofCode(isOneTime: isOneTime))
        self.secret = secret
        channel = JoinMessage.channel(nameplate: nameplate, bucket: bucket)
        self.local = local
        self.arena = arena
    }

    /// Wrong guesses against the present code.
    var failures: Int { budget.failures }
    /// Wrong guesses that the present code stands in all.
    var guessLimit: Int { budget.limit }

    /// Puts a new code in the place of one whose budget is spent, or that somebody else must no
    /// longer know. Runs under the old one end; members are not touched.
    mutating func replaceCode(_ secret: consuming SecretBytes) {
        self.secret = secret
        budget.beginCode()
        refuseUnproven(.refused)
        while let next = pollProven() { refuse(next.run, .refused) }
    }

    /// Lets nobody in while `on`, also not who is on the way in.
    mutating func setLocked(_ on: Bool) {
        isLocked = on
        if on { refuseUnproven(.locked) }
    }

    /// Ends all runs whose joiner has not shown that it knows the words.
    private mutating func refuseUnproven(_ reason: JoinRefusal) {
        for run in runs.all {
            switch run.state {
            case .open, .waiting: refuse(run, reason)
            case .proven, .done, .refused: continue
            }
        }
    }

    // MARK: Input

    /// A body from the mailbox. `vacancy` says whether the room has a place for a key.
    mutating func handle(
        _ body: RawSpan, mailbox: UInt32, tag: UInt64, vacancy: (PublicKey) -> Vacancy,
        keys: borrowing KeyPair, random: inout AnyRandomSource, now: Instant
    ) {
        expire(now: now)
        guard body.byteCount > 0 else { return }
        switch unsafe body.unsafeLoad(as: UInt8.self) {
        case JoinMessage.first:
            open(body, mailbox, tag, vacancy: vacancy, random: &random, now: now)
        case JoinMessage.second:
            prove(body, mailbox, now: now)
            serve(keys: keys, now: now)
        case _:
            return
        }
    }

    /// Opens what waited for the budget.
    mutating func handleTimeout(keys: borrowing KeyPair, now: Instant) {
        expire(now: now)
        serve(keys: keys, now: now)
    }

    // MARK: Output

    /// When a waiting proof may be opened, or a run ends.
    func timeout(now: Instant) -> Instant? {
        let end = runs.nextEnd
        guard runs.hasWaiting else { return end }
        return min(end ?? .distantFuture, budget.nextOpening(now: now))
    }

    mutating func pollReply() -> (mailbox: UInt32, body: [UInt8])? {
        replies.isEmpty ? nil : replies.removeFirst()
    }

    mutating func pollProven() -> Proven? {
        proven.isEmpty ? nil : proven.removeFirst()
    }

    /// Wrong guesses since the last call.
    mutating func pollGuesses() -> Int {
        defer { guesses = 0 }
        return guesses
    }

    /// Whether the code's budget was spent since the last call: it needs a new one.
    mutating func pollRetired() -> Bool {
        defer { retired = false }
        return retired
    }

    /// Answers a proven joiner with the room.
    mutating func welcome(
        _ run: JoinRun, payload: RawSpan, keys: borrowing KeyPair,
        random: inout AnyRandomSource
    ) throws(HandshakeError) -> HandshakeResult {
        let result = try run.welcome(payload, local: keys, random: &random)
        replies.append((run.mailbox, run.hostSecond))
        return result
    }

    /// Says no to a proven joiner, or to a run that the room does not want.
    mutating func refuse(_ run: JoinRun, _ reason: JoinRefusal) {
        run.state = .refused(reason)
        run.noise = nil
        replies.append((run.mailbox, reason.message(session: run.session)))
    }
}

// MARK: - J1 and J2

extension HostDoor {
    private mutating func open(
        _ body: RawSpan, _ mailbox: UInt32, _ tag: UInt64, vacancy: (PublicKey) -> Vacancy,
        random: inout AnyRandomSource, now: Instant
    ) {
        let opening: JoinMessage.Opening
        do throws(DecodeError) {
            opening = try JoinMessage.Opening(body, type: JoinMessage.first)
        } catch .unsupportedVersion {
            return answerVersion(body, mailbox)
        } catch {
            return
        }
        if let run = runs.run(mailbox, opening.session) {
            // The same J1 again: its H1 was lost. Another one under a live sid is not answered.
            if body.isEqual(to: run.first) { replies.append((mailbox, run.hostFirst)) }
            return
        }
        func answer(_ reason: JoinRefusal) {
            replies.append((mailbox, reason.message(session: opening.session)))
        }
        // All that costs nothing is checked before any curve work.
        if isLocked { return answer(.locked) }
        switch opening.key == local ? .taken : vacancy(opening.key) {
        case .free: break
        case .full: return answer(.full)
        case .taken: return
        }
        if budget.isBusy(tag, now: now) { return answer(.busy) }
        let place = runs.place(for: tag) { budget.failures(of: $0) }
        if case .none = place { return }
        guard openings.take(now: now) else { return }
        let first = unsafe body.withUnsafeBytes { unsafe Array($0) }
        guard
            let run = try? JoinRun(
                mailbox: mailbox, tag: tag, opening: opening, first: first, secret: secret.span,
                channel: channel, local: local, random: &random, arena: arena,
                deadline: now + HostDoor.runLifetime)
        else { return }
        runs.add(run, at: place)
        replies.append((mailbox, run.hostFirst))
    }

    private mutating func answerVersion(_ body: RawSpan, _ mailbox: UInt32) {
        var reader = ByteReader(body)
        guard (try? reader.skip(2)) != nil, let session = try? Block16(from: &reader) else {
            return
        }
        replies.append((mailbox, JoinRefusal.version.message(session: session)))
    }

    private mutating func prove(_ body: RawSpan, _ mailbox: UInt32, now: Instant) {
        var reader = ByteReader(body)
        guard (try? reader.skip(1)) != nil, let session = try? Block16(from: &reader),
            let run = runs.run(mailbox, session), reader.remaining >= NoiseKKpsk0.overhead
        else { return }
        switch run.state {
        case .open:
            run.second = unsafe body.withUnsafeBytes { unsafe Array($0) }
            run.state = .waiting
        case .waiting, .proven:
            return
        case .done:
            if body.isEqual(to: run.second) { replies.append((mailbox, run.hostSecond)) }
        case .refused(let reason):
            // It was refused before it came: a joiner believes that only of its proof.
            if run.second.isEmpty { run.second = unsafe body.withUnsafeBytes { unsafe Array($0) } }
            if body.isEqual(to: run.second) {
                replies.append((mailbox, reason.message(session: session)))
            }
        }
    }

    /// Opens waiting proofs while the budget lets it.
    private mutating func serve(keys: borrowing KeyPair, now: Instant) {
        while let run = runs.nextWaiting(failures: { budget.failures(of: $0) }) {
            guard !budget.isSpent else { return }
            if isUsed {
                refuse(run, .refused)
                continue
            }
            if budget.isBusy(run.tag, now: now) {
                refuse(run, .busy)
                continue
            }
            guard budget.allowsOpening(now: now) else { return }
            do throws(HandshakeError) {
                let request = try run.open(local: keys, arena: arena)
                budget.recordSuccess(now: now)
                run.state = .proven
                if isOneTime { useUp() }
                proven.append(Proven(run: run, request: request))
            } catch {
                budget.recordFailure(from: run.tag, now: now)
                guesses += 1
                refuse(run, .refused)
                if budget.isSpent { retired = true }
            }
        }
    }

    /// The one-time code was proved: from here on it opens nothing, for nobody.
    private mutating func useUp() {
        isUsed = true
        refuseUnproven(.refused)
    }

    private mutating func expire(now: Instant) {
        runs.expire(now: now)
    }
}
