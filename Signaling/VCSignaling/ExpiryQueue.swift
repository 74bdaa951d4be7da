/// Slots in the order in which they were last touched: a doubly linked list in two arrays. When
/// every entry lives equally long, the first one is the next to expire, in constant time.
struct ExpiryQueue {
    private static let none: Int32 = -1

    private var next: [Int32] = []
    private var previous: [Int32] = []
    private var isQueued: [Bool] = []
    private var head = Self.none
    private var tail = Self.none
    private(set) var count = 0

    /// The slot that was touched longest ago.
    var first: Int? { head == Self.none ? nil : Int(head) }

    /// The slot that was touched after `slot`.
    func following(_ slot: Int) -> Int? {
        next[slot] == Self.none ? nil : Int(next[slot])
    }

    /// Puts `slot` at the end, from wherever it was.
    mutating func touch(_ slot: Int) {
        remove(slot)
        while next.count <= slot {
            next.append(Self.none)
            previous.append(Self.none)
            isQueued.append(false)
        }
        previous[slot] = tail
        next[slot] = Self.none
        isQueued[slot] = true
        if tail == Self.none {
            head = Int32(slot)
        } else {
            next[Int(tail)] = Int32(slot)
        }
        tail = Int32(slot)
        count += 1
    }

    /// Takes `slot` out, if it is in.
    mutating func remove(_ slot: Int) {
        guard slot < next.count, isQueued[slot] else { return }
        isQueued[slot] = false
        if previous[slot] == Self.none {
            head = next[slot]
        } else {
            next[Int(previous[slot])] = next[slot]
        }
        if next[slot] == Self.none {
            tail = previous[slot]
        } else {
            previous[Int(next[slot])] = previous[slot]
        }
        count -= 1
    }
}
