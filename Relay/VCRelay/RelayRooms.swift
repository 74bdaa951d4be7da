internal import VCCore

/// What a relay knows of a room: who is where, and which generation of tickets holds.
struct RelayRoom: Sendable {
    let id: Block16
    /// Places in the session table by member number less one; -1 for none.
    var members = InlineArray<16, Int32>(repeating: -1)
    /// New sessions of each member in the present window.
    var bindings = InlineArray<16, UInt8>(repeating: 0)
    /// When the window ends, in nanoseconds of the time line, as the two below.
    var windowEnd: UInt64 = 0
    /// When `nextFloor` becomes `floor`; the maximum for never.
    var raise: UInt64 = .max
    /// When the last session ended.
    var emptySince: UInt64 = 0
    /// The highest generation that was shown.
    var highest: UInt32
    /// Lower generations are refused.
    var floor: UInt32 = 0
    var nextFloor: UInt32 = 0
    /// Sessions in it.
    var count: UInt8 = 0
    /// False for a free place.
    var isUsed = true

    init(id: Block16, generation: UInt32) {
        self.id = id
        highest = generation
    }

    /// A ticket of this generation was shown. The first of a higher one starts the time after
    /// which all lower ones go; so does a lower one where the room began with a higher one.
    mutating func show(_ generation: UInt32, now: UInt64) {
        guard generation != highest else { return }
        highest = max(highest, generation)
        if raise == .max { startRaise(now) }
    }

    /// The time of the lower generations is over. A still higher one that came meanwhile starts
    /// its own.
    mutating func finishRaise(now: UInt64) {
        floor = nextFloor
        raise = .max
        if highest > floor { startRaise(now) }
    }

    private mutating func startRaise(_ now: UInt64) {
        nextFloor = highest
        raise = now + UInt64(RelayLimits.generationTime.wholeNanoseconds)
    }

    /// Counts a new session of a member; false when it has had too many.
    mutating func countBinding(_ member: Int, now: UInt64) -> Bool {
        if now >= windowEnd {
            bindings = InlineArray(repeating: 0)
            windowEnd = now + UInt64(RelayLimits.bindingWindow.wholeNanoseconds)
        }
        guard bindings[member - 1] < RelayLimits.bindingsPerMember else { return false }
        bindings[member - 1] += 1
        return true
    }
}

/// The rooms that have sessions, or had them a moment ago.
struct RelayRooms: Sendable {
    private var rooms: [RelayRoom] = []
    private var freeSlots: [Int32] = []
    private var slotOfRoom: [Block16: Int32] = [:]

    var count: Int { slotOfRoom.count }
    /// Places, free or not: every slot is below.
    var slots: Int { rooms.count }

    func slot(of id: Block16) -> Int? {
        slotOfRoom[id].map { Int($0) }
    }

    /// The room in a place, `isUsed` false when there is none.
    subscript(slot: Int) -> RelayRoom {
        get { rooms[slot] }
        _modify { yield &rooms[slot] }
    }

    /// The place of a member's session, or nil. One look-up per packet.
    func session(of member: Int, in slot: Int) -> Int? {
        let place = rooms[slot].members[member - 1]
        return place >= 0 ? Int(place) : nil
    }

    mutating func insert(_ room: RelayRoom) -> Int {
        let slot: Int
        if let free = freeSlots.popLast() {
            slot = Int(free)
            rooms[slot] = room
        } else {
            slot = rooms.count
            rooms.append(room)
        }
        slotOfRoom[room.id] = Int32(slot)
        return slot
    }

    mutating func remove(_ slot: Int) {
        guard rooms[slot].isUsed else { return }
        slotOfRoom[rooms[slot].id] = nil
        rooms[slot].isUsed = false
        freeSlots.append(Int32(slot))
    }
}
