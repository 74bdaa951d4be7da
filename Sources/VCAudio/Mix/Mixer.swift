internal import Glibc

/// Adds up what the members say. Gains move in a line over one block, so that turning a member up
/// or down does not click.
public struct Mixer: ~Copyable {
    /// The most samples of one block.
    public static let blockLimit = 1_024

    /// What was added since `begin`.
    public let output = SampleBuffer(count: Mixer.blockLimit)
    private var limiter = Limiter()
    /// What it all goes through, in front of the limiter.
    public var equalizer = Equalizer()
    /// Whether the limiter holds the mix below its ceiling; else what is beyond full scale is cut
    /// off.
    public var isLimiting = true
    /// Whether anything was added since `begin`.
    public private(set) var hasSound = false

    public init() {}

    /// Starts a block of `count` samples.
    @_noLocks @_noAllocation
    public mutating func begin(count: Int) {
        output.clear(at: 0, count: count)
        hasSound = false
    }

    /// Adds the first `count` samples of a member, whose gain was `previousGain` at the end of the
    /// block before and is `gain` at the end of this one.
    @_noLocks @_noAllocation
    public mutating func add(
        _ samples: borrowing SampleBuffer, count: Int, previousGain: Float, gain: Float
    ) {
        samples.check(0, count)
        output.check(0, count)
        hasSound = true
        if previousGain == 1, gain == 1 {
            var index = 0
            while index < count {
                unsafe output.start[index] += unsafe samples.start[index]
                index += 1
            }
            return
        }
        let step = (gain - previousGain) / Float(max(1, count))
        var current = previousGain
        var index = 0
        while index < count {
            current += step
            unsafe output.start[index] += unsafe samples.start[index] * current
            index += 1
        }
    }

    /// Ends the block: `output` is within the limiter's ceiling, or within full scale without it.
    @_noLocks @_noAllocation
    public mutating func finish(count: Int) {
        if hasSound {
            equalizer.process(output, count: count)
        } else {
            equalizer.reset()
            guard limiter.isActive else { return }
        }
        guard isLimiting else {
            limiter.reset()
            return output.clip(at: 0, count: count)
        }
        limiter.process(output, count: count)
    }

    /// The factor of a gain in dB.
    public static func factor(decibels: Float) -> Float {
        powf(10, decibels / 20)
    }
}
