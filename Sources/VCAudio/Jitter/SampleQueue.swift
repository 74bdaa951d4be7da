/// Samples that were decoded and not yet played, in one piece of memory, so that a splice can look
/// at them.
struct SampleQueue: ~Copyable {
    /// Room for the largest block that is asked for and the frames that a splice looks ahead.
    static let capacity = 4_096

    let samples = SampleBuffer(count: SampleQueue.capacity)
    private(set) var head = 0
    private(set) var count = 0

    /// Whether `length` more samples fit.
    @_noLocks @_noAllocation
    func hasRoom(for length: Int) -> Bool {
        count + length <= Self.capacity
    }

    /// Appends `length` samples of `source` from `offset` on; more than fit are left out.
    @_noLocks @_noAllocation
    mutating func append(_ source: borrowing SampleBuffer, at offset: Int, count length: Int) {
        let length = makeRoom(for: length)
        samples.copy(from: source, at: offset, to: head + count, count: length)
        count += length
    }

    @_noLocks @_noAllocation
    mutating func appendSilence(_ length: Int) {
        let length = makeRoom(for: length)
        samples.clear(at: head + count, count: length)
        count += length
    }

    /// Moves the oldest `length` samples to the start of `target`.
    @_noLocks @_noAllocation
    mutating func take(_ length: Int, into target: borrowing SampleBuffer) {
        target.copy(from: samples, at: head, to: 0, count: length)
        drop(length)
    }

    /// Forgets the oldest `length` samples.
    @_noLocks @_noAllocation
    mutating func drop(_ length: Int) {
        precondition(length >= 0 && length <= count, "more than is queued")
        head += length
        count -= length
    }

    @_noLocks @_noAllocation
    mutating func removeAll() {
        head = 0
        count = 0
    }

    /// Takes `lag` samples out at the head: what follows is blended over the first `window`.
    @_noLocks @_noAllocation
    mutating func shorten(by lag: Int, window: Int) {
        precondition(lag + window <= count, "more than is queued")
        // The blend is written where the later samples stand, so that only the head moves; from
        // the end on, because with a lag below the window those are early samples, too.
        var index = window - 1
        while index >= 0 {
            let weight = Float(index + 1) / Float(window + 1)
            let early = samples[head + index]
            let late = samples[head + lag + index]
            samples[head + lag + index] = early + (late - early) * weight
            index -= 1
        }
        drop(lag)
    }

    /// Plays `lag` samples at the head twice: the first `window` after them are blended back into
    /// the head.
    @_noLocks @_noAllocation
    mutating func lengthen(by lag: Int, window: Int) {
        precondition(lag + window <= count, "more than is queued")
        let added = makeRoom(for: lag)
        guard added == lag else { return }
        samples.copy(from: samples, at: head, to: head + lag, count: count)
        count += lag
        // Now the first `lag` samples stand twice, and the second copy goes on with the rest.
        // Blend from what naturally follows the first copy into the second copy.
        var index = 0
        while index < window {
            let weight = Float(index + 1) / Float(window + 1)
            let natural = samples[head + 2 * lag + index]
            let again = samples[head + lag + index]
            samples[head + lag + index] = natural + (again - natural) * weight
            index += 1
        }
    }

    /// Moves the samples to the start of the memory when `length` more would not fit behind them;
    /// how many of the `length` there is room for.
    @_noLocks @_noAllocation
    private mutating func makeRoom(for length: Int) -> Int {
        if head + count + length > Self.capacity {
            samples.copy(from: samples, at: head, to: 0, count: count)
            head = 0
        }
        return max(0, min(length, Self.capacity - count))
    }
}
