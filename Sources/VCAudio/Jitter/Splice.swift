/// Where sound can be shortened or lengthened without being heard: at a lag at which it resembles
/// itself, which in a voice is one period of the pitch.
enum Splice {
    /// The shortest lag, 2.5 ms: 400 Hz, above nearly every voice.
    static let shortest = 120
    /// The longest lag, 10 ms: 100 Hz, the pitch of a low voice.
    static let longest = 480
    /// Samples over which the two places are blended, where there are enough: 5 ms.
    static let window = 240
    /// Samples over which they are blended at least: 2.5 ms.
    static let shortestWindow = 120
    /// Below this mean square (-50 dBFS) any lag will do.
    static let quietMeanSquare: Float = 1e-5

    struct Candidate {
        /// Samples between the two places.
        var lag: Int
        /// How alike they are, -1...1; 1 when both are quiet.
        var likeness: Float
        var isQuiet: Bool
    }

    /// The best lag of at most `maximum` samples, looking at `window` samples from `head` on and at
    /// the same number one lag later.
    @_noLocks @_noAllocation
    static func find(
        in samples: borrowing SampleBuffer, at head: Int, maximum: Int, window: Int
    ) -> Candidate {
        let span = maximum + window
        if samples.energy(at: head, count: span) < quietMeanSquare * Float(span) {
            return Candidate(lag: maximum, likeness: 1, isQuiet: true)
        }
        // Coarse first: every fourth sample at every fourth lag, then around the best one.
        var best = Candidate(lag: shortest, likeness: -2, isQuiet: false)
        var lag = shortest
        while lag <= maximum {
            let likeness = likeness(in: samples, at: head, lag: lag, window: window, stride: 4)
            if likeness > best.likeness {
                best.likeness = likeness
                best.lag = lag
            }
            lag += 4
        }
        let middle = best.lag
        best.likeness = -2
        lag = max(shortest, middle - 4)
        while lag <= min(maximum, middle + 4) {
            let likeness = likeness(in: samples, at: head, lag: lag, window: window, stride: 1)
            if likeness > best.likeness {
                best.likeness = likeness
                best.lag = lag
            }
            lag += 1
        }
        return best
    }

    @_semantics("no_performance_analysis")
    private static func squareRoot(_ value: Float) -> Float {
        value.squareRoot()
    }

    /// The normalised cross-correlation of `window` samples with those `lag` later.
    @_noLocks @_noAllocation
    static func likeness(
        in samples: borrowing SampleBuffer, at head: Int, lag: Int, window: Int, stride: Int
    ) -> Float {
        samples.check(head, lag + window)
        var product: Float = 0
        var first: Float = 1e-9
        var second: Float = 1e-9
        var index = head
        while index < head + window {
            let early = unsafe samples.start[index]
            let late = unsafe samples.start[index + lag]
            product += early * late
            first += early * early
            second += late * late
            index += stride
        }
        return product / squareRoot(first * second)
    }
}
