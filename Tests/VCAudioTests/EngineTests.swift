import CVCLinux
import Glibc
import Synchronization
import Testing
import VCAudio
import VCAudioTestKit
import VCCore

extension OneByOne {
    @Suite(.serialized) struct EngineTests {
        private func speech(seconds: Int) -> [Float] {
            (0..<seconds * 48_000).map { VoiceSignal.sample(at: $0, pauses: false) }
        }

        @Test(
            "what is too loud is turned down, or cut off for who wants that",
            arguments: [true, false])
        func limiter(isLimiting: Bool) throws {
            let directory = try TemporaryDirectory()
            var configuration = AudioEngine.Configuration(
                capture: .tone(hertz: 1_000), playback: .file(directory.path + "/heard.wav"))
            configuration.isLimiting = isLimiting
            let loop = try EngineLoop(configuration)
            // A tone of -15 dBFS becomes one of 5 above full scale.
            loop.engine.setGain(decibels: 20, slot: 1)
            usleep(700_000)
            // And in the middle of the call.
            loop.engine.setLimiting(!isLimiting)
            usleep(500_000)
            loop.stop()
            let heard = try WAV.read(directory.path + "/heard.wav")
            func peak(_ part: ArraySlice<Float>) -> Float { part.map(abs).max() ?? 0 }
            let (before, after) = (
                peak(heard.suffix(38_400).prefix(4_800)), peak(heard.suffix(4_800))
            )
            let (limited, cut) = isLimiting ? (before, after) : (after, before)
            #expect(abs(limited - Limiter.ceiling) < 0.01 && cut > 0.999, "\(limited) \(cut)")
        }

        @Test(
            "what the library of the microphone does not act on is told once",
            arguments: [true, false])
        func ignoredLevels(isAsked: Bool) throws {
            let directory = try TemporaryDirectory()
            try WAV.write(speech(seconds: 1), rate: 48_000, to: directory.path + "/said.wav")
            var configuration = AudioEngine.Configuration(
                capture: .file(directory.path + "/said.wav"), playback: .silence)
            configuration.processing = .all
            if isAsked {
                configuration.processing.gainMaximum = 30
                configuration.processing.echoSuppression = .high
            }
            let loop = try EngineLoop(configuration)
            let told = loop.events().compactMap { event -> ProcessingOptions.Level? in
                if case .ignored(let level) = event { level } else { nil }
            }
            let later = loop.events()
            loop.stop()
            // 0.3 (Debian 12) acts on the one, 1.3 (Debian 13) on both.
            let isOld = MicrophoneProcessing.isOldLibrary
            #expect(told == (isAsked && isOld ? [.gain] : []))
            #expect(!later.contains { if case .ignored = $0 { true } else { false } })
        }

        @Test("what is played is what was captured, about 20 ms later, without a splice")
        func fileToFile() throws {
            let directory = try TemporaryDirectory()
            let said = speech(seconds: 6)
            try WAV.write(said, rate: 48_000, to: directory.path + "/said.wav")
            let loop = try EngineLoop(
                AudioEngine.Configuration(
                    capture: .file(directory.path + "/said.wav"),
                    playback: .file(directory.path + "/heard.wav")))
            usleep(5_500_000)
            let member = loop.engine.memberStatistics(slot: 1)
            let engine = loop.engine.statistics
            loop.stop()
            let heard = try WAV.read(directory.path + "/heard.wav")
            #expect(abs(heard.count - 5_500 * 48) < 4_800)
            #expect(member.hasPlayed)
            #expect(member.lost == 0)
            #expect(engine.captureDelayMilliseconds > 12 && engine.captureDelayMilliseconds < 16)
            let (delay, likeness) = bestDelay(
                of: heard, behind: said, at: 48_000 * 2, length: 24_000)
            let report = Comment(rawValue: "delay \(Double(delay) / 48) ms \(likeness) \(member)")
            print(report)
            // Both files begin at the start of the engine, within the time that takes.
            #expect(delay > 480, report)
            #expect(delay < 48 * 35, report)
            #expect(likeness > 0.9, report)
            // A busy machine may have had its moment; the median is what the bench measures.
            #expect(member.bufferMilliseconds < 40, report)
        }

        @Test("a slot that somebody else takes counts from zero, and their first sound is told")
        func takenAnew() throws {
            let loop = try EngineLoop(
                AudioEngine.Configuration(capture: .tone(hertz: 440), playback: .silence))
            #expect(loop.wait(seconds: 2) { loop.engine.memberStatistics(slot: 1).received > 50 })
            try loop.engine.setActive(false, slot: 1)
            usleep(100_000)
            try loop.engine.setActive(true, slot: 1)
            let fresh = loop.engine.memberStatistics(slot: 1)
            #expect(!fresh.hasPlayed && fresh.received < 10)
            #expect(loop.wait(seconds: 2) { loop.engine.memberStatistics(slot: 1).hasPlayed })
            #expect(loop.engine.memberStatistics(slot: 1).received < 50)
            loop.stop()
        }

