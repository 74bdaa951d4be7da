internal import Glibc

/// A short rise in pitch, and how it is found in a recording again: by correlation, which also
/// finds it where nobody would hear it.
struct Chirp {
    /// Where a level and a time were measured.
    struct Finding: Equatable {
        /// The first sample of the chirp in the recording.
        var position: Int
        /// How much louder (more than 1) or quieter than it was played.
        var gain: Double
        /// How alike it is to what was played, 0 to 1.
        var similarity: Double
    }

    /// Samples at 48 kHz. Long enough to stand out of the noise of a room, short enough to be no
    /// nuisance.
    static let count = 12_000
    /// -12 dBFS.
    static let amplitude = 0.25
    /// What the loudspeaker of a laptop plays and a headset's microphone hears, in hertz.
    private static let lowest = 500.0
    private static let highest = 3_500.0
    /// Fade at both ends, in samples, so that nothing clicks.
    private static let fade = 480
    /// The search works at 12 kHz: more than twice the highest pitch, and a sixteenth of the work.
    private static let decimation = 4
    /// The largest of 20,000 correlations with noise of this bandwidth and length (1,500
    /// independent values) stays below 0.13.
    static let threshold = 0.25
    /// The energy of less than any microphone's noise.
    private static let nothing = 1e-12

    let samples: [Float]

    init() {
        let seconds = Double(Self.count) / 48_000
        let sweep = (Self.highest - Self.lowest) / seconds
        samples = (0..<Self.count).map { index in
            let time = Double(index) / 48_000
            let phase = 2 * Double.pi * (Self.lowest * time + sweep * time * time / 2)
            let edge = min(index, Self.count - 1 - index)
            return Float(Self.amplitude * min(1, Double(edge) / Double(Self.fade)) * sin(phase))
        }
    }

    /// The chirp in `recording`, 48 kHz; nil when it is not in there.
    func find(in recording: [Float]) -> Finding? {
        let pattern = Self.decimate(samples)
        let signal = Self.decimate(recording)
        guard signal.count > pattern.count else { return nil }
        let patternEnergy = pattern.reduce(0.0) { $0 + Double($1) * Double($1) }
        // Exact enough that what a chirp adds is gone when it has passed.
        var energy = 0.0
        for index in pattern.indices { energy += Double(signal[index]) * Double(signal[index]) }
        var best = (lag: 0, similarity: 0.0)
        for lag in 0..<(signal.count - pattern.count) {
            let product = Self.product(pattern, signal, at: lag)
            let similarity =
                energy > Self.nothing
                ? Double(product.magnitude) / (patternEnergy * energy).squareRoot() : 0
            if similarity > best.similarity { best = (lag, similarity) }
            let last = Double(signal[lag])
            let next = Double(signal[lag + pattern.count])
            energy = max(0, energy - last * last + next * next)
        }
        guard best.similarity >= Self.threshold else { return nil }
        return refine(around: best.lag * Self.decimation, best.similarity, recording)
    }

    /// The decimated search is off by up to two samples, which at the highest pitch is a sixth of a
    /// period and would make the chirp seem quieter than it is.
    private func refine(
        around position: Int, _ similarity: Double, _ recording: [Float]
    ) -> Finding {
        let energy = samples.reduce(0) { $0 + $1 * $1 }
        let last = recording.count - samples.count
        let lags = max(0, position - Self.decimation)...min(last, position + Self.decimation)
        let products = lags.map { ($0, Self.product(samples, recording, at: $0).magnitude) }
        let best = products.max { $0.1 < $1.1 } ?? (position, 0)
        return Finding(
            position: best.0, gain: Double(best.1 / energy), similarity: similarity)
    }

    private static func product(_ pattern: [Float], _ signal: [Float], at lag: Int) -> Float {
        var sum: Float = 0
        unsafe pattern.withUnsafeBufferPointer { pattern in
            unsafe signal.withUnsafeBufferPointer { signal in
                var index = 0
                while index < pattern.count {
                    unsafe sum += pattern[index] * signal[lag + index]
                    index += 1
                }
            }
        }
        return sum
    }

    /// The mean of each four samples.
    private static func decimate(_ samples: [Float]) -> [Float] {
        stride(from: 0, to: samples.count - decimation + 1, by: decimation).map { start in
            samples[start..<start + decimation].reduce(0, +) / Float(decimation)
        }
    }
}
