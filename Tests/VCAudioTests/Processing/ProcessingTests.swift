import Glibc
import Testing
import VCAudioTestKit
import VCCore

@testable import VCAudio

@Suite("Processing of the microphone, by the real library")
struct ProcessingTests {
    private static let text =
        "Please wait for the next train to arrive. Glue the sheet to the dark blue background."

    /// What comes out, and in which frames voice was found.
    private func process(
        _ sound: [Float], _ options: ProcessingOptions
    ) throws -> (sound: [Float], voice: [Bool], delay: Int) {
        var chain = CaptureChain(
            processing: try MicrophoneProcessing(options), ring: nil, insert: nil)
        let frame = SampleBuffer(count: 480)
        var result = sound
        var voice: [Bool] = []
        for start in stride(from: 0, to: sound.count - 479, by: 480) {
            for index in 0..<480 { frame[index] = sound[start + index] }
            let end = UInt64(start + 480) * 62_500 / 3
            voice.append(chain.process(frame, count: 480, end: end) ?? false)
            for index in 0..<480 { result[start + index] = frame[index] }
        }
        return (result, voice, chain.delay)
    }

    private static func only(_ change: (inout ProcessingOptions) -> Void) -> ProcessingOptions {
        var options = ProcessingOptions.none
        change(&options)
        return options
    }

    private static func noise(_ level: Float, seconds: Int) -> [Float] {
        var random = SplitMix64(seed: 2)
        return (0..<seconds * 48_000).map { _ in Float.random(in: -level...level, using: &random) }
    }

    private func level(_ sound: [Float], seconds: Range<Int>) -> Float {
        let part = sound[seconds.lowerBound * 48_000..<seconds.upperBound * 48_000]
        return 10 * log10f(part.reduce(1e-12) { $0 + $1 * $1 } / Float(part.count))
    }

    @Test("the delay is what is told, for each of the parts", arguments: 0..<16)
    func delay(parts: Int) throws {
        let options = ProcessingOptions(
            highPass: parts & 1 != 0, echoCancellation: parts & 2 != 0,
            noiseSuppression: parts & 4 != 0, gainControl: parts & 8 != 0, voiceDetection: true)
        let voice = try SpokenVoice.say(Self.text, voice: "en+f2", seconds: 4)
        let (sound, _, delay) = try process(voice, options)
        // Where the two are most alike, in the last two seconds.
        var best = (delay: -1, likeness: -Float.infinity)
        for candidate in stride(from: 0, to: 1_440, by: 6) {
            var likeness: Float = 0
            for index in stride(from: 96_000, to: 190_000, by: 5) {
                likeness += voice[index - candidate] * sound[index]
            }
            if likeness > best.likeness { best = (candidate, likeness) }
        }
        #expect(abs(best.delay - delay) <= 48, "\(best.delay) samples")
    }

    @Test("a tone or silence stays as it is, and another device in its place is processed")
    func withoutRoom() throws {
        var chain = CaptureChain(
            processing: try MicrophoneProcessing(.all), ring: nil, insert: nil)
        let frame = SampleBuffer(count: 480)
        func say() -> (Bool?, isChanged: Bool) {
            for index in 0..<480 { frame[index] = 0.1 * sinf(Float(index) / 20) }
            let hasVoice = chain.process(frame, count: 480, end: 1_000_000_000)
            let isChanged = (0..<480).contains { frame[$0] != 0.1 * sinf(Float($0) / 20) }
            return (hasVoice, isChanged)
        }
        chain.hasRoom = false
        let asItIs = say()
        #expect(asItIs.0 == nil && !asItIs.isChanged)
        let delay = chain.delay
        #expect(delay == 0)
        chain.hasRoom = true
        let processed = say()
        #expect(processed.0 != nil && processed.isChanged)
        let longer = chain.delay
        #expect(longer > 0)
    }

    @Test("hum is taken out, speech stays")
    func highPass() throws {
        let hum = (0..<96_000).map { 0.1 * sinf(2 * .pi * 50 * Float($0) / 48_000) }
        let (sound, _, _) = try process(hum, Self.only { $0.highPass = true })
        #expect(level(hum, seconds: 1..<2) - level(sound, seconds: 1..<2) > 6)
        let voice = try SpokenVoice.say(Self.text, voice: "en+f2", seconds: 3)
        let (kept, _, _) = try process(voice, Self.only { $0.highPass = true })
        #expect(abs(level(kept, seconds: 1..<3) - level(voice, seconds: 1..<3)) < 1)
    }

    @Test("steady noise gets 8 dB softer, a voice in it does not")
    func noise() throws {
        let noise = Self.noise(0.02, seconds: 6)
        let options = Self.only { $0.noiseSuppression = true }
        let (sound, _, _) = try process(noise, options)
        let gain = level(noise, seconds: 4..<6) - level(sound, seconds: 4..<6)
        #expect(gain > 8, "\(gain) dB")
        let voice = try SpokenVoice.say(Self.text, voice: "en+f2", seconds: 6)
        let (kept, _, _) = try process(zip(noise, voice).map { $0 + $1 }, options)
        #expect(abs(level(kept, seconds: 4..<6) - level(voice, seconds: 4..<6)) < 2)
    }

