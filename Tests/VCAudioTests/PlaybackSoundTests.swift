import CVCLinux
import Glibc
import Testing
import VCAudio
import VCAudioTestKit
import VCCore

extension OneByOne {
    /// What the playback thread makes of it all.
    @Suite(.serialized) struct PlaybackSoundTests {
        private func engine(_ directory: TemporaryDirectory) throws -> AudioEngine {
            let engine = try AudioEngine(
                AudioEngine.Configuration(
                    capture: .silence, playback: .file(directory.path + "/heard.wav")))
            try engine.setActive(true, slot: 1)
            try engine.setActive(true, slot: 2)
            return engine
        }

        private func heard(_ directory: TemporaryDirectory) throws -> [Float] {
            try WAV.read(directory.path + "/heard.wav")
        }

        /// Speaks for the member in `slot` at the pace of the clock.
        private func talk(
            _ engine: AudioEngine, slot: Int, seconds: Int, decibels: Float
        ) throws {
            var encoder = try OpusEncoder()
            let samples = SampleBuffer(count: 480)
            let factor = Mixer.factor(decibels: decibels)
            let began = vc_boottime_nanoseconds()
            for number in 0..<seconds * 100 {
                for index in 0..<480 {
                    samples[index] =
                        factor * VoiceSignal.sample(at: number * 480 + index, pauses: false)
                }
                try encoder.encode(samples)
                engine.receive(
                    VoiceFrame(
                        sequence: UInt16(number), timestamp: UInt32(number * 480), level: 30,
                        instant: Instant(nanoseconds: vc_boottime_nanoseconds())),
                    payload: encoder.packet, slot: slot)
                let due = began + UInt64(number + 1) * 10_000_000
                let now = vc_boottime_nanoseconds()
                if due > now { usleep(UInt32((due - now) / 1_000)) }
            }
        }

        @Test("two members who are 25 dB apart are heard within 3 dB of each other")
        func leveling() throws {
            let directory = try TemporaryDirectory()
            let engine = try engine(directory)
            engine.setLeveling(true)
            try engine.start()
            try talk(engine, slot: 1, seconds: 4, decibels: 10)
            usleep(300_000)
            let split = engine.memberStatistics(slot: 1).received
            try talk(engine, slot: 2, seconds: 7, decibels: -15)
            usleep(300_000)
            engine.stop()
            #expect(split == 400)
            let heard = try heard(directory)
            let loud = IntegratedLoudness.measure(Array(heard[96_000..<192_000]))
            let soft = IntegratedLoudness.measure(
                Array(heard[(heard.count - 110_000)..<(heard.count - 24_000)]))
            #expect(abs(loud - soft) < 3, "\(loud) and \(soft) LUFS")
        }

        @Test("a gain of the person's own comes on top of it")
        func ownGain() throws {
            let directory = try TemporaryDirectory()
            let engine = try engine(directory)
            engine.setLeveling(true)
            engine.setGain(decibels: -15, slot: 1)
            try engine.start()
            try talk(engine, slot: 1, seconds: 4, decibels: 0)
            engine.stop()
            let loudness = IntegratedLoudness.measure(Array(try heard(directory).suffix(72_000)))
            #expect(abs(loudness - Double(Leveler.target - 15)) < 3, "\(loudness) LUFS")
        }

        @Test("who comes is told by a rising tone, who goes by a falling one, also the last one")
        func tones() throws {
            let directory = try TemporaryDirectory()
            let engine = try engine(directory)
            try engine.start()
            usleep(200_000)
            engine.playTone(isArrival: true)
            usleep(500_000)
            engine.setAlone(true)
            usleep(500_000)
            engine.playTone(isArrival: false)
            engine.setAlone(true)
            usleep(500_000)
            engine.setDeafened(true)
            engine.playTone(isArrival: true)
            usleep(300_000)
            engine.stop()
            let heard = try heard(directory)
            let notes = notes(in: heard)
            #expect(notes.map { $0.hertz } == [523, 784, 784, 523])
            #expect((heard.map(abs).max() ?? 0) <= 0.0501)
            let steps = zip(heard, heard.dropFirst()).map { abs($0 - $1) }
            #expect((steps.max() ?? 1) < 0.01, "no click")
        }

        @Test("the equaliser is heard, and can be turned off again")
        func equalizer() throws {
            let directory = try TemporaryDirectory()
            let loop = try EngineLoop(
                AudioEngine.Configuration(
                    capture: .tone(hertz: 60), playback: .file(directory.path + "/heard.wav")))
            usleep(700_000)
            loop.engine.setEqualizer(EqualizerSetting(low: -12, middle: 0, high: 0))
            usleep(800_000)
            loop.engine.setEqualizer(.flat)
            usleep(800_000)
            loop.stop()
            let heard = try heard(directory)
            func peak(_ start: Int) -> Float { heard[start..<start + 4_800].map(abs).max() ?? 0 }
            #expect(abs(peak(24_000) - 0.25) < 0.03)
            #expect(abs(peak(62_000) - 0.25 * 0.25) < 0.02)
            #expect(abs(peak(100_000) - 0.25) < 0.03)
        }

        /// The notes of 90 ms in a recording, by their zero crossings.
        private func notes(in sound: [Float]) -> [(start: Int, hertz: Int)] {
            var result: [(start: Int, hertz: Int)] = []
            var index = 0
            while index + 4_320 < sound.count {
                guard abs(sound[index]) > 0.001 else {
                    index += 1
                    continue
                }
                // The middle of the note: it begins and ends softly.
                let part = sound[index + 400..<index + 2_800]
                let crossings = zip(part, part.dropFirst()).filter { ($0 < 0) != ($1 < 0) }.count
                let hertz = Float(crossings) / 2 / 0.05
                result.append(
                    (index, abs(hertz - 523) < 25 ? 523 : abs(hertz - 784) < 25 ? 784 : 0))
                index += 4_310
                if result.count % 2 == 0 { index += 1_000 }
            }
            return result
        }
    }
}
