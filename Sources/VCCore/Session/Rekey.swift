/// The handshake that gives a pair its first keys, and the one that renews them every two minutes
/// (rules of the starter, the three slots and the counter: one starter per pair, identical bytes on
/// every repeat, message 1 only when the current session is confirmed or gone).
///
/// Both are the same machine. The first one is keyed with what all members of the room share, which
/// keeps strangers out and proves nothing; the later ones with K_pair, which the first one gives.
///
/// ```
///   starter                                   other side
///   idle --(120 s, please, knock)--> message 1 ------------> next := new, keeps current
///   in flight <--------------------- message 2 <------------
///   current := new, sends at once -- sealed under new -----> current := next
/// ```
struct Rekey: ~Copyable {
    /// Age at which the starter begins (WireGuard's REKEY_AFTER_TIME).
    static let startAge = Duration.seconds(120)
    /// Added at random, so that a room's pairs do not all start at once.
    static let maximumJitter = Duration.seconds(5)
    /// A please or knock starts a handshake at most this often.
    static let requestInterval = Duration.seconds(5)
    /// An unanswered message 1 is replaced after this long.
    static let messageLifetime = Duration.seconds(20)
    /// The keys of a first handshake that the other side never used are replaced after this long.
    static let confirmationPatience = Duration.seconds(5)
    /// Handshake messages of one peer that are looked at in a second.
    static let messagesPerSecond = 5
    /// Messages that are known again when somebody repeats them: those of a day and a half.
    static let maximumSeen = 1_024

    /// What a handshake is for.
    enum Purpose {
        /// The first one of two members, under the room's key.
        case meeting
        /// Any later one, under K_pair.
        case renewal

        fileprivate var label: String {
            switch self {
            case .meeting: "vc1 pair"
            case .renewal: "vc1 rekey"
            }
        }

        /// How long a message 1 waits for its answer before it is sent again. People wait for the
        /// first handshake; nobody waits for the others. Its first repetition comes soon: the one
        /// before it often found the other side without the roster, or the host without a way to
        /// the newcomer. Then twice a second for ten seconds: through the host, where a fifth is
        /// lost on each of four ways, every second exchange fails.
        fileprivate func patience(afterRepeats repeats: Int) -> Duration {
            switch self {
            case .meeting:
                switch repeats {
                case 0: .milliseconds(50)
                case 1: .milliseconds(200)
                case 2: .milliseconds(250)
                case 3...22: .milliseconds(500)
                case _: .seconds(1)
                }
            case .renewal: min(.milliseconds(500 << min(repeats, 4)), .seconds(5))
            }
        }
    }

    /// Whether this side starts: the smaller key does.
    let isStarter: Bool
    let purpose: Purpose
    private let remote: PublicKey
    /// K_pair; of a meeting the room's key.
    let pairKey: SecretBytes
    private let macKey: SecretBytes
    private let prologue: SecretBytes
    private let arena: SecretArena

    // The starter's side.
    private var inFlight: InFlight?
    private var lastCounter: UInt64 = 0
    private var jitter = Duration.zero
    private var requested = false
    private var lastRequest: Instant?
    // The other side's.
    private var lastAccepted: UInt64 = 0
    private var answered: (message: [UInt8], reply: [UInt8])?
    private var lastAsk: Instant?
    /// Whether we look for the other side where it does not expect us.
    var isSeeking = false
    // Both.
    private var allowance = RateAllowance(perSecond: Rekey.messagesPerSecond)
    private var repetitions = RateAllowance(perSecond: Rekey.messagesPerSecond)
    private var seen: [UInt64] = []
    private var ready: [UInt8]?
    /// What the last finished handshake gave beside its session.
    private var outcome: Meeting?

    private struct InFlight: ~Copyable {
        var noise: NoiseKKpsk0
        let message: [UInt8]
        let index: UInt32
        let since: Instant
        var repeats = 0
        var nextSend: Instant

        /// Always the same bytes.
        mutating func scheduleNext(_ purpose: Purpose, now: Instant) {
            nextSend = now + purpose.patience(afterRepeats: repeats)
            repeats += 1
        }
    }

    /// - Parameter pairKey: K_pair; for a meeting the room's key.
    init(
        _ purpose: Purpose = .renewal, local: PublicKey, remote: PublicKey,
        pairKey: consuming SecretBytes, room: RoomID, random: inout AnyRandomSource,
        arena: SecretArena
    ) {
        isStarter = local < remote
        self.purpose = purpose
        self.remote = remote
        macKey = MAC.key(from: pairKey.span, arena: arena)
        self.pairKey = pairKey
        self.arena = arena
        let prologue = SecretBytes(count: 128, in: arena)
        let size = prologue.write { writer in
            writer.write(field: purpose.label)
            writer.write(UInt16(RoomID.size))
            room.encode(into: &writer)
            for key in [min(local, remote), max(local, remote)] {
                writer.write(UInt16(PublicKey.size))
                key.encode(into: &writer)
            }
        }
        self.prologue = prologue.prefix(size, in: arena)
        drawJitter(&random)
    }

