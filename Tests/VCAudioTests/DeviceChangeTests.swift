import ALSATestKit
import Glibc
import Synchronization
import Testing

@testable import VCAudio

extension OneByOne {
    @Suite(.serialized) struct DeviceChangeTests {
        private func pitch(_ sound: [Float]) -> Int {
            let crossings = zip(sound, sound.dropFirst()).filter { ($0 < 0) != ($1 < 0) }.count
            return crossings * 24_000 / max(1, sound.count)
        }

        private func switched(_ loop: EngineLoop, _ side: EngineEvent.Side) -> Bool {
            loop.wait(seconds: 2) { loop.events().contains(.deviceSwitched(side)) }
        }

        @Test("echo cancellation is told when the loudspeaker began again, and only then")
        func interruptions() throws {
            let card = try FixtureCard()
            card.useHere()
            let shared = try EngineShared(DeviceBuffers())
            let ring = LoudspeakerRing()
            let speaker = DeviceName.alsa("speaker")
            let loop = PlaybackLoop(
                shared: shared, name: speaker, device: try speaker.openPlayback(shared.buffers),
                loudspeaker: ring)
            let thread = try AudioThread(name: "vc-playback") { _ in loop.run() }
            defer {
                shared.isStopping.store(true, ordering: .relaxed)
                thread.join()
            }
            /// Blocks of the next third of a second, and how many follow nothing.
            func listen() -> (all: Int, broken: Int, xruns: Int) {
                var (all, broken) = (0, 0)
                let before = shared.playbackXruns.load(ordering: .relaxed)
                for _ in 0..<33 {
                    // The card plays at the pace of the clock, and its ring must not fill up.
                    usleep(10_000)
                    while let block = ring.nextBlock() {
                        all += 1
                        if !block.isContinuous { broken += 1 }
                    }
                    ring.release(before: ring.end)
                }
                return (all, broken, shared.playbackXruns.load(ordering: .relaxed) - before)
            }
            let begin = listen()
            #expect(begin.all > 30 && begin.broken >= 1 && begin.broken <= 1 + 2 * begin.xruns)
            let quiet = listen()
            #expect(quiet.all > 30 && quiet.broken <= 2 * quiet.xruns, "\(quiet)")
            card.set(.overrun, on: .playback)
            let faulty = listen()
            #expect(faulty.xruns >= 1 && faulty.broken >= 1, "\(faulty)")
            let other = try speaker.openPlayback(shared.buffers)
            shared.playbackDevices.offer(PlaybackBox(speaker, other))
            let switched = listen()
            #expect(switched.all > 30 && switched.broken >= 1, "\(switched)")
        }

        @Test("another microphone in mid-call: its sound follows, and nothing is lost by numbers")
        func capture() throws {
            let directory = try TemporaryDirectory()
            let loop = try EngineLoop(
                AudioEngine.Configuration(
                    capture: .tone(hertz: 500), playback: .file(directory.path + "/heard.wav")))
            letRun(milliseconds: 600)
            _ = loop.events()
            try loop.engine.changeCapture(to: .tone(hertz: 1_500))
            #expect(switched(loop, .capture))
            letRun(milliseconds: 700)
            let member = loop.engine.memberStatistics(slot: 1)
            loop.stop()
            let heard = try WAV.read(directory.path + "/heard.wav")
            #expect(abs(pitch(Array(heard[9_600..<24_000])) - 500) < 20)
            #expect(abs(pitch(Array(heard.suffix(14_400))) - 1_500) < 40)
            #expect(member.lost == 0 && member.refused == 0)
            #expect(loop.engine.captureName == .tone(hertz: 1_500))
        }

