import ALSATestKit
import CVCLinux
import Glibc
import Testing
import VCAudio
import VCAudioTestKit
import VCCore

extension OneByOne {
    /// The engine with both its threads, on the fixture's sound card, whose microphone hears its
    /// loudspeaker. In real time.
    @Suite("Echo in a call", .serialized)
    struct EchoCallTests {
        /// Speech of another member, as it arrives: a frame each 10 ms.
        private final class Caller {
            let engine: AudioEngine
            private let sound: [Float]
            private var encoder: OpusEncoder
            private let frame = SampleBuffer(count: 480)
            private var number = 0
            private let start = vc_boottime_nanoseconds()

            init(_ engine: AudioEngine, _ sound: [Float]) throws {
                self.engine = engine
                self.sound = sound
                encoder = try OpusEncoder()
            }

            /// Speaks until `seconds` after the beginning; how loud what the engine would send is
            /// on average, in dB below what is spoken.
            func speak(until seconds: Double) throws -> Float {
                var (spoken, heard) = (Float(0), Float(1e-12))
                while number < Int(seconds * 100) {
                    for index in 0..<480 { frame[index] = sound[number * 480 + index] }
                    spoken += frame.energy(at: 0, count: 480) / 480
                    try encoder.encode(frame)
                    engine.receive(
                        VoiceFrame(
                            sequence: UInt16(number), timestamp: UInt32(number * 480),
                            instant: Instant(nanoseconds: vc_boottime_nanoseconds())),
                        payload: encoder.packet, slot: 1)
                    while engine.capturedFrames.pop({ sent, _ in
                        heard += powf(10, -Float(sent.level) / 10)
                    }) {}
                    number += 1
                    let due = start + UInt64(number) * 10_000_000
                    let now = vc_boottime_nanoseconds()
                    if due > now { vc_sleep_nanoseconds(due - now) }
                }
                return 10 * log10f(spoken / heard)
            }
        }

        private static let text =
            "The quick brown fox jumps over the lazy dog. Four hours of steady work faced us. "
            + "A large size in stockings is hard to sell. The boy was there when the sun rose."

        private func engine(_ processing: ProcessingOptions) throws -> AudioEngine {
            var configuration = AudioEngine.Configuration(
                capture: .alsa("microphone"), playback: .alsa("speaker"), gate: .open)
            configuration.processing = processing
            let engine = try AudioEngine(configuration)
            try engine.setActive(true, slot: 1)
            try engine.start()
            return engine
        }

        /// How much less of the echo is sent, in dB, before and after its jump.
        private func measureJump() throws -> (early: Float, late: Float, Comment) {
            let card = try FixtureCard(playbackPPM: 100)
            card.setEchoDelay(samples: 48)
            card.useHere()
            var options = ProcessingOptions.all
            options.gainControl = false
            let engine = try engine(options)
            defer { engine.stop() }
            let sound = try SpokenVoice.say(Self.text, voice: "en-us+m3", seconds: 15)
            let caller = try Caller(engine, sound)
            _ = try caller.speak(until: 5)
            let early = try caller.speak(until: 8)
            card.setEchoDelay(samples: 48 + 960)
            _ = try caller.speak(until: 12.5)
            let late = try caller.speak(until: 15)
            let report = Comment(
                rawValue: "\(early) dB, after the jump \(late) dB; \(engine.statistics)")
            return (early, late, report)
        }

        @Test("30 dB less within 5 s with cards 100 ppm apart, and 5 s after a jump of 20 ms")
        func echo() throws {
            var (early, late, report) = try measureJump()
            // A machine that holds threads may have been measured, and an xrun is a jump of its
            // own. Without such luck, in virtual time, there is no second try: EchoTests.
            for _ in 0..<3 where min(early, late) < 30 {
                print("once more: \(report)")
                (early, late, report) = try measureJump()
            }
            #expect(early >= 30, report)
            #expect(late >= 30, report)
        }

        @Test("with a headset's settings, and with --raw, the loudspeaker is heard")
        func without() throws {
            let card = try FixtureCard()
            card.useHere()
            var options = ProcessingOptions.all
            options.echoCancellation = false
            options.gainControl = false
            let sound = try SpokenVoice.say(Self.text, voice: "en-us+m3", seconds: 4)
            var delays: [Double] = []
            for options in [options, .none] {
                let engine = try engine(options)
                defer { engine.stop() }
                let caller = try Caller(engine, sound)
                _ = try caller.speak(until: 1.5)
                let loss = try caller.speak(until: 3.5)
                #expect(abs(loss) < 4, "\(loss) dB")
                delays.append(engine.statistics.captureDelayMilliseconds)
            }
            // What processing takes is part of the delay that is told: here 7 ms. The rest differs
            // by how the card's periods fall.
            #expect(abs(delays[0] - delays[1] - 7) < 5, "\(delays)")
        }
    }
}
