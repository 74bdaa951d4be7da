internal import Synchronization

/// The two counters of a ring with one writer and one reader (the shape of oboe's FifoController):
/// each side stores only its own, both only grow, and their difference is the fill.
public struct RingIndices: ~Copyable {
    private let written = Atomic<Int>(0)
    private let consumed = Atomic<Int>(0)
    /// How many slots the ring has; a power of two.
    public let capacity: Int

    public init(capacity: Int) {
        precondition(capacity > 0 && capacity & (capacity - 1) == 0, "a power of two")
        self.capacity = capacity
    }

    /// How many slots are filled.
    public var count: Int {
        @_noLocks @_noAllocation get {
            written.load(ordering: .acquiring) - consumed.load(ordering: .acquiring)
        }
    }

    /// How many slots were handed over since the start. Any thread.
    public var published: Int {
        @_noLocks @_noAllocation get { written.load(ordering: .acquiring) }
    }

    /// Reader: how many slots were given back since the start.
    public var released: Int {
        @_noLocks @_noAllocation get { consumed.load(ordering: .relaxed) }
    }

    /// Writer: the slot to fill next, or -1 when the ring is full.
    @_noLocks @_noAllocation
    public func slotToWrite() -> Int {
        let position = written.load(ordering: .relaxed)
        guard position - consumed.load(ordering: .acquiring) < capacity else { return -1 }
        return position & (capacity - 1)
    }

    /// Writer: hands the slot of `slotToWrite` over.
    @_noLocks @_noAllocation
    public func publish() {
        written.store(written.load(ordering: .relaxed) + 1, ordering: .releasing)
    }

    /// Reader: the oldest filled slot, or -1 when the ring is empty.
    @_noLocks @_noAllocation
    public func slotToRead() -> Int {
        let position = consumed.load(ordering: .relaxed)
        guard written.load(ordering: .acquiring) > position else { return -1 }
        return position & (capacity - 1)
    }

    /// Reader: gives the slot of `slotToRead` back.
    @_noLocks @_noAllocation
    public func release() {
        consumed.store(consumed.load(ordering: .relaxed) + 1, ordering: .releasing)
    }
}