        @Test(
            "another loudspeaker in mid-call: the sound goes on there, the file before is finished")
        func playback() throws {
            let directory = try TemporaryDirectory()
            let loop = try EngineLoop(
                AudioEngine.Configuration(
                    capture: .tone(hertz: 500), playback: .file(directory.path + "/first.wav")))
            letRun(milliseconds: 600)
            _ = loop.events()
            try loop.engine.changePlayback(to: .file(directory.path + "/second.wav"))
            #expect(switched(loop, .playback))
            let first = try WAV.read(directory.path + "/first.wav")
            letRun(milliseconds: 600)
            loop.stop()
            let second = try WAV.read(directory.path + "/second.wav")
            #expect(abs(first.count - 600 * 48) < 9_600, "\(first.count)")
            #expect(abs(pitch(Array(first.suffix(9_600))) - 500) < 20)
            #expect(abs(pitch(Array(second.suffix(9_600))) - 500) < 20)
            #expect(try WAV.read(directory.path + "/first.wav").count == first.count)
        }

        @Test("devices that rest are changed too, and are the ones that wake")
        func resting() throws {
            let directory = try TemporaryDirectory()
            let loop = try EngineLoop(
                AudioEngine.Configuration(capture: .tone(hertz: 500), playback: .silence))
            letRun(milliseconds: 300)
            loop.engine.setMuted(true)
            loop.engine.setAlone(true)
            letRun(milliseconds: 400)
            _ = loop.events()
            try loop.engine.changeCapture(to: .tone(hertz: 900))
            #expect(switched(loop, .capture))
            try loop.engine.changePlayback(to: .file(directory.path + "/heard.wav"))
            #expect(switched(loop, .playback))
            loop.engine.setAlone(false)
            loop.engine.setMuted(false)
            letRun(milliseconds: 800)
            loop.stop()
            let heard = try WAV.read(directory.path + "/heard.wav")
            #expect(abs(pitch(Array(heard.suffix(14_400))) - 900) < 30)
        }

