import Glibc
import Testing
import VCAudio
import VCAudioTestKit

@Suite struct LoudnessTests {
    /// What a member sounds like behind its leveler, in the blocks of playback.
    private func leveled(_ voice: [Float], _ leveler: inout Leveler, block: Int = 256) -> [Float] {
        var result: [Float] = []
        let samples = SampleBuffer(count: block)
        var mixer = Mixer()
        var before: Float = leveler.factor
        for start in stride(from: 0, to: voice.count - block + 1, by: block) {
            for index in 0..<block { samples[index] = voice[start + index] }
            let factor = leveler.listen(to: samples, count: block)
            mixer.begin(count: block)
            mixer.add(samples, count: block, previousGain: before, gain: factor)
            mixer.finish(count: block)
            before = factor
            for index in 0..<block { result.append(mixer.output[index]) }
        }
        return result
    }

    /// The loudness of its last third, when what there was to learn was learned.
    private func settled(_ voice: [Float]) -> Double {
        var leveler = Leveler()
        let heard = leveled(voice, &leveler)
        return IntegratedLoudness.measure(Array(heard.suffix(heard.count / 3)))
    }

    private func noise(decibels: Float, count: Int) -> [Float] {
        var state: UInt32 = 1
        let amplitude = Mixer.factor(decibels: decibels) * Float(3).squareRoot()
        return (0..<count).map { _ in
            state = state &* 1_664_525 &+ 1_013_904_223
            return amplitude * (Float(state >> 8) / Float(1 << 23) - 1)
        }
    }

    @Test(
        "who shouts, who speaks and who whispers are equally loud within 3 dB, voices as they are")
    func equallyLoud() throws {
        let shout = try Speech.spoken(voice: "en+m7", peak: 0.99, drive: 4)
        let speech = try Speech.spoken(voice: "en+f3", peak: 0.3)
        let whisper = try Speech.spoken(voice: "en+whisper", peak: 0.02)
        let before = [shout, speech, whisper].map { IntegratedLoudness.measure($0) }
        let after = [shout, speech, whisper].map { settled($0) }
        let report = Comment(rawValue: "\(before) -> \(after)")
        print(report)
        #expect(before[0] - before[2] > 25, report)
        #expect((after.max() ?? 0) - (after.min() ?? 0) < 3, report)
        #expect(abs(after[0] - Double(Leveler.target)) < 2, report)
    }

    @Test("the same voice 40 dB apart ends within a dB, with pauses and with noise behind it")
    func sameVoice() {
        let voice = (0..<20 * 48_000).map { VoiceSignal.sample(at: $0) }
        let results = [Float(-28), -10, 12].map { decibels in
            settled(voice.map { $0 * Mixer.factor(decibels: decibels) })
        }
        let report = Comment(rawValue: "\(results)")
        #expect((results.max() ?? 0) - (results.min() ?? 0) < 2.2, report)
        let background = noise(decibels: -75, count: voice.count)
        let noisy = settled(zip(voice, background).map { $0 * 0.05 + $1 })
        #expect(abs(noisy - results[1]) < 2, "\(noisy) with noise, \(report)")
    }

    @Test("noise alone is not made louder, nor a tone; and noise behind a whisper only so far")
    func noiseStays() {
        var leveler = Leveler()
        _ = leveled(noise(decibels: -50, count: 480_000), &leveler)
        #expect(leveler.gain.magnitude < 1)
        leveler = Leveler()
        let tone = (0..<480_000).map { 0.02 * sinf(2 * .pi * 440 * Float($0) / 48_000) }
        _ = leveled(tone, &leveler)
        #expect(leveler.gain == 0)
        leveler = Leveler()
        let background = noise(decibels: -50, count: 15 * 48_000)
        let faint = background.indices.map {
            0.02 * VoiceSignal.sample(at: $0) / 0.16 + background[$0]
        }
        _ = leveled(faint, &leveler)
        #expect(leveler.gain < 12, "\(leveler.gain)")
    }

    @Test("the gain is bounded, moves slowly, and stands still in pauses")
    func slow() {
        var leveler = Leveler()
        let samples = SampleBuffer(count: 480)
        var last: Float = 0
        var movedInPause: Float = 0
        for block in 0..<6_000 {
            let isPause = block % 400 >= 300
            for index in 0..<480 {
                let sample = VoiceSignal.sample(at: block * 480 + index, pauses: false)
                samples[index] = isPause ? 0 : 0.001 * sample
            }
            _ = leveler.listen(to: samples, count: 480)
            #expect((leveler.gain - last).magnitude <= 0.13)
            if isPause { movedInPause += (leveler.gain - last).magnitude }
            last = leveler.gain
        }
        #expect(movedInPause < 0.2)
        #expect(leveler.gain <= Leveler.most)
        for block in 0..<2_000 {
            for index in 0..<480 {
                samples[index] = 60 * VoiceSignal.sample(at: block * 480 + index, pauses: false)
            }
            _ = leveler.listen(to: samples, count: 480)
        }
        #expect(leveler.gain == Leveler.least || leveler.gain > Leveler.least)
        #expect(leveler.gain < -10)
        for _ in 0..<100 { _ = leveler.relax() }
        #expect(leveler.gain == 0 && leveler.factor == 1)
    }