    // MARK: Time

    /// Starts, repeats or asks for a handshake when it is time; returns whether the other side
    /// should be asked inside the session (`please`).
    mutating func handleTimeout(
        slots: inout SessionSlots, local: borrowing KeyPair, names: PairNumbers,
        freshIndex: UInt32, random: inout AnyRandomSource, now: Instant
    ) -> Bool {
        slots.expire(now: now)
        guard isStarter else { return ask(slots: slots, names: names, random: &random, now: now) }
        if let since = inFlight?.since, now >= since + Rekey.messageLifetime { inFlight = nil }
        if let due = inFlight?.nextSend {
            guard now >= due, let message = inFlight?.message else { return false }
            ready = message
            inFlight?.scheduleNext(purpose, now: now)
            return false
        }
        if now >= startTime(slots) {
            start(local: local, names: names, index: freshIndex, random: &random, now: now)
        }
        return false
    }

    /// When `handleTimeout` is due next.
    func timeout(_ slots: borrowing SessionSlots) -> Instant {
        if isStarter {
            switch inFlight {
            case .some(let flight): return flight.nextSend
            case .none: return startTime(slots)
            }
        }
        // The starter knows as much as we do, and nobody has lost any keys yet.
        if purpose == .meeting, slots.currentSince == nil, !isSeeking { return .distantFuture }
        let age = slots.currentSince.map { $0 + Rekey.startAge + .seconds(10) } ?? .zero
        return max(age, lastAsk.map { $0 + Rekey.requestInterval } ?? .zero)
    }

    /// Whether something is to be sent.
    var hasAnswer: Bool { ready != nil }

    /// What the finished handshake gave beside its session, once.
    mutating func takeOutcome() -> Meeting? {
        outcome.take()
    }

    /// The datagram to send to the other side, over whatever path there is.
    mutating func pollTransmit() -> [UInt8]? {
        ready.take()
    }

    // MARK: Input

    /// One of the two has another number now. What is under way names the old one, and would not be
    /// known as ours: it begins anew.
    mutating func namesChanged() {
        inFlight = nil
        answered = nil
        ready = nil
    }

    /// The other side asks inside the session for new keys.
    mutating func handlePlease(now: Instant) {
        request(now: now)
    }

    /// A handshake datagram from the other side. Returns true when new keys are current and a
    /// packet must be sent under them at once.
    mutating func handle(
        _ datagram: RawSpan, slots: inout SessionSlots, local: borrowing KeyPair,
        names: PairNumbers, freshIndex: UInt32, random: inout AnyRandomSource, now: Instant
    ) -> Bool {
        guard datagram.byteCount > HandshakeDatagram.headerSize + MAC.size else { return false }
        let body = datagram.extracting(0..<datagram.byteCount - MAC.size)
        let mac = datagram.extracting(datagram.byteCount - MAC.size..<datagram.byteCount)
        guard MAC(of: body, key: macKey).isEqual(to: mac) else { return false }
        if let answered, datagram.isEqual(to: answered.message) {
            if repetitions.take(now: now) { ready = answered.reply }
            return false
        }
        guard isFirstSight(mac, now: now) else { return false }
        let kind = unsafe body.unsafeLoad(fromByteOffset: 1, as: UInt8.self)
        let noise = body.extracting(HandshakeDatagram.headerSize..<body.byteCount)
        switch HandshakeDatagram.Kind(rawValue: kind) {
        case .knock?:
            request(now: now)
            // What is under way did not get there, or it would not have come.
            if purpose == .meeting, let message = inFlight?.message { ready = message }
            return false
        case .first?:
            guard !isStarter else { return false }
            accept(
                datagram, noise, slots: &slots, local: local, names: names, index: freshIndex,
                random: &random, now: now)
            return false
        case .second?:
            return complete(noise, slots: &slots, local: local, random: &random, now: now)
        case nil:
            return false
        }
    }
}

/// What two members keep of a handshake beside the session.
struct Meeting: ~Copyable {
    /// K_pair: authenticates the pair's later handshakes.
    let pairKey: SecretBytes
    /// The handshake hash, the same on both sides.
    let transcript: Digest

    init(_ result: borrowing HandshakeResult) {
        pairKey = result.pairKey.duplicate()
        transcript = result.transcript
    }
}

// MARK: - Replays

extension Rekey {
    /// Whether the message with this good mac1 was never looked at, and may be now. A message that
    /// was looked at once has done what it can; whoever recorded it must not spend the allowance
    /// of the true ones, nor start handshakes with an old knock.
    private mutating func isFirstSight(_ mac: RawSpan, now: Instant) -> Bool {
        let tag = unsafe mac.unsafeLoadUnaligned(as: UInt64.self)
        guard !seen.contains(tag), allowance.take(now: now) else { return false }
        if seen.count >= Rekey.maximumSeen { seen.removeFirst() }
        seen.append(tag)
        return true
    }
}

// MARK: - The starter