        @Test("while playback is held copies are left out, so that every new frame is kept")
        func burst() throws {
            // Its threads have not begun: nobody takes anything out.
            let engine = try AudioEngine(
                AudioEngine.Configuration(capture: .silence, playback: .silence))
            try engine.setActive(true, slot: 1)
            let packet = try VoicePackets(count: 1).packets[0]
            func push(_ sequence: Int, _ flags: FrameFlags) -> Bool {
                engine.receive(
                    VoiceFrame(
                        sequence: UInt16(sequence), timestamp: UInt32(sequence * 120), flags: flags,
                        instant: Instant(nanoseconds: 1)),
                    payload: packet.span.bytes, slot: 1)
            }
            var copies = 0
            for frame in 2..<98 {
                copies += (push(frame - 2, .copy) ? 1 : 0) + (push(frame - 1, .copy) ? 1 : 0)
                #expect(push(frame, []), "frame \(frame)")
            }
            #expect(copies > 10)
        }

        @Test("muted or alone nothing is captured, and the processor rests")
        func rest() throws {
            let loop = try EngineLoop(
                AudioEngine.Configuration(
                    capture: .tone(hertz: 440), playback: .silence))
            #expect(loop.wait(seconds: 2) { loop.engine.memberStatistics(slot: 1).isSounding })
            loop.engine.setMuted(true)
            #expect(loop.wait(seconds: 2) { !loop.engine.memberStatistics(slot: 1).isSounding })
            #expect(!loop.engine.statistics.isTalking)
            usleep(1_500_000)
            let frames = loop.engine.statistics.framesEncoded
            let before = vc_process_cpu_nanoseconds()
            usleep(1_000_000)
            let used = vc_process_cpu_nanoseconds() - before
            #expect(loop.engine.statistics.framesEncoded == frames)
            // The pump and the other tests of the process use some of it.
            print("muted: \(Double(used) / 10_000_000) %")
            loop.engine.setMuted(false)
            #expect(loop.wait(seconds: 1) { loop.engine.memberStatistics(slot: 1).isSounding })
            loop.engine.setAlone(true)
            usleep(100_000)
            let alone = loop.engine.statistics.framesEncoded
            usleep(300_000)
            #expect(loop.engine.statistics.framesEncoded == alone)
            loop.stop()
            // The end of each talk spurt was told: nothing was concealed for it.
            #expect(loop.engine.memberStatistics(slot: 1).lost == 0)
        }

        @Test(
            "files of any rate and channel count are played at their pitch, then silence",
            arguments: [(44_100, 2), (16_000, 1), (8_000, 2), (96_000, 1)])
        func anyFile(rate: Int, channels: Int) throws {
            let directory = try TemporaryDirectory()
            let tone = (0..<rate).flatMap { index in
                [Float](
                    repeating: 0.3 * sinf(2 * .pi * 1_000 * Float(index) / Float(rate)),
                    count: channels)
            }
            try WAV.write(tone, rate: rate, channels: channels, to: directory.path + "/tone.wav")
            let loop = try EngineLoop(
                AudioEngine.Configuration(
                    capture: .file(directory.path + "/tone.wav"),
                    playback: .file(directory.path + "/heard.flac")))
            usleep(700_000)
            #expect(loop.engine.statistics.captureLevel < 20)
            #expect(loop.wait(seconds: 2) { !loop.engine.statistics.isTalking })
            #expect(loop.engine.statistics.captureLevel == 127)
            let frames = loop.frames.load(ordering: .relaxed)
            // One second of sound and 300 ms of hangover.
            #expect(abs(frames - 131) <= 3, "\(frames)")
            loop.stop()
        }

        @Test("a recording can be played even when nobody finished it")
        func killed() throws {
            let directory = try TemporaryDirectory()
            let loop = try EngineLoop(
                AudioEngine.Configuration(
                    capture: .tone(hertz: 440), playback: .file(directory.path + "/heard.wav")))
            usleep(2_600_000)
            // What stands on the disk now is what a killed process would leave.
            let heard = try WAV.read(directory.path + "/heard.wav")
            #expect(heard.count >= 96_000)
            #expect(heard.suffix(4_800).contains { abs($0) > 0.2 })
            loop.stop()
        }

