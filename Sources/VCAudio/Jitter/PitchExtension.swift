/// Goes on with a sound as it was: its last pitch period again and again.
///
/// It works on what was played, so that the decoder's state is left alone: a frame that comes after
/// all is decoded as if nothing had happened. (libopus' own concealment advances the decoder, and
/// two of them with one frame between them are heard as clicks.)
struct PitchExtension: ~Copyable {
    /// The shortest period, 2.5 ms: 400 Hz.
    static let shortestLag = 120
    /// The longest period, 12.5 ms: 80 Hz.
    static let longestLag = 600
    /// Samples that are compared, at the end of what was played: 5 ms.
    static let window = 240
    /// Below this likeness it is no voice; then the longest stretch is repeated, because a short
    /// one would hum.
    static let voiced: Float = 0.3
    /// Samples over which the end of a period is blended into its beginning: 2.5 ms at most.
    static let longestBlend = 120
    /// Samples over which the step at the start is made good: 2.5 ms, and 0.5 ms for the slope.
    private static let stepFade = 120
    private static let slopeFade = 24
    /// Two periods, and one for the comparison.
    private static let historyLength = 1_920

    private let history = SampleBuffer(count: PitchExtension.historyLength)
    private let period = SampleBuffer(count: PitchExtension.longestLag)
    private var step: Float = 0
    private var slope: Float = 0
    private(set) var isActive = false
    /// Samples of a period, while active.
    private(set) var lag = PitchExtension.longestLag
    /// Samples handed out since it began.
    private(set) var position = 0

    init() {}

    /// Takes note of what is played.
    @_noLocks @_noAllocation
    func note(_ samples: borrowing SampleBuffer, at offset: Int, count: Int) {
        let count = min(count, Self.historyLength)
        guard count > 0 else { return }
        history.copy(from: history, at: count, to: 0, count: Self.historyLength - count)
        history.copy(
            from: samples, at: offset, to: Self.historyLength - count, count: count)
    }

    /// Puts the next `count` samples at the start of `target`.
    @_noLocks @_noAllocation
    mutating func take(_ count: Int, into target: borrowing SampleBuffer) {
        if !isActive { begin() }
        var index = 0
        while index < count {
            var sample = period[position % lag]
            if position < Self.stepFade {
                let rest = 1 - Float(position + 1) / Float(Self.stepFade)
                sample += step * rest * rest
            }
            if position < Self.slopeFade {
                let rest = 1 - Float(position + 1) / Float(Self.slopeFade)
                sample += slope * Float(position + 1) * rest * rest * rest
            }
            target[index] = sample
            position += 1
            index += 1
        }
    }

    /// Ends the extension: something else is played now.
    @_noLocks @_noAllocation
    mutating func end() {
        isActive = false
        position = 0
    }

    /// Forgets what was played.
    @_noLocks @_noAllocation
    mutating func clear() {
        end()
        history.clear(at: 0, count: Self.historyLength)
    }

    @_noLocks @_noAllocation
    private mutating func begin() {
        isActive = true
        position = 0
        lag = findLag()
        let end = Self.historyLength
        period.copy(from: history, at: end - lag, to: 0, count: lag)
        let blend = min(Self.longestBlend, lag / 2)
        var index = 0
        while index < blend {
            let weight = Float(index + 1) / Float(blend + 1)
            let place = lag - blend + index
            let before = history[end - 2 * lag + place]
            period[place] += (before - period[place]) * weight
            index += 1
        }
        step = history[end - 1] - history[end - 1 - lag]
        slope = step - (history[end - 2] - history[end - 2 - lag])
    }

    @_noLocks @_noAllocation
    private func findLag() -> Int {
        var bestLag = Self.shortestLag
        var bestLikeness: Float = -2
        var lag = Self.shortestLag
        while lag <= Self.longestLag {
            let likeness = likeness(of: lag, stride: 4)
            if likeness > bestLikeness {
                bestLag = lag
                bestLikeness = likeness
            }
            lag += 4
        }
        if bestLikeness < Self.voiced { return Self.longestLag }
        let middle = bestLag
        bestLikeness = -2
        lag = max(Self.shortestLag, middle - 4)
        while lag <= min(Self.longestLag, middle + 4) {
            let likeness = likeness(of: lag, stride: 1)
            if likeness > bestLikeness {
                bestLag = lag
                bestLikeness = likeness
            }
            lag += 1
        }
        return bestLag
    }

    @_noLocks @_noAllocation
    private func likeness(of lag: Int, stride: Int) -> Float {
        Splice.likeness(
            in: history, at: Self.historyLength - Self.window - lag, lag: lag,
            window: Self.window, stride: stride)
    }
}
