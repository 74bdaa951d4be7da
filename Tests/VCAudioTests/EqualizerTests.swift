import Glibc
import Testing
import VCAudio
import VCAudioTestKit

@Suite struct EqualizerTests {
    private func run(_ equalizer: inout Equalizer, _ sound: [Float]) -> [Float] {
        let samples = SampleBuffer(count: 240)
        var result: [Float] = []
        for start in stride(from: 0, to: sound.count - 239, by: 240) {
            for index in 0..<240 { samples[index] = sound[start + index] }
            equalizer.process(samples, count: 240)
            for index in 0..<240 { result.append(samples[index]) }
        }
        return result
    }

    private func tone(_ hertz: Float, count: Int = 48_000) -> [Float] {
        (0..<count).map { 0.1 * sinf(2 * .pi * hertz * Float($0) / 48_000) }
    }

    /// What it does to a tone in the end, in dB.
    private func gain(_ setting: EqualizerSetting, at hertz: Float) -> Float {
        var equalizer = Equalizer()
        equalizer.set(setting)
        let heard = run(&equalizer, tone(hertz))
        let energy = heard.suffix(24_000).reduce(0) { $0 + $1 * $1 } / 24_000
        return 10 * log10f(energy / 0.005)
    }

    @Test("flat, it changes no sample")
    func flat() {
        var equalizer = Equalizer()
        let sound = tone(700)
        #expect(run(&equalizer, sound) == sound)
        equalizer.set(.flat)
        #expect(!equalizer.isActive && run(&equalizer, sound) == sound)
    }

    @Test(
        "each band lifts and lowers what lies in it, and leaves the others",
        arguments: [
            Float(-12), -6, 6, 12,
        ])
    func bands(decibels: Float) {
        let low = EqualizerSetting(low: decibels, middle: 0, high: 0)
        let middle = EqualizerSetting(low: 0, middle: decibels, high: 0)
        let high = EqualizerSetting(low: 0, middle: 0, high: decibels)
        #expect(abs(gain(low, at: 40) - decibels) < 0.5)
        #expect(abs(gain(low, at: 4_000)) < 0.5)
        #expect(abs(gain(middle, at: 1_500) - decibels) < 0.2)
        #expect(abs(gain(middle, at: 60)) < 0.5 && abs(gain(middle, at: 16_000)) < 0.8)
        #expect(abs(gain(high, at: 16_000) - decibels) < 0.5)
        #expect(abs(gain(high, at: 400)) < 0.5)
    }

    @Test("a new setting makes no click, and off it is as if it had never been")
    func changes() {
        var equalizer = Equalizer()
        let sound = tone(300, count: 144_000)
        var heard = run(&equalizer, Array(sound[..<24_000]))
        equalizer.set(EqualizerSetting(low: 12, middle: -12, high: 12))
        heard += run(&equalizer, Array(sound[24_000..<72_000]))
        equalizer.set(EqualizerSetting(low: -12, middle: 12, high: -12))
        heard += run(&equalizer, Array(sound[72_000..<96_000]))
        equalizer.set(.flat)
        heard += run(&equalizer, Array(sound[96_000...]))
        let steps = zip(heard, heard.dropFirst()).map { abs($0 - $1) }
        // Four times louder, 300 Hz moves by 0.016 from one sample to the next.
        #expect((steps.max() ?? 1) < 0.02)
        #expect(Array(heard.suffix(24_000)) == Array(sound.suffix(24_000)))
        #expect(!equalizer.isActive)
    }

    @Test("what is no number does not stay in it, and settings beyond the range are held")
    func bounds() {
        var equalizer = Equalizer()
        equalizer.set(EqualizerSetting(low: 3, middle: 3, high: 3))
        _ = run(&equalizer, [Float](repeating: .nan, count: 480))
        let heard = run(&equalizer, tone(1_000))
        #expect(heard.suffix(24_000).allSatisfy { $0.isFinite })
        #expect(
            EqualizerSetting(low: 99, middle: -99, high: .nan)
                == EqualizerSetting(low: 12, middle: -12, high: 0))
    }

    @Test("what is lifted is limited behind it")
    func limited() {
        var mixer = Mixer()
        mixer.equalizer.set(EqualizerSetting(low: 12, middle: 12, high: 12))
        let samples = SampleBuffer(count: 240)
        for block in 0..<400 {
            for index in 0..<240 {
                samples[index] = VoiceSignal.sample(at: block * 240 + index, pauses: false)
            }
            mixer.begin(count: 240)
            mixer.add(samples, count: 240, previousGain: 1, gain: 1)
            mixer.finish(count: 240)
            #expect(mixer.output.peak(at: 0, count: 240) <= Limiter.ceiling * 1.000_01)
        }
    }
}
