/// Memory for a fixed number of samples, allocated once and owned by one place. Samples are mono,
/// 48 kHz, -1...1. Reading and writing through a borrow is allowed: whoever holds the buffer sees
/// to it that one thread uses it at a time.
@safe
public struct SampleBuffer: ~Copyable, @unchecked Sendable {
    let start: UnsafeMutablePointer<Float>
    /// How many samples there is room for.
    public let count: Int

    public init(count: Int) {
        self.count = count
        unsafe start = UnsafeMutablePointer<Float>.allocate(capacity: max(1, count))
        unsafe start.initialize(repeating: 0, count: max(1, count))
    }

    deinit {
        unsafe start.deallocate()
    }

    public subscript(index: Int) -> Float {
        @_noLocks @_noAllocation get {
            precondition(index >= 0 && index < count, "outside the sample buffer")
            return unsafe start[index]
        }
        @_noLocks @_noAllocation nonmutating set {
            precondition(index >= 0 && index < count, "outside the sample buffer")
            unsafe start[index] = newValue
        }
    }

    /// Sets `length` samples from `offset` on to zero.
    @_noLocks @_noAllocation
    public func clear(at offset: Int, count length: Int) {
        check(offset, length)
        unsafe (start + offset).update(repeating: 0, count: length)
    }

    /// Copies `length` samples of `source` from `sourceOffset` on to `offset`. The two may be the
    /// same buffer and overlap.
    @_noLocks @_noAllocation
    public func copy(
        from source: borrowing SampleBuffer, at sourceOffset: Int, to offset: Int,
        count length: Int
    ) {
        check(offset, length)
        source.check(sourceOffset, length)
        unsafe Self.move(source.start + sourceOffset, to: start + offset, count: length)
    }

    /// Cuts off what of `length` samples from `offset` on is beyond full scale. What is not a
    /// number is no sound, and no device takes it.
    @_noLocks @_noAllocation
    public func clip(at offset: Int, count length: Int) {
        check(offset, length)
        var index = offset
        while index < offset + length {
            let sample = unsafe start[index]
            if !(sample.magnitude <= 1) {
                unsafe start[index] = sample > 1 ? 1 : sample < -1 ? -1 : 0
            }
            index += 1
        }
    }

    /// The largest magnitude of `length` samples from `offset` on.
    @_noLocks @_noAllocation
    public func peak(at offset: Int, count length: Int) -> Float {
        check(offset, length)
        var peak: Float = 0
        var index = 0
        while index < length {
            let magnitude = unsafe start[offset + index].magnitude
            if magnitude > peak { peak = magnitude }
            index += 1
        }
        return peak
    }

    /// The sum of the squares of `length` samples from `offset` on.
    @_noLocks @_noAllocation
    public func energy(at offset: Int, count length: Int) -> Float {
        check(offset, length)
        var sum: Float = 0
        var index = 0
        while index < length {
            let sample = unsafe start[offset + index]
            sum += sample * sample
            index += 1
        }
        return sum
    }

    /// Multiplies `length` samples from `offset` on by a gain that goes in a line from `first` to
    /// `last`.
    @_noLocks @_noAllocation
    public func ramp(at offset: Int, count length: Int, from first: Float, to last: Float) {
        check(offset, length)
        guard length > 0 else { return }
        let step = (last - first) / Float(length)
        var gain = first
        var index = 0
        while index < length {
            unsafe start[offset + index] *= gain
            gain += step
            index += 1
        }
    }

    // memmove: the checker does not know it.
    @_semantics("no_performance_analysis")
    private static func move(
        _ source: UnsafeMutablePointer<Float>, to target: UnsafeMutablePointer<Float>, count: Int
    ) {
        unsafe target.update(from: source, count: count)
    }

    @_noLocks @_noAllocation
    func check(_ offset: Int, _ length: Int) {
        precondition(
            offset >= 0 && length >= 0 && length <= count - offset, "outside the sample buffer")
    }
}
