internal import VCCore

/// A binding of one member at one address. Its stride counts: see `SessionTable`.
struct RelaySession: Sendable {
    /// What the client knows it by, random; 0 for a free place.
    let id: UInt64
    let endpoint: Endpoint
    let room: Int32
    let member: UInt8
    var generation: UInt32
    /// When something valid came, in nanoseconds of the time line, as the two below.
    var lastHeard: UInt64
    /// Until when what was sent is paid for at the member's rate: its token bucket, as the generic
    /// cell rate algorithm has it (ITU-T I.371).
    var paidUntil: UInt64 = 0
    /// When the ticket's time is over.
    var expiry: UInt64
    let memberKey: VerifyKey

    /// A free place.
    static let none = RelaySession(
        id: 0, endpoint: Endpoint(high: 0, low: 0, port: 0), room: -1, member: 0, generation: 0,
        lastHeard: 0, expiry: 0, memberKey: .none)
}

/// All sessions, by their ids: one look-up per packet, without probing.
///
/// An id is drawn so that its lower bits name an entry of the index that no other session has;
/// since at most half of the entries are taken, that takes two draws on average. When the index
/// grows, entries that were different stay different.
struct SessionTable: Sendable {
    struct Entry: Sendable {
        var id: UInt64
        var slot: Int32
    }

    private static let firstSize = 64

    private var index = [Entry](repeating: Entry(id: 0, slot: 0), count: Self.firstSize)
    private var sessions: [RelaySession] = []
    private var freeSlots: [Int32] = []
    /// Sessions that exist.
    private(set) var count = 0

    /// Places, free or not: every slot is below.
    var slots: Int { sessions.count }

    /// Where the session with this id is, or nil.
    func slot(of id: UInt64) -> Int? {
        let entry = index[Int(truncatingIfNeeded: id) & (index.count - 1)]
        return entry.id == id && id != 0 ? Int(entry.slot) : nil
    }

    /// The session in a place, `id` 0 when there is none.
    subscript(slot: Int) -> RelaySession {
        get { sessions[slot] }
        _modify { yield &sessions[slot] }
    }

    // What the path of each packet asks for, without a copy of the rest.

    func id(_ slot: Int) -> UInt64 { sessions[slot].id }
    func endpoint(_ slot: Int) -> Endpoint { sessions[slot].endpoint }
    func room(_ slot: Int) -> Int { Int(sessions[slot].room) }
    func member(_ slot: Int) -> UInt8 { sessions[slot].member }
    func lastHeard(_ slot: Int) -> UInt64 { sessions[slot].lastHeard }

    /// Something valid came from a session.
    mutating func hear(_ slot: Int, now: UInt64) {
        sessions[slot].lastHeard = max(sessions[slot].lastHeard, now)
    }

    /// Takes `time` nanoseconds of what the member's rate allows; false when it has saved up less.
    mutating func pay(_ slot: Int, _ time: UInt64, burst: UInt64, now: UInt64) -> Bool {
        let start = max(sessions[slot].paidUntil, now)
        guard start + time <= now + burst else { return false }
        sessions[slot].paidUntil = start + time
        return true
    }

    /// An id that `insert` takes.
    mutating func drawID(_ random: inout some RandomSource) -> UInt64 {
        if (count + 1) * 2 > index.count { grow() }
        while true {
            let id = random.next(UInt64.self)
            if id != 0, index[Int(truncatingIfNeeded: id) & (index.count - 1)].id == 0 {
                return id
            }
        }
    }

    /// - Returns: where it is.
    mutating func insert(_ session: RelaySession) -> Int {
        let slot: Int
        if let free = freeSlots.popLast() {
            slot = Int(free)
            sessions[slot] = session
        } else {
            slot = sessions.count
            sessions.append(session)
        }
        index[Int(truncatingIfNeeded: session.id) & (index.count - 1)] = Entry(
            id: session.id, slot: Int32(slot))
        count += 1
        return slot
    }

    mutating func remove(_ slot: Int) {
        let id = sessions[slot].id
        guard id != 0 else { return }
        index[Int(truncatingIfNeeded: id) & (index.count - 1)] = Entry(id: 0, slot: 0)
        sessions[slot] = .none
        freeSlots.append(Int32(slot))
        count -= 1
    }

    private mutating func grow() {
        let old = index
        index = [Entry](repeating: Entry(id: 0, slot: 0), count: old.count * 2)
        for entry in old where entry.id != 0 {
            index[Int(truncatingIfNeeded: entry.id) & (index.count - 1)] = entry
        }
    }
}
