import ALSATestKit
import Glibc
import Synchronization
import Testing
import VCAudio
import VCCore

/// What needs real time, or much of the processor, runs one after the other.
@Suite(.serialized) enum OneByOne {}

extension OneByOne {
    /// The real ALSA API on the fixture's sound card: what is said through its microphone (the
    /// cable) is what the engine played on its loudspeaker. All of these need real time.
    @Suite(.serialized) struct ALSATests {
        /// Tone -> engine A -> loudspeaker -> cable -> microphone -> engine B, which loops back to
        /// a file.
        private final class Rig {
            let card: FixtureCard
            let directory: TemporaryDirectory
            let speaker: EngineLoop
            let listener: EngineLoop

            init(_ card: FixtureCard) throws {
                self.card = card
                card.useHere()
                directory = try TemporaryDirectory()
                speaker = try EngineLoop(
                    AudioEngine.Configuration(
                        capture: .tone(hertz: 1_000), playback: .alsa("speaker")))
                listener = try EngineLoop(
                    AudioEngine.Configuration(
                        capture: .alsa("microphone"), playback: .file(directory.path + "/heard.wav")
                    ))
            }

            func stop() throws -> [Float] {
                listener.stop()
                speaker.stop()
                return try WAV.read(directory.path + "/heard.wav")
            }

            /// Whether the tone reaches the microphone now.
            func isHeard() -> Bool { listener.engine.statistics.captureLevel < 40 }
        }

        @Test("sound goes through with clocks that differ by 200 ppm", arguments: [0, 200, -200])
        func drift(ppm: Int) throws {
            let rig = try Rig(FixtureCard(playbackPPM: ppm, capturePPM: -ppm))
            #expect(rig.listener.wait(seconds: 3) { rig.isHeard() })
            usleep(Tests.isFull ? 30_000_000 : 4_000_000)
            let member = rig.listener.engine.memberStatistics(slot: 1)
            let speaking = rig.speaker.engine.memberStatistics(slot: 1)
            let statistics = rig.listener.engine.statistics
            let report = Comment(rawValue: "\(member) \(statistics)")
            #expect(rig.isHeard(), report)
            #expect(member.received > 300, report)
            #expect(member.lost <= member.received / 50, report)
            #expect(member.bufferMilliseconds < 60, report)
            #expect(speaking.bufferMilliseconds < 60, report)
            let heard = try rig.stop()
            // Nearly all of it is tone: a second is allowed for the start.
            let loud = stride(from: 0, to: heard.count - 480, by: 480).filter { start in
                heard[start..<start + 480].contains { abs($0) > 0.05 }
            }
            #expect(Double(loud.count * 480) > Double(heard.count) * 0.7)
        }

        @Test(
            "an overrun or a suspend costs a moment and not the device",
            arguments: [FixtureCard.Fault.overrun, .suspend], [FixtureCard.Side.playback, .capture])
        func momentary(fault: FixtureCard.Fault, side: FixtureCard.Side) throws {
            let card = try FixtureCard()
            let rig = try Rig(card)
            #expect(rig.listener.wait(seconds: 3) { rig.isHeard() })
            let opened = card.opened(side)
            let started = card.started(side)
            let met = card.faults(side)
            card.set(fault, on: side)
            #expect(rig.listener.wait(seconds: 2) { card.faults(side) > met })
            #expect(rig.listener.wait(seconds: 2) { card.started(side) > started })
            usleep(200_000)
            #expect(rig.listener.wait(seconds: 2) { rig.isHeard() })
            #expect(card.opened(side) == opened)
            let lost = (rig.speaker.events() + rig.listener.events()).filter {
                if case .deviceLost = $0 { true } else { false }
            }
            #expect(lost.isEmpty)
            if fault == .overrun {
                let xruns =
                    side == .playback
                    ? rig.speaker.engine.statistics.playbackXruns
                    : rig.listener.engine.statistics.captureXruns
                #expect(xruns >= 1)
            }
            _ = try rig.stop()
        }

