/// Holds the mix below -1 dBFS. What stays below it is not touched at all, sample for sample.
///
/// The gain falls in a line towards the peak of a step of 32 samples (0.7 ms), so that a loud onset
/// is bent and not broken off, and rises back slowly. What slips through while the gain falls is
/// clipped at the ceiling.
public struct Limiter {
    /// -1 dBFS, room for the converter's interpolation between samples.
    public static var ceiling: Float { @_noLocks @_noAllocation get { 0.891_250_9 } }
    /// Samples over which the gain moves in a line.
    public static var step: Int { @_noLocks @_noAllocation get { 32 } }
    /// What is left of the missing gain after one step: time constant 80 ms.
    private static var release: Float { @_noLocks @_noAllocation get { 0.991_701 } }

    private var gain: Float = 1

    public init() {}

    /// Whether the gain is below one.
    public var isActive: Bool {
        @_noLocks @_noAllocation get { gain < 1 }
    }

    /// Turns nothing down any more.
    @_noLocks @_noAllocation
    public mutating func reset() { gain = 1 }

    /// Limits the first `count` samples in place.
    @_noLocks @_noAllocation
    public mutating func process(_ samples: borrowing SampleBuffer, count: Int) {
        var offset = 0
        while offset < count {
            let length = min(Self.step, count - offset)
            processStep(samples, at: offset, count: length)
            offset += length
        }
    }

    @_noLocks @_noAllocation
    private mutating func processStep(
        _ samples: borrowing SampleBuffer, at offset: Int, count: Int
    ) {
        let peak = samples.peak(at: offset, count: count)
        var target = 1 - (1 - gain) * Self.release
        if target > 0.999_9 { target = 1 }
        if peak * target > Self.ceiling { target = Self.ceiling / peak }
        if gain == 1, target == 1 { return }
        // A sample that is not a number would poison the gain for ever.
        guard target.isFinite, target > 0 else {
            samples.clear(at: offset, count: count)
            return
        }
        // It falls until the peak, and no faster than in eight samples; it rises over the step.
        let length =
            target < gain
            ? min(count, max(8, place(of: peak, in: samples, at: offset, count: count) + 1)) : count
        samples.ramp(at: offset, count: length, from: gain, to: target)
        samples.ramp(at: offset + length, count: count - length, from: target, to: target)
        gain = target
        var index = offset
        while index < offset + count {
            let sample = samples[index]
            if sample.magnitude > Self.ceiling {
                samples[index] = sample > 0 ? Self.ceiling : -Self.ceiling
            }
            index += 1
        }
    }

    @_noLocks @_noAllocation
    private func place(
        of peak: Float, in samples: borrowing SampleBuffer, at offset: Int, count: Int
    ) -> Int {
        var index = 0
        while index < count - 1, samples[offset + index].magnitude < peak { index += 1 }
        return index
    }
}
