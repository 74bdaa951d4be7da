/// The comparison of safety words: shows whether somebody sits between two members.
///
/// ```
///   idle --start, or a member's start--> committed --all commitments--> revealed --all reveals--+
///    ^                                       |                              |                   |
///    +----- 5 s, another roster -------------+------------------------------+            words -+
/// ```
///
/// Each member binds itself to a random value before it sees the others' values, so somebody in the
/// middle cannot choose its own ones so that the words on both sides agree: it has one chance in
/// 2^32 for each run. Every run in which this member revealed is counted and shown with the words,
/// also one that was broken off: otherwise somebody could try again until it wins.
struct SafetyWords: ~Copyable {
    /// A run without all messages of all members ends after this.
    static let patience = Duration.seconds(5)
    /// Runs that others start are joined at most this often: who starts one after the other gets
    /// no more than thirty chances of 2^-32 a minute.
    static let interval = Duration.seconds(2)
    /// After so many runs that broke off after our reveal, the person is told who broke them off.
    static let tolerance = 3

    /// What became of a start.
    enum Start: Equatable {
        case started
        /// A run is under way already; its words follow.
        case underWay
        /// There is nobody to compare with.
        case alone
    }

    /// What there is to tell.
    enum Event: Equatable {
        /// The words, and how many runs this member revealed in so far.
        case words(SafetyPhrase, run: UInt32)
        /// A run ended without words: these members did not send what was due. Nobody is named
        /// where the roster changed before we revealed.
        case unfinished(missing: [PublicKey], hadRevealed: Bool)
        /// A member revealed something else than what it was bound to.
        case forged(PublicKey)
    }

    /// How the words are made; other values than these are for tests.
    struct Rules {
        /// Bits of the words.
        var bits = 32
        /// Whether values are shown only after all commitments. Without that, whoever is in the
        /// middle always wins: `SafetyWordsAttackTests` shows it.
        var waitsForCommitments = true
    }

    /// A member's last commitment, and its value once it came.
    private struct Offer {
        let member: PublicKey
        let commitment: SafetyCommitment
        var value: [UInt8]?
    }

    private let local: PublicKey
    private let arena: SecretArena
    private let rules: Rules

    private var room: RoomID
    private var roster = Digest()
    /// All members, we too, in order of their keys.
    private var members: [PublicKey]
    private var offers: [Offer] = []
    /// The last run that was joined of each starter.
    private var joined: [SafetyRun] = []

    private var run: SafetyRun?
    private var value: SecretBytes?
    private var commitment = Digest()
    private var hasRevealed = false
    /// What the others were bound to when we revealed: in this run they are bound to nothing else,
    /// whatever they commit themselves to from then on.
    private var bound: [Offer]?
    private var deadline = Instant.distantFuture
    private var started: UInt32 = 0
    /// When a run of somebody else may be joined again.
    private var nextJoin = Instant.zero

    /// Runs of this process in which we revealed.
    private(set) var reveals: UInt32 = 0
    /// Those of them that ended without words.
    private(set) var unfinished = 0
    /// Who was missing in how many of these.
    private var missed: [(member: PublicKey, count: Int)] = []
    /// The members whose words were shown last, until the person says that they are the same.
    private var compared: [PublicKey]?
    /// The members whose words were the same. Marks belong to keys, not to names or numbers.
    private(set) var verified: Set<PublicKey> = []

    private var outbox: [SafetyMessage] = []
    private var events: [Event] = []

    init(local: PublicKey, room: RoomID, arena: SecretArena, rules: Rules = Rules()) {
        self.local = local
        self.room = room
        self.arena = arena
        self.rules = rules
        members = [local]
    }

    // MARK: Input

    /// The roster is another one: a run under the old one ends.
    mutating func setRoster(
        _ digest: Digest, members keys: [PublicKey], room: RoomID,
        random: inout AnyRandomSource, now: Instant
    ) {
        guard digest != roster || room != self.room else { return }
        endRun(isByRoster: true)
        self.room = room
        roster = digest
        members = keys.sorted()
        offers.removeAll { !members.contains($0.member) }
        joined.removeAll { !members.contains($0.starter) }
        joinNext(random: &random, now: now)
    }

