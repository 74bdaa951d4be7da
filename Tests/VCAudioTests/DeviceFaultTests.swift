import ALSATestKit
import Glibc
import Synchronization
import Testing

@testable import VCAudio

@Suite struct ReopenScheduleTests {
    @Test("a lost device is tried at growing distances, and at least each 600 ms")
    func distances() {
        let millisecond: UInt64 = 1_000_000
        var schedule = ReopenSchedule(lostAt: 0)
        var tries: [Int] = []
        for time in 0..<3_000 where schedule.isDue(at: UInt64(time) * millisecond) {
            tries.append(time)
            schedule.noteTry(at: UInt64(time) * millisecond)
        }
        #expect(tries == [100, 300, 700, 1_300, 1_900, 2_500])
        // A try that took longer than its distance is followed by the next one at once.
        schedule = ReopenSchedule(lostAt: 0)
        schedule.noteTry(at: 100 * millisecond)
        let isDue = schedule.isDue(at: 600 * millisecond)
        #expect(isDue)
    }
}

extension OneByOne {
    /// Devices that fail for longer than a moment, on the fixture's sound card.
    @Suite(.serialized) struct DeviceFaultTests {
        /// A fault that stands, where, and with which buffer of the loudspeaker.
        struct Case: CustomTestStringConvertible {
            let fault: FixtureCard.Fault
            let side: FixtureCard.Side
            var playbackBuffer: Int?

            var testDescription: String { "\(fault) \(side) \(playbackBuffer ?? 0)" }
        }

        /// Everything that is told while the test looks.
        private final class Log {
            let loop: EngineLoop
            var events: [EngineEvent] = []

            init(_ loop: EngineLoop) { self.loop = loop }

            /// Whether it is told within so many seconds, or was.
            func saw(within seconds: Double, _ wanted: (EngineEvent) -> Bool) -> Bool {
                loop.wait(seconds: seconds) {
                    events += loop.events()
                    return events.contains(where: wanted)
                }
            }

            /// What was said about lost devices, as words.
            var devices: [String] {
                events += loop.events()
                return events.compactMap { event in
                    switch event {
                    case .deviceLost: "lost"
                    case .deviceBack: "back"
                    case .fileFailed: "failed"
                    default: nil
                    }
                }
            }
        }

        private func told(_ side: FixtureCard.Side) -> EngineEvent.Side {
            side == .playback ? .playback : .capture
        }

        private func isLost(_ event: EngineEvent) -> Bool {
            if case .deviceLost = event { true } else { false }
        }

        /// The tone plays on the loudspeaker, or the microphone gives frames, right now.
        private func works(_ card: FixtureCard, _ side: FixtureCard.Side, _ loop: EngineLoop)
            -> Bool
        {
            if side == .capture {
                let before = loop.frames.load(ordering: .relaxed)
                letRun(milliseconds: 60)
                return loop.frames.load(ordering: .relaxed) >= before + 3
            }
            let end = FixtureCard.sample(at: Double(Pace.now()) * 1e-9)
            return card.heard(from: end - 4_800, count: 2_400).contains { abs($0) > 0.1 }
        }

        @Test(
            "a device that opens but never moves is told once, and back when sound moves",
            arguments: [
                Case(fault: .broken, side: .playback),
                Case(fault: .broken, side: .playback, playbackBuffer: 200),
                Case(fault: .broken, side: .capture), Case(fault: .stall, side: .playback),
                Case(fault: .stall, side: .capture),
            ])
        func standing(given: Case) throws {
            let (side, card) = (given.side, try FixtureCard())
            card.useHere()
            var configuration = AudioEngine.Configuration(
                capture: side == .capture ? .alsa("microphone") : .tone(hertz: 1_000),
                playback: side == .capture ? .silence : .alsa("speaker"), gate: .open)
            configuration.buffers = DeviceBuffers(playback: given.playbackBuffer)
            let loop = try EngineLoop(configuration)
            defer { loop.stop() }
            let log = Log(loop)
            #expect(loop.wait(seconds: 3) { works(card, side, loop) })
            let met = card.faults(side)
            let opened = card.opened(side)
            card.set(given.fault, on: side)
            // An endless row of faults is seen at once, and not by the watchdog of half a second.
            let limit = given.fault == .broken ? 0.35 : 1.5
            #expect(log.saw(within: limit, isLost))
            letRun(milliseconds: 1_600)
            #expect(log.devices == ["lost"])
            #expect(side == .playback || loop.engine.statistics.captureLevel == 127)
            // The first loss is ten faults after at most three that made the buffer longer; each
            // further try, of four in this time, is ten.
            #expect(card.faults(side) - met <= 80, "\(card.faults(side) - met)")
            let tries = card.opened(side) - opened
            #expect(tries >= 2 && tries <= 7, "\(tries)")
            card.set(.none, on: side)
            #expect(log.saw(within: 1) { $0 == .deviceBack(told(side)) })
            #expect(loop.wait(seconds: 0.4) { works(card, side, loop) })
            letRun(milliseconds: 300)
            #expect(log.devices == ["lost", "back"])
        }