    @Test("somebody who shouted and whispers now is heard again")
    func changesItsVoice() {
        var leveler = Leveler()
        let voice = (0..<12 * 48_000).map { VoiceSignal.sample(at: $0, pauses: false) }
        _ = leveled(voice.map { $0 * 2 }, &leveler)
        let loud = leveler.gain
        let heard = leveled(voice.map { $0 * 0.02 }, &leveler)
        #expect(leveler.gain > loud + 20)
        let ended = IntegratedLoudness.measure(Array(heard.suffix(96_000)))
        #expect(abs(ended - Double(Leveler.target)) < 6, "\(ended)")
    }

    @Test("what is no number does not stay in it")
    func poison() {
        var leveler = Leveler()
        let samples = SampleBuffer(count: 480)
        for index in 0..<480 { samples[index] = index % 3 == 0 ? .nan : .infinity }
        _ = leveler.listen(to: samples, count: 480)
        let voice = (0..<10 * 48_000).map { VoiceSignal.sample(at: $0) * 0.1 }
        let heard = leveled(voice, &leveler)
        #expect(heard.allSatisfy { $0.isFinite })
        #expect(leveler.gain > 3)
    }
}

/// ITU-R BS.1770-4 as it is written: blocks of 400 ms with 75 % overlap, two gates.
enum IntegratedLoudness {
    static func measure(_ samples: [Float]) -> Double {
        let weighted = highPassed(shelved(samples.map(Double.init)))
        let powers = stride(from: 0, to: max(0, weighted.count - 19_199), by: 4_800).map { start in
            weighted[start..<start + 19_200].reduce(0) { $0 + $1 * $1 } / 19_200
        }
        func loudness(_ powers: [Double]) -> Double {
            powers.isEmpty
                ? -.infinity : -0.691 + 10 * log10(powers.reduce(0, +) / Double(powers.count))
        }
        let loud = powers.filter { loudness([$0]) > -70 }
        let gate = loudness(loud) - 10
        return loudness(loud.filter { loudness([$0]) > gate })
    }

    private static func shelved(_ samples: [Double]) -> [Double] {
        filtered(
            samples, [1.53512485958697, -2.69169618940638, 1.19839281085285],
            [-1.69065929318241, 0.73248077421585])
    }

    private static func highPassed(_ samples: [Double]) -> [Double] {
        filtered(samples, [1, -2, 1], [-1.99004745483398, 0.99007225036621])
    }

    private static func filtered(_ samples: [Double], _ b: [Double], _ a: [Double]) -> [Double] {
        var (x1, x2, y1, y2) = (0.0, 0.0, 0.0, 0.0)
        return samples.map { x in
            let y = b[0] * x + b[1] * x1 + b[2] * x2 - a[0] * y1 - a[1] * y2
            (x2, x1, y2, y1) = (x1, x, y1, y)
            return y
        }
    }
}

/// Voices of espeak-ng (Tools/setup --test installs it), at 48 kHz.
enum Speech {
    private static let text =
        "The quick brown fox jumps over the lazy dog, and nobody says a word about it. "
        + "When the wind had blown for three days, the old man took his boat and went out. "
        + "Five hundred people were waiting there; some of them had never seen the sea."

    /// Eighteen seconds or more, the loudest sample at `peak`. `drive` is how far it is overdriven,
    /// as who shouts overdrives a microphone.
    static func spoken(voice: String, peak: Float, drive: Float = 1) throws -> [Float] {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/said.wav"
        let command = "espeak-ng -v \(voice) -w '\(path)' '\(text)'"
        try #require(system(command) == 0, "espeak-ng is not installed")
        let said = try WAV.read(path)
        let count = Int(Double(said.count) * 48_000 / 22_050) - 2
        var samples = (0..<count).map { index in
            let place = Double(index) * 22_050 / 48_000
            let left = Int(place)
            let share = Float(place - Double(left))
            return said[left] * (1 - share) + said[left + 1] * share
        }
        let loudest = samples.map(abs).max() ?? 1
        samples = samples.map { max(-1, min(1, $0 * drive / loudest)) * peak }
        return samples + samples
    }
}
