import Glibc
import Testing
import VCAudio
import VCAudioTestKit

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

    @Test("without it, sound stays as it is up to full scale, and is cut off there")
    func unlimited() {
        var mixer = Mixer()
        mixer.isLimiting = false
        for amplitude: Float in [0.95, 1, 4, .infinity, .nan] {
            let loud = sine(amplitude)
            mixer.begin(count: 480)
            mixer.add(buffer(loud), count: 480, previousGain: 1, gain: 1)
            mixer.finish(count: 480)
            let expected = loud.map { $0.isNaN ? 0 : max(-1, min(1, $0)) }
            #expect((0..<480).allSatisfy { mixer.output[$0] == expected[$0] }, "\(amplitude)")
        }
        // Turned off in the middle of something loud, it holds nothing down any more.
        mixer.isLimiting = true
        mixer.begin(count: 480)
        mixer.add(buffer(sine(8)), count: 480, previousGain: 1, gain: 1)
        mixer.finish(count: 480)
        mixer.isLimiting = false
        mixer.begin(count: 480)
        mixer.finish(count: 480)
        mixer.isLimiting = true
        let soft = sine(0.1)
        mixer.begin(count: 480)
        mixer.add(buffer(soft), count: 480, previousGain: 1, gain: 1)
        mixer.finish(count: 480)
        #expect((0..<480).allSatisfy { mixer.output[$0] == soft[$0] })
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

extension MixTests {
    @Test("it bends what is too loud and does not break it: little of it is flat at the ceiling")
    func soft() {
        var limiter = Limiter()
        let voice = (0..<10 * 48_000).map { 4 * VoiceSignal.sample(at: $0, pauses: false) }
        let output = buffer(voice)
        limiter.process(output, count: voice.count)
        let loud = voice.indices.filter { abs(voice[$0]) > Limiter.ceiling }
        func isFlat(_ index: Int) -> Bool { abs(output[index]) >= Limiter.ceiling * 0.999_9 }
        // One alone is a peak that was led to the ceiling; several beside each other are clipped.
        let flat = voice.indices.dropFirst().filter { isFlat($0) && isFlat($0 - 1) }
        let report = Comment(rawValue: "\(loud.count) above, \(flat.count) flat of \(voice.count)")
        print(report)
        #expect(loud.count > 10_000, report)
        #expect(flat.count * 20 < loud.count, report)
        // A steady tone that is twice too loud comes out as one that is not.
        let tone = buffer(sine(2, count: 48_000))
        limiter = Limiter()
        limiter.process(tone, count: 48_000)
        var (real, imaginary, power): (Float, Float, Float) = (0, 0, 0)
        for index in 24_000..<48_000 {
            let angle = 2 * Float.pi * 997 * Float(index) / 48_000
            real += tone[index] * sinf(angle)
            imaginary += tone[index] * cosf(angle)
            power += tone[index] * tone[index]
        }
        let wanted = (real * real + imaginary * imaginary) * 2 / 24_000
        let distortion = 10 * log10f(max(1e-9, power - wanted) / power)
        print("distortion \(distortion) dB")
        #expect(distortion < -30)
    }
}