    /// The person wants to compare.
    mutating func start(random: inout AnyRandomSource, now: Instant) -> Start {
        guard members.count > 1 else { return .alone }
        guard run == nil else { return .underWay }
        started += 1
        commit(to: SafetyRun(starter: local, number: started), random: &random, now: now)
        return .started
    }

    /// The person says that the words were the same: returns who is verified now, or nil when there
    /// are no words to say it of.
    mutating func confirm() -> [PublicKey]? {
        guard let compared else { return nil }
        self.compared = nil
        let others = compared.filter { $0 != local }
        verified.formUnion(others)
        return others
    }

    /// A message of a member, which its session has proved to be its own.
    mutating func handle(
        _ message: SafetyMessage, from member: PublicKey, random: inout AnyRandomSource,
        now: Instant
    ) {
        guard members.contains(member), member != local else { return }
        switch message {
        case .commitment(let commitment): take(commitment, from: member)
        case .reveal(let reveal): take(reveal, from: member)
        }
        joinNext(random: &random, now: now)
        advance(random: &random, now: now)
    }

    mutating func handleTimeout(random: inout AnyRandomSource, now: Instant) {
        if now >= deadline { endRun() }
        joinNext(random: &random, now: now)
    }

    // MARK: Output

    /// When `handleTimeout` is next needed.
    var timeout: Instant { waitsToJoin ? min(deadline, nextJoin) : deadline }

    /// Whether a start is joined as soon as that is allowed.
    private var waitsToJoin: Bool {
        guard let next = nextOffer else { return false }
        return run.map { !hasRevealed && $0.starter == next.starter } ?? true
    }

    /// The next message, for every other member.
    mutating func pollMessage() -> SafetyMessage? {
        outbox.isEmpty ? nil : outbox.removeFirst()
    }

    mutating func pollEvent() -> Event? {
        events.isEmpty ? nil : events.removeFirst()
    }

    /// Whom the person should know of before it trusts a run: who was missing most often, once too
    /// many runs broke off.
    var suspects: [PublicKey] {
        guard unfinished >= SafetyWords.tolerance else { return [] }
        return missed.sorted { ($1.count, $0.member) < ($0.count, $1.member) }.map(\.member)
    }
}

// MARK: - Messages

extension SafetyWords {
    /// A member is bound by the first commitment that it sends for a run.
    private mutating func take(_ commitment: SafetyCommitment, from member: PublicKey) {
        if let index = offers.firstIndex(where: { $0.member == member }) {
            guard offers[index].commitment.run != commitment.run else { return }
            offers[index] = Offer(member: member, commitment: commitment)
        } else {
            offers.append(Offer(member: member, commitment: commitment))
        }
    }

    private mutating func take(_ reveal: SafetyReveal, from member: PublicKey) {
        let isOfRun = bound != nil && reveal.run == run
        var offers = isOfRun ? bound ?? [] : self.offers
        guard let index = offers.firstIndex(where: { $0.member == member }),
            offers[index].commitment.run == reveal.run, offers[index].value == nil
        else { return }
        let offer = offers[index].commitment
        let expected = unsafe SafetyHash.commitment(
            room: room, roster: offer.roster, run: offer.run, member: member,
            value: reveal.value.span.bytes, arena: arena)
        if expected == offer.commitment {
            offers[index].value = reveal.value
            if isOfRun { bound = offers } else { self.offers = offers }
        } else if reveal.run == run {
            events.append(.forged(member))
            endRun()
        }
    }

    /// Shows our value once all are bound, and the words once all values are there.
    private mutating func advance(random: inout AnyRandomSource, now: Instant) {
        guard let run else { return }
        let others = members.filter { $0 != local }
        guard others.allSatisfy({ offer(of: $0, in: run) != nil }) else { return }
        if !hasRevealed {
            bound = others.compactMap { offer(of: $0, in: run) }
            reveal(run)
        }
        guard others.allSatisfy({ offer(of: $0, in: run)?.value != nil }) else { return }
        events.append(.words(phrase(of: run), run: reveals))
        compared = members
        leaveRun()
        joinNext(random: &random, now: now)
    }

