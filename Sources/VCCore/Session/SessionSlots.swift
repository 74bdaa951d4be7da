/// The up to three sessions of a pair while keys change.
///
/// ```
///              handshake done              first packet under next
///   next ----------------------> (other side only) ----------------> current
///   current -- replaced, opens for 10 s more --> previous --> wiped
/// ```
///
/// The starter of a handshake moves to the new keys at once; the other side keeps sending under
/// the current ones until a packet under the next ones shows that the starter has them. So neither
/// side ever seals under keys that the other cannot open, whatever is lost, doubled or replayed.
struct SessionSlots: ~Copyable {
    /// How long the previous keys still open packets that were under way.
    static let previousLifetime = Duration.seconds(10)

    private(set) var current: Session?
    private(set) var next: Session?
    private(set) var previous: Session?
    private var previousUntil = Instant.zero

    /// When the current session began, if there is one.
    var currentSince: Instant? { read(current) { $0.establishedAt } }

    /// Whether the current session can seal at `now`.
    func canSeal(at now: Instant) -> Bool {
        read(current) { !$0.isExpired(at: now) } ?? false
    }

    /// Whether the other side was heard under the current session.
    var isConfirmed: Bool { read(current) { $0.isConfirmed } ?? false }

    /// Whether one of the sessions listens to `index`.
    func uses(_ index: UInt32) -> Bool {
        read(current) { $0.localIndex } == index || read(next) { $0.localIndex } == index
            || read(previous) { $0.localIndex } == index
    }

    /// Starts to seal under `session` at once.
    mutating func establish(_ session: consuming Session, now: Instant) {
        retireCurrent(now: now)
        current = consume session
        next = nil
    }

    /// Keeps `session` until a packet under it shows that the other side has it.
    mutating func prepare(_ session: consuming Session) {
        next = consume session
    }

    /// Forgets what is past its time, so that keys do not outlive it.
    mutating func expire(now: Instant) {
        if previous != nil, now >= previousUntil { previous = nil }
        if let expired = previous?.isExpired(at: now), expired { previous = nil }
        if let expired = next?.isExpired(at: now), expired { next = nil }
        if let expired = current?.isExpired(at: now), expired { current = nil }
    }

    /// Wipes all keys.
    mutating func wipe() {
        current = nil
        next = nil
        previous = nil
    }

    /// Seals in place under the current session; nil without one.
    @unsafe mutating func seal(
        _ packet: UnsafeMutableRawBufferPointer, plaintext count: Int, now: Instant
    ) -> Int? {
        guard canSeal(at: now) else { return nil }
        return unsafe current?.seal(packet, plaintext: count)
    }

    /// Opens in place under the session that `index` names. Nil when none does, or the packet is
    /// not authentic, new and in time.
    @unsafe mutating func open(
        _ packet: UnsafeMutableRawBufferPointer, index: UInt32, counter: UInt64, now: Instant
    ) -> Opened? {
        if current?.localIndex == index {
            guard let expired = current?.isExpired(at: now), !expired else { return nil }
            let highest = current?.highestOpened ?? 0
            let wasConfirmed = isConfirmed
            guard let count = unsafe current?.open(packet, counter: counter) else { return nil }
            return Opened(count: count, isNewest: counter >= highest || !wasConfirmed)
        }
        if next?.localIndex == index {
            guard let expired = next?.isExpired(at: now), !expired,
                let count = unsafe next?.open(packet, counter: counter)
            else { return nil }
            retireCurrent(now: now)
            current = next.take()
            return Opened(count: count, isNewest: true)
        }
        guard previous?.localIndex == index, now < previousUntil,
            let expired = previous?.isExpired(at: now), !expired,
            let count = unsafe previous?.open(packet, counter: counter)
        else { return nil }
        return Opened(count: count, isNewest: false)
    }

    /// A packet that was opened.
    struct Opened {
        /// Bytes of plaintext.
        let count: Int
        /// Whether no later packet came before it: only then its source address counts.
        let isNewest: Bool
    }

    private mutating func retireCurrent(now: Instant) {
        guard current != nil else { return }
        previous = current.take()
        previousUntil = now + SessionSlots.previousLifetime
    }
}

/// Borrows the session in `slot`, if there is one.
private func read<Result>(_ slot: borrowing Session?, _ body: (borrowing Session) -> Result)
    -> Result?
{
    switch slot {
    case .some(let session): body(session)
    case .none: nil
    }
}