    @Test("a soft voice gets louder, and nothing leaves the range of a sample")
    func gain() throws {
        let voice = try SpokenVoice.say(Self.text, voice: "en+f2", seconds: 8).map { $0 / 4 }
        let (sound, _, _) = try process(voice, Self.only { $0.gainControl = true })
        let gain = level(sound, seconds: 5..<8) - level(voice, seconds: 5..<8)
        #expect(gain > 5, "\(gain) dB")
        let shout = voice.map { $0 * 40 }
        let (loud, _, _) = try process(shout, .all)
        #expect((loud.map(abs).max() ?? 2) <= Limiter.ceiling)
    }

    @Test("how much noise is taken out can be chosen")
    func levels() throws {
        let noise = Self.noise(0.02, seconds: 6)
        let suppressed = try ProcessingOptions.Suppression.allCases.map { chosen in
            var options = Self.only { $0.noiseSuppression = true }
            options.suppression = chosen
            let (sound, _, _) = try process(noise, options)
            return level(noise, seconds: 4..<6) - level(sound, seconds: 4..<6)
        }
        #expect(suppressed == suppressed.sorted(), "\(suppressed) dB")
        #expect(suppressed[3] > suppressed[0] + 3, "\(suppressed) dB")
    }

    @Test("how loud a voice is made can be chosen, where the library acts on that")
    func gainLevels() throws {
        let voice = try SpokenVoice.say(Self.text, voice: "en+f2", seconds: 8).map { $0 / 4 }
        func loudness(_ target: Int, _ maximum: Int) throws -> Float {
            var options = Self.only { $0.gainControl = true }
            options.gainTarget = target
            options.gainMaximum = maximum
            #expect(options.ignored.isEmpty == acts || (target, maximum) == (3, 9))
            let (sound, _, _) = try process(voice, options)
            return level(sound, seconds: 5..<8)
        }
        var probe = ProcessingOptions.all
        probe.gainMaximum = 0
        let acts = probe.ignored.isEmpty
        let (usual, soft, less) = (
            try loudness(3, 9), try loudness(25, 9), try loudness(3, 0)
        )
        print("gain: usual \(usual), target -25 \(soft), maximum 0 \(less) dB")
        #expect(acts ? soft < usual - 3 : abs(soft - usual) < 0.1, "\(usual) \(soft)")
        #expect(acts ? less < usual - 3 : abs(less - usual) < 0.1, "\(usual) \(less)")
    }

    @Test("voice is found, in noise too, and the gate sends no less than 99 % of it")
    func voice() throws {
        let spoken = try SpokenVoice.say(Self.text, voice: "en-us+m3", seconds: 12)
        let noise = Self.noise(0.003, seconds: 12)
        // Three seconds of it, then one of noise alone.
        let sound = spoken.indices.map { index in
            noise[index] + (index / 48_000 % 4 < 3 ? spoken[index] : 0)
        }
        let (processed, voice, delay) = try process(sound, .all)
        let frame = SampleBuffer(count: 480)
        var gate = VoiceGate()
        var (loud, sent) = (0, 0)
        for number in voice.indices {
            for index in 0..<480 { frame[index] = processed[number * 480 + index] }
            let now = Instant(nanoseconds: UInt64(number + 1) * 10_000_000)
            let decision = gate.judge(
                level: Level.measure(frame, count: 480), hasVoice: voice[number], at: now)
            // The voice that is in this frame now.
            let start = number * 480 - delay
            guard start >= 0, start / 48_000 % 4 < 3 else { continue }
            let energy = spoken[start..<start + 480].reduce(0) { $0 + $1 * $1 } / 480
            guard energy > 3e-5 else { continue }
            loud += 1
            if decision.sends { sent += 1 }
        }
        #expect(loud > 400)
        #expect(Double(sent) >= 0.99 * Double(loud), "\(sent) of \(loud)")
    }

    @Test("a loud fan that starts is sent for seconds, and not for ever")
    func fan() throws {
        var sound = Self.noise(0.000_3, seconds: 12)
        let fan = Self.noise(0.05, seconds: 12)
        for index in 3 * 48_000..<sound.count { sound[index] += fan[index] }
        let (processed, voice, _) = try process(sound, .all)
        let frame = SampleBuffer(count: 480)
        func sentFrames(_ voice: (Int) -> Bool?) -> Int {
            var gate = VoiceGate()
            return (0..<1_200).count { number in
                for index in 0..<480 { frame[index] = processed[number * 480 + index] }
                let now = Instant(nanoseconds: UInt64(number + 1) * 10_000_000)
                let level = Level.measure(frame, count: 480)
                let decision = gate.judge(level: level, hasVoice: voice(number), at: now)
                return decision.sends && number >= 800
            }
        }
        let byLevel = sentFrames { _ in nil }
        let byVoice = sentFrames { voice[$0] }
        #expect(byVoice < 40, "\(byVoice) frames")
        #expect(byLevel > 390, "\(byLevel) frames")
    }
}
