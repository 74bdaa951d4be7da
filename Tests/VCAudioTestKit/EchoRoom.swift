import Glibc
public import VCAudio
internal import VCCore

/// A loudspeaker and a microphone in one room, in virtual time: two sound cards with clocks of
/// their own and time stamps that jitter, the way of the sound from one to the other, and
/// reverberation that falls by 60 dB in a quarter of a second.
public struct EchoRoom {
    /// Samples of a block of the loudspeaker, and how many it holds.
    static let block = 256
    static let blocks = 2
    static let frame = 480

    /// How much faster the loudspeaker's clock runs than the microphone's.
    public var loudspeakerPPM = 0.0
    /// From the loudspeaker to the microphone, in samples: 40 ms, much of it in a server.
    public var bulk = 1_920
    /// How much softer the echo is than what is played, in dB.
    public var loss: Float = 12
    /// At the second given the way gets longer, or shorter, by so many samples.
    public var jump: (second: Int, samples: Int)?
    /// How far a time stamp is off at most, in milliseconds.
    public var stampJitter = 0.3

    public init() {}

    /// What the processing made of the microphone's sound.
    public struct Result {
        /// The microphone itself.
        public let microphone: [Float]
        public let processed: [Float]
        /// What was estimated of the clocks.
        public let driftPPM: Double
        /// How many samples later sound comes out, at the end.
        public let delay: Int
    }

    /// Plays `far` on the loudspeaker while `near` is said in the room, and processes what the
    /// microphone hears.
    public func run(
        far: [Float], near: [Float]? = nil, options: ProcessingOptions
    ) throws -> Result {
        let ring = LoudspeakerRing()
        var chain = CaptureChain(
            processing: try MicrophoneProcessing(options),
            ring: options.echoCancellation ? ring : nil, insert: nil)
        let microphone = microphone(far: far, near: near)
        var processed = microphone
        let samples = SampleBuffer(count: Self.frame)
        let blockOfSpeaker = SampleBuffer(count: Self.block)
        var random = SplitMix64(seed: 11)
        var pushed = 0
        for frame in 0..<microphone.count / Self.frame {
            let end = Double((frame + 1) * Self.frame) / 48_000
            while pushed + Self.block <= far.count {
                let heardAt = Double(pushed) / speakerRate
                // Written when there is room for it, two blocks ahead.
                guard heardAt - Double(Self.block * Self.blocks) / 48_000 <= end else { break }
                for index in 0..<Self.block { blockOfSpeaker[index] = far[pushed + index] }
                ring.push(
                    blockOfSpeaker, count: Self.block, heardAt: stamp(heardAt, &random))
                pushed += Self.block
            }
            for index in 0..<Self.frame { samples[index] = microphone[frame * Self.frame + index] }
            _ = chain.process(samples, count: Self.frame, end: stamp(end, &random))
            for index in 0..<Self.frame { processed[frame * Self.frame + index] = samples[index] }
        }
        return Result(
            microphone: microphone, processed: processed, driftPPM: chain.driftPPM(),
            delay: chain.delay)
    }

    private var speakerRate: Double { 48_000 * (1 + loudspeakerPPM * 1e-6) }

    /// A second in which nothing was, so that no stamp lies before the clock's beginning.
    private func stamp(_ time: Double, _ random: inout SplitMix64) -> UInt64 {
        let jitter = Double.random(in: -stampJitter...stampJitter, using: &random) / 1_000
        return UInt64((1 + time + jitter) * 1e9)
    }

    private func microphone(far: [Float], near: [Float]?) -> [Float] {
        let echo = reverberate(far)
        let gain = powf(10, -loss / 20)
        var random = SplitMix64(seed: 7)
        return far.indices.map { index in
            var way = bulk
            if let jump, index >= jump.second * 48_000 { way += jump.samples }
            let place = Double(index) * (1 + loudspeakerPPM * 1e-6) - Double(way)
            // A quiet room is at -70 dBFS.
            let noise = Float.random(in: -5.5e-4...5.5e-4, using: &random)
            return gain * Self.value(of: echo, at: place) + (near?[index] ?? 0) + noise
        }
    }

    /// Schroeder's reverberation: combs beside each other, all-passes behind them. As loud as
    /// `sound`.
    private func reverberate(_ sound: [Float]) -> [Float] {
        var sum = sound
        for delay in [1_427, 1_637, 1_811, 1_933] {
            // Through each once in `delay` samples: -60 dB after 12,000.
            let feedback = powf(10, -3 * Float(delay) / 12_000)
            var comb = sound
            for index in delay..<comb.count { comb[index] += feedback * comb[index - delay] }
            for index in delay..<comb.count { sum[index] += 0.5 * comb[index - delay] }
        }
        for delay in [241, 83] {
            var passed = sum
            for index in delay..<sum.count {
                passed[index] = -0.6 * sum[index] + sum[index - delay] + 0.6 * passed[index - delay]
            }
            sum = passed
        }
        let ratio = (Self.energy(sound) / Self.energy(sum)).squareRoot()
        return sum.map { $0 * ratio }
    }

    private static func energy(_ sound: [Float]) -> Float {
        sound.reduce(0) { $0 + $1 * $1 }
    }

    /// Between the samples: a sinc of 16, so that what drifts is not dulled.
    private static func value(of sound: [Float], at place: Double) -> Float {
        let whole = Int(place.rounded(.down))
        let part = place - Double(whole)
        guard whole >= 8, whole + 9 < sound.count else { return 0 }
        guard part > 1e-7 else { return sound[whole] }
        var sum = 0.0
        // sin(pi (part - tap)) is the same for all taps but for its sign.
        let sine = sin(.pi * part)
        for tap in -7...8 {
            let x = part - Double(tap)
            let window = 0.5 + 0.5 * cos(.pi * x / 8)
            let value = (tap.isMultiple(of: 2) ? sine : -sine) / (.pi * x) * window
            sum += value * Double(sound[whole + tap])
        }
        return Float(sum)
    }
}

/// By how many dB `after` is softer than `before` in the seconds given.
public func attenuation(
    _ before: [Float], _ after: [Float], seconds: Range<Double>
) -> Float {
    let range = Int(seconds.lowerBound * 48_000)..<Int(seconds.upperBound * 48_000)
    var (loud, soft) = (Float(0), Float(1e-12))
    for index in range {
        loud += before[index] * before[index]
        soft += after[index] * after[index]
    }
    return 10 * log10f(loud / soft)
}
