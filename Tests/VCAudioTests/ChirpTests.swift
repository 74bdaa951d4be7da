import Testing
import VCCore

@testable import VCAudio

@Suite struct ChirpTests {
    /// Two seconds of noise of this amplitude, with the chirp in it at `position`.
    private static func recording(
        noise: Float, gain: Float, at position: Int?, seed: UInt64 = 3
    ) -> [Float] {
        var random = SplitMix64(seed: seed)
        var samples = (0..<96_000).map { _ in
            noise * (Float(random.next(below: 65_536)) / 32_768 - 1)
        }
        guard let position else { return samples }
        for (index, sample) in Chirp().samples.enumerated() {
            samples[position + index] += gain * sample
        }
        return samples
    }

    @Test("a chirp is found where it is, as loud as it is, also below the noise")
    func found() throws {
        for (noise, gain) in [
            (Float(0), Float(0.01)), (0.0001, 0.5), (0.001, 0.1), (0.1, 0.25),
        ] {
            let samples = Self.recording(noise: noise, gain: gain, at: 40_123)
            let found = try #require(Chirp().find(in: samples))
            #expect(abs(found.position - 40_123) <= 1)
            #expect(abs(found.gain / Double(gain) - 1) < 0.1)
        }
    }

    @Test("noise, silence and a tone are no chirp")
    func notFound() {
        for seed in 1...3 as ClosedRange<UInt64> {
            let samples = Self.recording(noise: 0.3, gain: 0, at: nil, seed: seed)
            #expect(Chirp().find(in: samples) == nil)
        }
        #expect(Chirp().find(in: [Float](repeating: 0, count: 96_000)) == nil)
        #expect(Chirp().find(in: []) == nil)
    }

    @Test("a microphone that gives zeros only is told apart from a quiet one")
    func background() throws {
        #expect(try SoundCheck.listen(to: .silence) == .digitalSilence)
        guard case .level(let level) = try SoundCheck.listen(to: .tone(hertz: 440)) else {
            Issue.record("a tone is no silence")
            return
        }
        #expect(abs(level + 15) < 0.1)
        try SoundCheck.open(.silence)
    }

    @Test("where nothing leads from the loudspeaker to the microphone, no echo is heard")
    func noEcho() throws {
        #expect(
            try SoundCheck.echo(capture: .silence, playback: .silence)
                == .notHeard(.digitalSilence))
    }
}