    private func offer(of member: PublicKey, in run: SafetyRun) -> Offer? {
        (bound ?? offers).first {
            $0.member == member && $0.commitment.run == run && $0.commitment.roster == roster
        }
    }

    private func phrase(of run: SafetyRun) -> SafetyPhrase {
        var commitments: [Digest] = []
        var values: [[UInt8]] = []
        for member in members {
            if member == local {
                commitments.append(commitment)
                values.append(ownValue)
            } else if let offer = offer(of: member, in: run), let value = offer.value {
                commitments.append(offer.commitment.commitment)
                values.append(value)
            }
        }
        let digest = SafetyHash.words(
            room: room, roster: roster, run: run, commitments: commitments, values: values)
        return SafetyPhrase(number: UInt32(digest.prefix >> UInt64(64 - rules.bits)))
    }

    private var ownValue: [UInt8] {
        switch value {
        case .some(let value): unsafe value.span.withUnsafeBytes { unsafe Array($0) }
        case .none: []
        }
    }
}

// MARK: - Runs

extension SafetyWords {
    private mutating func commit(
        to run: SafetyRun, random: inout AnyRandomSource, now: Instant
    ) {
        value = SecretBytes(random: &random, count: SafetyReveal.valueSize, in: arena)
        commitment = commitmentOfValue(run)
        self.run = run
        hasRevealed = false
        deadline = now + SafetyWords.patience
        outbox.append(
            .commitment(SafetyCommitment(run: run, roster: roster, commitment: commitment)))
        if !rules.waitsForCommitments { reveal(run) }
        advance(random: &random, now: now)
    }

    private func commitmentOfValue(_ run: SafetyRun) -> Digest {
        switch value {
        case .some(let value):
            SafetyHash.commitment(
                room: room, roster: roster, run: run, member: local, value: value.span,
                arena: arena)
        case .none: Digest()
        }
    }

    private mutating func reveal(_ run: SafetyRun) {
        hasRevealed = true
        reveals += 1
        outbox.append(.reveal(SafetyReveal(run: run, value: ownValue)))
    }

    /// The start that we should be in: only its starter's own word counts, or others could use up
    /// its numbers. Of two the one of the smaller key.
    private var nextOffer: SafetyRun? {
        offers.filter { offer in
            let run = offer.commitment.run
            return run.starter == offer.member && offer.commitment.roster == roster
                && !joined.contains { $0.starter == run.starter && $0.number >= run.number }
        }.map(\.commitment.run).min { $0.starter < $1.starter }
    }

    private mutating func joinNext(random: inout AnyRandomSource, now: Instant) {
        guard let next = nextOffer else { return }
        if let run {
            // Two started at once. Who has revealed stays: all were bound by then.
            guard !hasRevealed, next.starter <= run.starter else { return }
            // Or one member would have all send to all as fast as it starts anew.
            guard next.starter < run.starter || now >= nextJoin else { return }
        } else {
            guard now >= nextJoin else { return }
        }
        joined.removeAll { $0.starter == next.starter }
        joined.append(next)
        nextJoin = now + SafetyWords.interval
        commit(to: next, random: &random, now: now)
    }

    /// The run is over without words.
    private mutating func endRun(isByRoster: Bool = false) {
        guard let run else { return }
        let missing = members.filter { member in
            guard member != local else { return false }
            guard let offer = offer(of: member, in: run) else { return true }
            return hasRevealed && offer.value == nil
        }
        if hasRevealed {
            unfinished += 1
            for member in missing { note(missing: member) }
        }
        // Who came or went is to blame for nothing, unless somebody has seen our value.
        let blamed = isByRoster && !hasRevealed ? [] : missing
        events.append(.unfinished(missing: blamed, hadRevealed: hasRevealed))
        leaveRun()
    }

    private mutating func note(missing member: PublicKey) {
        if let index = missed.firstIndex(where: { $0.member == member }) {
            missed[index].count += 1
        } else if missed.count < SafetyWords.rememberedMembers {
            missed.append((member, 1))
        }
    }

    private mutating func leaveRun() {
        run = nil
        value = nil
        bound = nil
        deadline = .distantFuture
    }

    /// Members that came and went are remembered up to this many, should they have been missing.
    private static let rememberedMembers = 256
}