        @Test(
            "while a device hangs another one can be chosen, and without one it comes back",
            arguments: [FixtureCard.Side.playback, .capture], [false, true])
        func hanging(side: FixtureCard.Side, takesAnother: Bool) throws {
            let card = try FixtureCard()
            card.useHere()
            let loop = try EngineLoop(
                AudioEngine.Configuration(
                    capture: side == .capture ? .alsa("microphone") : .tone(hertz: 1_000),
                    playback: side == .capture ? .silence : .alsa("speaker"), gate: .open))
            defer { loop.stop() }
            let log = Log(loop)
            #expect(loop.wait(seconds: 3) { works(card, side, loop) })
            let opened = card.opened(side)
            card.set(.hang, on: side)
            defer { card.set(.none, on: side) }
            #expect(log.saw(within: 1.5, isLost))
            // It is tried again meanwhile, once: that has not come back.
            letRun(milliseconds: 1_000)
            #expect(log.devices == ["lost"] && card.opened(side) == opened)
            if takesAnother {
                if side == .capture {
                    try loop.engine.changeCapture(to: .tone(hertz: 500))
                } else {
                    try loop.engine.changePlayback(to: .silence)
                }
                #expect(log.saw(within: 0.5) { $0 == .deviceSwitched(told(side)) })
                card.set(.none, on: side)
                // What was opened too late is closed, and not used.
                #expect(loop.wait(seconds: 1) { card.closed(side) == opened + 1 })
                #expect(card.opened(side) == opened + 1 && log.devices == ["lost"])
                #expect(side == .playback || works(card, side, loop))
            } else {
                card.set(.none, on: side)
                #expect(log.saw(within: 1) { $0 == .deviceBack(told(side)) })
                #expect(loop.wait(seconds: 0.4) { works(card, side, loop) })
            }
        }

        @Test("a microphone that hangs while it rests is replaced without waiting for it")
        func hangingAtRest() throws {
            let card = try FixtureCard()
            card.useHere()
            let loop = try EngineLoop(
                AudioEngine.Configuration(
                    capture: .alsa("microphone"), playback: .silence, gate: .open))
            defer { loop.stop() }
            let log = Log(loop)
            #expect(loop.wait(seconds: 3) { works(card, .capture, loop) })
            loop.engine.setMuted(true)
            letRun(milliseconds: 200)
            card.set(.hang, on: .capture)
            defer { card.set(.none, on: .capture) }
            // Who waits for it nevertheless does not wait for ever.
            let mend = try AudioThread(name: "mend", isRealTime: false) { _ in
                letRun(milliseconds: 1_500)
                card.set(.none, on: .capture)
            }
            try loop.engine.changeCapture(to: .tone(hertz: 500))
            #expect(log.saw(within: 1) { $0 == .deviceSwitched(.capture) })
            #expect(card.closed(.capture) == 0, "it was waited for")
            loop.engine.setMuted(false)
            #expect(loop.wait(seconds: 1) { works(card, .capture, loop) })
            mend.join()
            #expect(loop.wait(seconds: 1) { card.closed(.capture) == 1 })
        }

        @Test("a device that hangs at the end does not keep anybody in the call")
        func hangingAtTheEnd() throws {
            let card = try FixtureCard()
            card.useHere()
            let loop = try EngineLoop(
                AudioEngine.Configuration(
                    capture: .alsa("microphone"), playback: .alsa("speaker"), gate: .open))
            #expect(loop.wait(seconds: 3) { works(card, .capture, loop) })
            // Out of a rest both are made ready anew, which waits for the device.
            loop.engine.setMuted(true)
            loop.engine.setDeafened(true)
            letRun(milliseconds: 200)
            let sides = [FixtureCard.Side.playback, .capture]
            for side in sides { card.set(.hang, on: side) }
            defer { for side in sides { card.set(.none, on: side) } }
            loop.engine.setMuted(false)
            loop.engine.setDeafened(false)
            letRun(milliseconds: 200)
            let ended = Atomic<Bool>(false)
            let thread = try AudioThread(name: "stop", isRealTime: false) { _ in
                loop.stop()
                ended.store(true, ordering: .releasing)
            }
            let deadline = Pace.now() + 4_000_000_000
            #expect(thread.join(until: deadline) && ended.load(ordering: .acquiring))
        }

