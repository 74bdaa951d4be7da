/// A one-time code of the host, with a nameplate, a lease and a door of its own: the words have to
/// be known before the joiner shows which ones it has, so two codes cannot share a nameplate.
///
/// ```
///   claiming --nameplate--> open --J2 opens--> used --30 s--> releasing --> closed
///                            |  ^                                ^
///                            +--+ five wrong guesses: new words  |
///                            +---------- withdrawn --------------+
/// ```
///
/// A class, so that a list can hold its noncopyable parts.
final class InviteCode {
    /// One-time codes that a host has at once: the copy of vc-signal inside `vc host` gives one
    /// source 16 leases.
    static let maximumCount = 8
    /// The mailbox of the guest carries sealed packets for so long, so the lease stays.
    static let afterlife = Peer.mailboxLifetime
    /// Joins that are remembered, to know which lease a mailbox belongs to.
    private static let maximumMailboxes = 64

    var signal: SignalClient
    var door: HostDoor?
    var code: RoomCode?
    /// Wrong guesses that it has behind it when its door opens.
    var failures = 0
    /// When the lease goes back.
    private(set) var closing: Instant?
    private var mailboxes: [UInt32] = []

    init(signal: consuming SignalClient) {
        self.signal = signal
    }

    /// Its number at vc-signal, once it has one and until it is used.
    var nameplate: UInt32? {
        switch code {
        case .some(let code): code.nameplate
        case .none: nil
        }
    }

    /// Whether nobody can come in by it any more.
    var isOver: Bool { closing != nil }

    /// The code in memory of its own; nil before there is a nameplate, and once it is used.
    func copyCode() -> RoomCode? {
        guard !isOver else { return nil }
        switch code {
        case .some(let code): return code.duplicate()
        case .none: return nil
        }
    }

    /// Its words in memory of their own.
    func copyWords() -> CodeWords? {
        switch code {
        case .some(let code): code.words.duplicate()
        case .none: nil
        }
    }

    /// A joiner knocked through this mailbox.
    func note(mailbox: UInt32) {
        guard !mailboxes.contains(mailbox) else { return }
        if mailboxes.count == InviteCode.maximumMailboxes { mailboxes.removeFirst() }
        mailboxes.append(mailbox)
    }

    func owns(mailbox: UInt32) -> Bool { mailboxes.contains(mailbox) }

    /// The code is used: its words go at once, its lease once the guest does not need it.
    func finish(now: Instant) {
        guard closing == nil else { return }
        closing = now + InviteCode.afterlife
        code = nil
    }

    /// The host does not want it any more.
    func withdraw(now: Instant) {
        closing = now
        door = nil
        signal.release(now: now)
    }

    /// Another member is host: its lease is for whoever has its token.
    func handOver(now: Instant) {
        closing = now
        door = nil
        signal.yield(now: now)
    }

    /// Lets time pass; whether there is anything left of it.
    func handleTimeout(now: Instant) -> Bool {
        if let due = signal.pollTimeout(), now >= due { signal.handleTimeout(now: now) }
        if let closing, now >= closing { withdraw(now: closing) }
        return !signal.isClosed
    }

    func timeout(now: Instant) -> Instant {
        var due = min(signal.pollTimeout() ?? .distantFuture, closing ?? .distantFuture)
        switch door {
        case .some(let door): due = min(due, door.timeout(now: now) ?? .distantFuture)
        case .none: break
        }
        return due
    }
}