        @Test("what cannot be opened is told, and the device before goes on")
        func refused() throws {
            let loop = try EngineLoop(
                AudioEngine.Configuration(capture: .tone(hertz: 500), playback: .silence))
            #expect(throws: DeviceError.self) {
                try loop.engine.changeCapture(to: .file("/nonexistent.wav"))
            }
            #expect(throws: DeviceError.self) {
                try loop.engine.changePlayback(to: .alsa("nosuch"))
            }
            #expect(loop.engine.captureName == .tone(hertz: 500))
            #expect(loop.wait(seconds: 2) { loop.engine.memberStatistics(slot: 1).isSounding })
            loop.stop()
        }

        @Test("a device that was changed to is the one that is tried again when it is lost")
        func lostAfterwards() throws {
            let card = try FixtureCard()
            card.useHere()
            let loop = try EngineLoop(
                AudioEngine.Configuration(capture: .tone(hertz: 500), playback: .silence))
            letRun(milliseconds: 200)
            try loop.engine.changePlayback(to: .alsa("speaker"))
            #expect(switched(loop, .playback))
            letRun(milliseconds: 300)
            card.set(.unplugged, on: .playback)
            var events: [EngineEvent] = []
            func saw(_ wanted: (EngineEvent) -> Bool) -> Bool {
                loop.wait(seconds: 3) {
                    events += loop.events()
                    return events.contains(where: wanted)
                }
            }
            #expect(saw { if case .deviceLost(.playback, _) = $0 { true } else { false } })
            // Away from a device that is lost, and back to it.
            try loop.engine.changePlayback(to: .silence)
            #expect(saw { $0 == .deviceSwitched(.playback) })
            card.set(.none, on: .playback)
            events = []
            try loop.engine.changePlayback(to: .alsa("speaker"))
            #expect(saw { $0 == .deviceSwitched(.playback) })
            let started = card.started(.playback)
            #expect(loop.wait(seconds: 2) { card.started(.playback) >= max(1, started) })
            loop.stop()
        }

        @Test("repeated xruns make the loudspeaker's buffer longer in mid-call, which is told")
        func growth() throws {
            let card = try FixtureCard()
            card.useHere()
            let loop = try EngineLoop(
                AudioEngine.Configuration(capture: .tone(hertz: 500), playback: .alsa("speaker")))
            #expect(loop.wait(seconds: 3) { card.started(.playback) >= 1 })
            letRun(milliseconds: 300)
            let before = loop.engine.statistics.playbackDelayMilliseconds
            _ = loop.events()
            for _ in 0..<4 {
                let met = card.faults(.playback)
                card.set(.overrun, on: .playback)
                #expect(loop.wait(seconds: 2) { card.faults(.playback) > met })
                letRun(milliseconds: 150)
            }
            #expect(
                loop.wait(seconds: 2) { loop.events().contains(.deviceChanged(.playback)) })
            letRun(milliseconds: 600)
            let after = loop.engine.statistics.playbackDelayMilliseconds
            #expect(after > before + 3, "\(before) -> \(after) ms")
            #expect(loop.engine.statistics.playbackXruns >= 3)
            loop.stop()
        }

        @Test("the default device follows the system within a second, and only then is opened anew")
        func followsDefault() throws {
            let card = try FixtureCard(isLoop: false)
            try card.setDefault(.playback)
            card.useHere()
            let loop = try EngineLoop(
                AudioEngine.Configuration(capture: .tone(hertz: 1_000), playback: .default))
            letRun(milliseconds: 700)
            func now() -> Int {
                var time = timespec()
                clock_gettime(CLOCK_MONOTONIC, &time)
                return FixtureCard.sample(
                    at: Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9)
            }
            func peaks() -> (room: Float, cable: Float) {
                let from = now() - 9_600
                return (
                    card.heard(from: from, count: 4_800).map(abs).max() ?? 0,
                    card.microphoneCable(from: from, count: 4_800).map(abs).max() ?? 0
                )
            }
            #expect(peaks().room > 0.2 && peaks().cable == 0)
            _ = loop.events()
            loop.engine.followDefault()
            letRun(milliseconds: 20)
            // Written again with the same content, nothing happens.
            try card.setDefault(.playback)
            loop.engine.followDefault()
            letRun(milliseconds: 200)
            #expect(!loop.events().contains(.deviceSwitched(.playback)))
            try card.setDefault(.capture)
            loop.engine.followDefault()
            #expect(switched(loop, .playback))
            letRun(milliseconds: 700)
            #expect(peaks().cable > 0.2 && peaks().room == 0)
            // Who has chosen a device stays there.
            try loop.engine.changePlayback(to: .alsa("speaker"))
            #expect(switched(loop, .playback))
            letRun(milliseconds: 20)
            try card.setDefault(.playback)
            loop.engine.followDefault()
            letRun(milliseconds: 200)
            #expect(!loop.events().contains(.deviceSwitched(.playback)))
            loop.stop()
        }

        @Test("a default that does not open yet is tried again until it does, or moves again")
        func pursuesDefault() throws {
            let card = try FixtureCard(isLoop: false)
            try card.setDefault(.playback)
            card.useHere()
            let loop = try EngineLoop(
                AudioEngine.Configuration(capture: .tone(hertz: 1_000), playback: .default))
            defer { loop.stop() }
            letRun(milliseconds: 200)
            _ = loop.events()
            let second: UInt64 = 1_000_000_000
            let start = Pace.now()
            // The new one is there, and does not answer.
            card.set(.unplugged, on: .playback)
            try card.setDefault(.capture)
            loop.engine.followDefault(at: start)
            #expect(loop.engine.pursuit != nil)
            letRun(milliseconds: 100)
            #expect(!loop.events().contains(.deviceSwitched(.playback)))
            card.set(.none, on: .playback)
            // Not at each tick.
            loop.engine.followDefault(at: start + second / 4)
            letRun(milliseconds: 100)
            #expect(!loop.events().contains(.deviceSwitched(.playback)))
            loop.engine.followDefault(at: start + second / 2)
            #expect(switched(loop, .playback))
            #expect(loop.engine.pursuit == nil)
            // Who chooses a device meanwhile stays there.
            loop.engine.pursuit = DefaultPursuit(capture: false, playback: true, at: start)
            try loop.engine.changePlayback(to: .silence)
            #expect(switched(loop, .playback))
            loop.engine.followDefault(at: start + 20 * second)
            letRun(milliseconds: 100)
            #expect(!loop.events().contains(.deviceSwitched(.playback)))
            #expect(loop.engine.playbackName == .silence)
        }
    }
}
