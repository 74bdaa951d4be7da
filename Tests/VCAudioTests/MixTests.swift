import Glibc
import Testing
import VCAudio

@Suite struct MixTests {
    private func sine(_ amplitude: Float, count: Int = 480) -> [Float] {
        (0..<count).map { amplitude * sinf(2 * .pi * 997 * Float($0) / 48_000) }
    }

    private func buffer(_ samples: [Float]) -> SampleBuffer {
        let buffer = SampleBuffer(count: max(1, samples.count))
        for index in samples.indices { buffer[index] = samples[index] }
        return buffer
    }

    @Test("below -1 dBFS the limiter changes no sample")
    func transparent() {
        var limiter = Limiter()
        let samples = sine(0.88, count: 4_800)
        let output = buffer(samples)
        limiter.process(output, count: 4_800)
        #expect((0..<4_800).allSatisfy { output[$0] == samples[$0] })
    }

    @Test("above it nothing passes -1 dBFS, and quiet sound comes back unchanged")
    func limits() {
        var limiter = Limiter()
        for amplitude: Float in [1, 2, 16, 1_000, .infinity, .nan] {
            let output = buffer(sine(amplitude, count: 48_000))
            limiter.process(output, count: 48_000)
            let peak = output.peak(at: 0, count: 48_000)
            #expect(peak <= Limiter.ceiling * 1.000_01, "\(amplitude)")
            let finite = (0..<48_000).allSatisfy { output[$0].isFinite }
            #expect(finite || amplitude.isNaN || amplitude.isInfinite, "\(amplitude)")
            let quiet = sine(0.1, count: 48_000)
            let after = buffer(quiet)
            limiter.process(after, count: 48_000)
            #expect((47_000..<48_000).allSatisfy { after[$0] == quiet[$0] }, "\(amplitude)")
        }
    }

    @Test("members add up with their gains, which move without a step")
    func gains() {
        var mixer = Mixer()
        let first = buffer([Float](repeating: 0.2, count: 256))
        let second = buffer([Float](repeating: 0.1, count: 256))
        mixer.begin(count: 256)
        mixer.add(first, count: 256, previousGain: 1, gain: 1)
        mixer.add(second, count: 256, previousGain: 0, gain: 2)
        mixer.finish(count: 256)
        #expect(abs(mixer.output[255] - 0.4) < 1e-5)
        for index in 1..<256 {
            #expect(abs(mixer.output[index] - mixer.output[index - 1]) < 0.001)
        }
        #expect(abs(Mixer.factor(decibels: 6) - 1.995_26) < 1e-4)
        mixer.begin(count: 256)
        mixer.finish(count: 256)
        #expect(!mixer.hasSound && mixer.output.peak(at: 0, count: 256) == 0)
    }

    @Test("levels are those of RFC 6464")
    func levels() {
        #expect(Level.measure(buffer([Float](repeating: 0, count: 480)), count: 480) == 127)
        #expect(Level.measure(buffer([Float](repeating: 1, count: 480)), count: 480) == 0)
        #expect(Level.measure(buffer([Float](repeating: 2, count: 480)), count: 480) == 0)
        #expect(Level.measure(buffer([Float](repeating: 0.1, count: 480)), count: 480) == 20)
        #expect(Level.measure(buffer([Float](repeating: 1e-9, count: 480)), count: 480) == 127)
    }
}