        @Test("the threads tell whether they have real-time priority, and gains are heard")
        func control() throws {
            let directory = try TemporaryDirectory()
            let loop = try EngineLoop(
                AudioEngine.Configuration(
                    capture: .tone(hertz: 1_000), playback: .file(directory.path + "/heard.wav")))
            usleep(800_000)
            var told = 0
            for event in loop.events() {
                if case .realTime = event { told += 1 }
            }
            #expect(told == 2)
            loop.engine.setGain(decibels: -20, slot: 1)
            usleep(600_000)
            loop.engine.setDeafened(true)
            usleep(600_000)
            loop.engine.setDeafened(false)
            usleep(400_000)
            try loop.engine.setActive(false, slot: 1)
            usleep(300_000)
            loop.stop()
            let heard = try WAV.read(directory.path + "/heard.wav")
            func peak(_ start: Int) -> Float { heard[start..<start + 4_800].map(abs).max() ?? 0 }
            #expect(abs(peak(24_000) - 0.25) < 0.03)
            #expect(abs(peak(55_000) - 0.025) < 0.006)
            #expect(peak(85_000) == 0)
            #expect(abs(peak(108_000) - 0.025) < 0.006)
            // Neither ends with a click: a sine of this pitch and level moves by 0.0033.
            let steps = zip(heard, heard.dropFirst()).map { abs($0 - $1) }
            #expect((steps[55_000...].max() ?? 1) < 0.005)
        }

        @Test("what cannot be opened is told with its reason")
        func errors() throws {
            func error(_ capture: DeviceName, _ playback: DeviceName) -> DeviceError? {
                do throws(DeviceError) {
                    let engine = try AudioEngine(
                        AudioEngine.Configuration(capture: capture, playback: playback))
                    try engine.start()
                    return nil
                } catch {
                    return error
                }
            }
            let directory = try TemporaryDirectory()
            let missing = error(.file(directory.path + "/none.wav"), .silence)
            #expect(missing?.isUnreadableFile == true)
            #expect("\(missing!)".contains("No such file"))
            let text = directory.path + "/text.wav"
            let file = try #require(fopen(text, "w"))
            fputs("this is no sound", file)
            fclose(file)
            #expect(error(.file(text), .silence)?.isUnreadableFile == true)
            #expect(
                error(.silence, .file(directory.path + "/x.mp4"))
                    == .unknownEnding(path: directory.path + "/x.mp4"))
            #expect(error(.silence, .file("/proc/none/x.wav"))?.isUnreadableFile == false)
            #expect(error(.silence, .tone(hertz: 440)) == .notAPlaybackDevice("tone:440.0"))
        }

        @Test("device names are parsed, and wrong ones explained")
        func names() throws {
            #expect(try DeviceName(parsing: "alsa:hw:1,0") == .alsa("hw:1,0"))
            #expect(try DeviceName(parsing: "file:/a b:c.wav") == .file("/a b:c.wav"))
            #expect(try DeviceName(parsing: "tone") == .tone(hertz: 440))
            #expect(try DeviceName(parsing: "tone:1000") == .tone(hertz: 1_000))
            #expect(try DeviceName(parsing: "silence") == .silence)
            #expect(throws: DeviceNameError.unknownScheme("pulse")) {
                try DeviceName(parsing: "pulse")
            }
            #expect(throws: DeviceNameError.unknownScheme("")) { try DeviceName(parsing: "") }
            #expect(throws: DeviceNameError.missingName(scheme: "file")) {
                try DeviceName(parsing: "file:")
            }
            #expect(throws: DeviceNameError.badFrequency("loud")) {
                try DeviceName(parsing: "tone:loud")
            }
            #expect(throws: DeviceNameError.badFrequency("nan")) {
                try DeviceName(parsing: "tone:nan")
            }
            #expect(throws: DeviceNameError.unknownScheme("silence:1")) {
                try DeviceName(parsing: "silence:1")
            }
        }

        /// How many samples `late` is behind `early` around `start`, and how alike they are there.
        private func bestDelay(
            of late: [Float], behind early: [Float], at start: Int, length: Int
        ) -> (Int, Float) {
            var best = (0, Float(-1))
            for delay in 0..<4_800 {
                var product: Float = 0
                var first: Float = 1e-9
                var second: Float = 1e-9
                for index in stride(from: start, to: start + length, by: 7) {
                    product += early[index] * late[index + delay]
                    first += early[index] * early[index]
                    second += late[index + delay] * late[index + delay]
                }
                let likeness = product / (first * second).squareRoot()
                if likeness > best.1 { best = (delay, likeness) }
            }
            return best
        }
    }
}