        @Test(
            "an unplugged or hanging device is told, tried again, and back",
            arguments: [FixtureCard.Fault.unplugged, .stall], [FixtureCard.Side.playback, .capture])
        func lasting(fault: FixtureCard.Fault, side: FixtureCard.Side) throws {
            let card = try FixtureCard()
            let rig = try Rig(card)
            let loop = side == .playback ? rig.speaker : rig.listener
            #expect(rig.listener.wait(seconds: 3) { rig.isHeard() })
            _ = loop.events()
            let opened = card.opened(side)
            card.set(fault, on: side)
            var events: [EngineEvent] = []
            #expect(
                loop.wait(seconds: 3) {
                    events += loop.events()
                    return events.contains { if case .deviceLost = $0 { true } else { false } }
                })
            usleep(500_000)
            card.set(.none, on: side)
            events = []
            #expect(
                loop.wait(seconds: 5) {
                    events += loop.events()
                    return events.contains(.deviceBack(side == .playback ? .playback : .capture))
                })
            #expect(rig.listener.wait(seconds: 3) { rig.isHeard() })
            #expect(card.opened(side) > opened)
            _ = try rig.stop()
        }

        @Test("the buffers are as long as they were asked for", arguments: [(20, 10), (200, 200)])
        func buffers(capture: Int, playback: Int) throws {
            let card = try FixtureCard()
            card.useHere()
            var configuration = AudioEngine.Configuration(
                capture: .alsa("microphone"), playback: .alsa("speaker"), gate: .open)
            configuration.buffers = DeviceBuffers(capture: capture, playback: playback)
            let loop = try EngineLoop(configuration)
            defer { loop.stop() }
            // Whole periods, of 10 and 5.3 ms.
            #expect(abs(card.bufferMilliseconds(.capture) - Double(capture)) < 3)
            #expect(abs(card.bufferMilliseconds(.playback) - Double(playback)) < 3)
            #expect(loop.wait(seconds: 5) { loop.frames.load(ordering: .relaxed) > 100 })
            // What waits in the buffer is delay: all of it but for the period that is being played.
            let delay = loop.engine.statistics.playbackDelayMilliseconds
            #expect(delay > Double(playback) - 9 && delay < Double(playback) + 9, "\(delay) ms")
            // It is the same with the next device.
            card.forgetBuffers()
            try loop.engine.changeCapture(to: .alsa("microphone"))
            try loop.engine.changePlayback(to: .alsa("speaker"))
            #expect(
                loop.wait(seconds: 5) {
                    card.bufferMilliseconds(.capture) > 0 && card.bufferMilliseconds(.playback) > 0
                })
            #expect(abs(card.bufferMilliseconds(.capture) - Double(capture)) < 3)
            #expect(abs(card.bufferMilliseconds(.playback) - Double(playback)) < 3)
        }

        @Test(
            "a buffer takes no longer where a device wants more periods, and less for short frames",
            arguments: [(2, FrameDuration.tenMilliseconds), (3, .tenMilliseconds)]
                + [(2, .twoAndAHalfMilliseconds), (3, .twoAndAHalfMilliseconds)])
        func shortBuffers(fewestPeriods: Int, frame: FrameDuration) throws {
            let card = try FixtureCard(fewestPeriods: fewestPeriods, isCoarse: true)
            card.useHere()
            var configuration = AudioEngine.Configuration(
                capture: .alsa("microphone"), playback: .alsa("speaker"), gate: .open,
                encoder: EncoderProfile(frame: frame))
            // The buffer of the microphone is as short as can be asked for.
            configuration.buffers = DeviceBuffers(capture: 20, frame: frame)
            let loop = try EngineLoop(configuration)
            defer { loop.stop() }
            // Three periods are of 3.5 ms, and of no less than 2.5.
            let (usual, short) = fewestPeriods == 2 ? (10.7, 5.3) : (10.5, 7.5)
            let length = frame == .tenMilliseconds ? usual : short
            #expect(abs(card.bufferMilliseconds(.playback) - length) < 0.1)
            #expect(loop.wait(seconds: 5) { loop.frames.load(ordering: .relaxed) > 100 })
            // The frame and the codec's look-ahead: no frame waits for a period that ends later.
            let least = frame == .tenMilliseconds ? 12.5 : 5
            #expect(
                loop.wait(seconds: 5) {
                    loop.engine.statistics.captureDelayMilliseconds < least + 0.8
                })
        }

        @Test("a card of long periods has two of them at least, and does not run dry")
        func longPeriods() throws {
            let card = try FixtureCard(fewestPeriods: 1, leastPeriod: 1_024)
            card.useHere()
            let loop = try EngineLoop(
                AudioEngine.Configuration(
                    capture: .alsa("microphone"), playback: .alsa("speaker"), gate: .open))
            defer { loop.stop() }
            #expect(card.bufferMilliseconds(.playback) >= 42.6)
            #expect(card.bufferMilliseconds(.capture) >= 85)
            #expect(loop.wait(seconds: 5) { loop.frames.load(ordering: .relaxed) > 100 })
            #expect(loop.engine.statistics.playbackXruns == 0)
        }

        @Test(
            "devices with other rates and channels are converted",
            arguments: [44_100, 96_000, 16_000])
        func conversion(rate: Int) throws {
            let rig = try Rig(FixtureCard(rate: rate, channels: 2))
            #expect(rig.listener.wait(seconds: 3) { rig.isHeard() })
            usleep(1_500_000)
            #expect(rig.isHeard())
            let heard = try rig.stop()
            // The pitch is still 1 kHz: 100 ms have 200 zero crossings. Most of them: a machine
            // that stands still for a moment makes a gap in one.
            let last = Array(heard.suffix(48_000))
            let counts = stride(from: 0, to: 43_200, by: 4_800).map { start in
                let piece = last[start..<start + 4_800]
                return zip(piece, piece.dropFirst()).count { ($0 < 0) != ($1 < 0) }
            }
            #expect(abs(counts.sorted()[counts.count / 2] - 200) <= 6, "\(counts)")
        }

        @Test("devices that were paused because nobody listened work again at once")
        func pause() throws {
            let card = try FixtureCard()
            let rig = try Rig(card)
            #expect(rig.listener.wait(seconds: 3) { rig.isHeard() })
            let started = (card.started(.playback), card.started(.capture))
            rig.listener.engine.setMuted(true)
            rig.speaker.engine.setAlone(true)
            usleep(400_000)
            #expect(!rig.isHeard())
            rig.listener.engine.setMuted(false)
            rig.speaker.engine.setAlone(false)
            #expect(rig.listener.wait(seconds: 2) { rig.isHeard() })
            #expect(card.started(.playback) == started.0 + 1)
            #expect(card.started(.capture) == started.1 + 1)
            #expect(card.opened(.playback) == 1 && card.opened(.capture) == 1)
            _ = try rig.stop()
        }

        @Test("a device that is not there is told at the start, and listed ones have names")
        func missing() throws {
            let card = try FixtureCard()
            card.useHere()
            #expect(throws: DeviceError.self) {
                let engine = try AudioEngine(
                    AudioEngine.Configuration(capture: .silence, playback: .alsa("nosuch")))
                try engine.start()
            }
            card.set(.unplugged, on: .capture)
            do throws(DeviceError) {
                let engine = try AudioEngine(
                    AudioEngine.Configuration(capture: .alsa("microphone"), playback: .silence))
                try engine.start()
                Issue.record("the device was opened")
            } catch {
                #expect(!error.isUnreadableFile)
                #expect("\(error)".contains("alsa:microphone"))
            }
            let devices = DeviceList.devices()
            #expect(devices.contains { $0.name == "alsa:speaker" && $0.text == "Fixture speaker" })
        }
    }
}