extension Rekey {
    private func startTime(_ slots: borrowing SessionSlots) -> Instant {
        if requested, slots.isConfirmed { return .zero }
        guard let since = slots.currentSince else { return .zero }
        if slots.isConfirmed { return since + Rekey.startAge + jitter }
        // Without a sign that the other side has the current keys, only their end starts anew; but
        // of a meeting it may have forgotten its half, when numbers changed, and has no others.
        return since + (purpose == .meeting ? Rekey.confirmationPatience : Session.lifetime)
    }

    private mutating func request(now: Instant) {
        if let last = lastRequest, now < last + Rekey.requestInterval { return }
        lastRequest = now
        if inFlight == nil { requested = true }
    }

    private mutating func start(
        local: borrowing KeyPair, names: PairNumbers, index: UInt32,
        random: inout AnyRandomSource, now: Instant
    ) {
        requested = false
        lastCounter += 1
        var noise = NoiseKKpsk0(
            role: .initiator, prologue: prologue.span, preSharedKey: pairKey.span,
            local: local.publicKey, remote: remote, arena: arena)
        let payload = HandshakeDatagram.payload(counter: lastCounter, index: index)
        guard
            let message = seal(
                .first, payload, with: &noise, local: local, names: names, random: &random)
        else { return }
        ready = message
        var flight = InFlight(
            noise: noise, message: message, index: index, since: now, nextSend: now)
        flight.scheduleNext(purpose, now: now)
        inFlight = consume flight
    }

    private mutating func complete(
        _ message: RawSpan, slots: inout SessionSlots, local: borrowing KeyPair,
        random: inout AnyRandomSource, now: Instant
    ) -> Bool {
        guard isStarter, let flight = inFlight.take() else { return false }
        // Read on a copy of the state: a replayed answer to an older message 1 has a good mac1, and
        // must not cost the true answer.
        var noise = flight.noise.duplicate()
        guard let payload = try? noise.readMessage(message, local: local),
            let (counter, index) = HandshakeDatagram.parse(payload: payload.span),
            counter == lastCounter
        else {
            inFlight = consume flight
            return false
        }
        let result = noise.finish()
        slots.establish(
            Session(
                sendKey: result.sendKey.duplicate(), receiveKey: result.receiveKey.duplicate(),
                localIndex: flight.index, remoteIndex: index, now: now), now: now)
        if purpose == .meeting { outcome = Meeting(result) }
        drawJitter(&random)
        return true
    }

    private mutating func drawJitter(_ random: inout AnyRandomSource) {
        jitter = .milliseconds(
            Int64(random.next(below: UInt32(Rekey.maximumJitter.wholeNanoseconds / 1_000_000))))
    }
}

// MARK: - The other side

extension Rekey {
    private mutating func accept(
        _ datagram: RawSpan, _ message: RawSpan, slots: inout SessionSlots,
        local: borrowing KeyPair, names: PairNumbers, index: UInt32,
        random: inout AnyRandomSource, now: Instant
    ) {
        var noise = NoiseKKpsk0(
            role: .responder, prologue: prologue.span, preSharedKey: pairKey.span,
            local: local.publicKey, remote: remote, arena: arena)
        guard let payload = try? noise.readMessage(message, local: local),
            let (counter, remoteIndex) = HandshakeDatagram.parse(payload: payload.span),
            counter > lastAccepted
        else { return }
        let answer = HandshakeDatagram.payload(counter: counter, index: index)
        guard
            let reply = seal(
                .second, answer, with: &noise, local: local, names: names, random: &random)
        else { return }
        lastAccepted = counter
        let result = noise.finish()
        slots.prepare(
            Session(
                sendKey: result.sendKey.duplicate(), receiveKey: result.receiveKey.duplicate(),
                localIndex: index, remoteIndex: remoteIndex, now: now))
        if purpose == .meeting { outcome = Meeting(result) }
        answered = (unsafe datagram.withUnsafeBytes { unsafe Array($0) }, reply)
        ready = reply
    }

    /// The side that does not start asks: inside the session when it is old, with a knock when it
    /// is gone.
    private mutating func ask(
        slots: borrowing SessionSlots, names: PairNumbers, random: inout AnyRandomSource,
        now: Instant
    ) -> Bool {
        guard now >= timeout(slots) else { return false }
        lastAsk = now
        if slots.canSeal(at: now) { return true }
        let nonce = random.next(UInt64.self)
        ready = HandshakeDatagram.make(.knock, names: names, macKey: macKey) {
            $0.write(nonce)
        }
        return false
    }

    private func seal(
        _ kind: HandshakeDatagram.Kind, _ payload: [UInt8], with noise: inout NoiseKKpsk0,
        local: borrowing KeyPair, names: PairNumbers, random: inout AnyRandomSource
    ) -> [UInt8]? {
        var failed = false
        let datagram = HandshakeDatagram.make(kind, names: names, macKey: macKey) {
            writer in
            do throws(HandshakeError) {
                unsafe try noise.writeMessage(
                    payload: payload.span.bytes, local: local, random: &random, into: &writer)
            } catch {
                failed = true
            }
        }
        return failed ? nil : datagram
    }
}