        @Test("who opens a device that does not answer is told so, and it is closed when it does")
        func opening() throws {
            let card = try FixtureCard()
            card.useHere()
            card.set(.hang, on: .playback)
            let opening = try DeviceName.alsa("speaker").beginOpeningPlayback(DeviceBuffers())
            #expect(try opening.take() == nil)
            let reason = "it does not answer"
            #expect(throws: DeviceError.unavailable(device: "alsa:speaker", reason: reason)) {
                try opening.wait(milliseconds: 100)
            }
            card.set(.none, on: .playback)
            let deadline = Pace.now() + 2_000_000_000
            while card.closed(.playback) == 0, Pace.now() < deadline { letRun(milliseconds: 5) }
            #expect(card.opened(.playback) == 1 && card.closed(.playback) == 1)
            #expect(try opening.take() == nil)
        }

        @Test("a loudspeaker that was lost is told to be back though nobody is heard")
        func backAtRest() throws {
            let card = try FixtureCard()
            card.useHere()
            let loop = try EngineLoop(
                AudioEngine.Configuration(capture: .tone(hertz: 1_000), playback: .alsa("speaker")))
            defer { loop.stop() }
            let log = Log(loop)
            #expect(loop.wait(seconds: 3) { works(card, .playback, loop) })
            card.set(.unplugged, on: .playback)
            #expect(log.saw(within: 2, isLost))
            loop.engine.setDeafened(true)
            // Longer than what was heard last is waited for.
            letRun(milliseconds: 500)
            card.set(.none, on: .playback)
            #expect(log.saw(within: 1) { $0 == .deviceBack(.playback) })
            letRun(milliseconds: 300)
            #expect(log.devices == ["lost", "back"])
        }

        @Test("a thread that was held for longer than the watchdog has an xrun, and its microphone")
        func heldThread() throws {
            let card = try FixtureCard()
            card.useHere()
            let stream = try ALSAStream(
                name: "microphone", direction: .capture, period: 480, periods: 4)
            let samples = SampleBuffer(count: stream.bufferFrames)
            func take() throws -> Int {
                let available = try stream.wait(for: stream.periodFrames)
                return try stream.read(available, into: samples, at: 0)
            }
            try stream.prepare()
            #expect(try take() > 0)
            // The thread is held for longer than a device may stand still.
            usleep(UInt32(ALSAStream.watchdog / 1_000) + 200_000)
            #expect(try take() > 0)
            #expect(stream.xruns == 1)
            stream.close()
        }

        // MARK: Files

        @Test("a file that cannot be read any further is told once, and not begun anew")
        func unreadableFile() throws {
            let directory = try TemporaryDirectory()
            let path = directory.path + "/said.wav"
            try WAV.write([Float](repeating: 0.2, count: 480_000), rate: 48_000, to: path)
            let loop = try EngineLoop(
                AudioEngine.Configuration(capture: .file(path), playback: .silence, gate: .open))
            defer { loop.stop() }
            let log = Log(loop)
            #expect(loop.wait(seconds: 2) { loop.frames.load(ordering: .relaxed) > 20 })
            try breakDescriptors(of: path)
            let isTold = log.saw(within: 2) { event in
                guard case .fileFailed(.capture, let reason) = event else { return false }
                return reason.hasPrefix("cannot read \(path): ")
            }
            #expect(isTold, "\(log.events)")
            letRun(milliseconds: 50)
            let frames = loop.frames.load(ordering: .relaxed)
            letRun(milliseconds: 900)
            #expect(log.devices == ["failed"])
            #expect(loop.frames.load(ordering: .relaxed) == frames, "it began anew")
            try loop.engine.changeCapture(to: .tone(hertz: 500))
            #expect(log.saw(within: 2) { $0 == .deviceSwitched(.capture) })
            #expect(
                loop.wait(seconds: 2) { loop.frames.load(ordering: .relaxed) > frames + 20 })
        }

        /// Puts a directory in the place of an open file: reading gives an error from here on.
        private func breakDescriptors(of path: String) throws {
            let directory = open("/", O_RDONLY)
            try #require(directory >= 0)
            defer { close(directory) }
            var count = 0
            for descriptor: Int32 in 3..<1_024 {
                var name = [CChar](repeating: 0, count: 4_096)
                let length = readlink("/proc/self/fd/\(descriptor)", &name, name.count - 1)
                guard length > 0, name.text == path else { continue }
                #expect(dup2(directory, descriptor) == descriptor)
                count += 1
            }
            try #require(count == 1)
        }
    }
}
