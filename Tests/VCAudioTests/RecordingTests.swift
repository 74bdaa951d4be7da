import CVCLinux
import Glibc
import Synchronization
import Testing
import VCAudio
import VCAudioTestKit
import VCCore

extension OneByOne {
    @Suite(.serialized) struct RecordingTests {
        /// What libsndfile finds in a sound file, through a capture device that plays it.
        private func decoded(_ path: String, seconds: Double) throws -> [Float] {
            let directory = try TemporaryDirectory()
            let loop = try EngineLoop(
                AudioEngine.Configuration(
                    capture: .file(path), playback: .file(directory.path + "/again.wav"),
                    gate: .open))
            usleep(UInt32(seconds * 1_000_000))
            loop.stop()
            return try WAV.read(directory.path + "/again.wav")
        }

        private func rms(_ samples: ArraySlice<Float>) -> Float {
            (samples.reduce(0) { $0 + $1 * $1 } / Float(max(1, samples.count))).squareRoot()
        }

        /// How much of a tone is in a sound.
        private func share(of hertz: Float, in sound: ArraySlice<Float>) -> Float {
            var (real, imaginary): (Float, Float) = (0, 0)
            for (index, sample) in sound.enumerated() {
                let angle = 2 * Float.pi * hertz * Float(index % 48_000) / 48_000
                real += sample * cosf(angle)
                imaginary += sample * sinf(angle)
            }
            return 2 * (real * real + imaginary * imaginary).squareRoot() / Float(sound.count)
        }

        @Test("what is said and what is heard stand on one track, at the times when they were")
        func bothSides() throws {
            let directory = try TemporaryDirectory()
            let path = directory.path + "/call.wav"
            // Noise: a tone and its echo may add up to nothing.
            var random = SplitMix64(seed: 3)
            let noise = (0..<48_000 * 4).map { _ in Float.random(in: -0.2...0.2, using: &random) }
            try WAV.write(noise, rate: 48_000, to: directory.path + "/noise.wav")
            let loop = try EngineLoop(
                AudioEngine.Configuration(
                    capture: .file(directory.path + "/noise.wav"), playback: .silence,
                    gate: .open))
            usleep(500_000)
            try loop.engine.startRecording(to: path)
            #expect(loop.engine.isRecording)
            usleep(1_000_000)
            loop.engine.setMuted(true)
            usleep(600_000)
            loop.engine.setMuted(false)
            usleep(800_000)
            #expect(loop.engine.stopRecording() == nil)
            #expect(!loop.engine.isRecording)
            usleep(200_000)
            loop.stop()
            let track = try WAV.read(path)
            #expect(abs(track.count - 2_400 * 48) < 6_000, "\(track.count)")
            // 0.115 of each side.
            #expect(rms(track[9_600..<38_400]) > 0.05)
            #expect(rms(track[60_000..<72_000]) < 0.001, "muted, there is silence")
            #expect(rms(track[91_200..<110_000]) > 0.05)
            var status = stat()
            #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
        }

        @Test("sound that was heard follows sound that was said by the delay of the way")
        func times() throws {
            let directory = try TemporaryDirectory()
            // Clicks of 1 ms, each 400 ms.
            var said = [Float](repeating: 0, count: 48_000 * 4)
            for start in stride(from: 9_600, to: said.count - 96, by: 19_200) {
                for index in 0..<96 { said[start + index] = 0.6 * sinf(Float(index) * 0.4) }
            }
            try WAV.write(said, rate: 48_000, to: directory.path + "/said.wav")
            let loop = try EngineLoop(
                AudioEngine.Configuration(
                    capture: .file(directory.path + "/said.wav"), playback: .silence, gate: .open))
            try loop.engine.startRecording(to: directory.path + "/call.wav")
            var claims: [Double] = []
            for _ in 0..<9 {
                usleep(400_000)
                claims.append(
                    loop.engine.statistics.captureDelayMilliseconds
                        + loop.engine.memberStatistics(slot: 1).bufferMilliseconds)
            }
            _ = loop.engine.stopRecording()
            loop.stop()
            let track = try WAV.read(directory.path + "/call.wav")
            var onsets: [Int] = []
            for index in 4_800..<track.count where abs(track[index]) > 0.2 {
                if index - (onsets.last ?? -10_000) > 480 { onsets.append(index) }
            }
            let gaps = zip(onsets, onsets.dropFirst()).map { Double($1 - $0) / 48 }
            let echoes = gaps.filter { $0 < 100 }
            let report = Comment(rawValue: "\(gaps) \(claims)")
            #expect(echoes.count >= 5, report)
            func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
            try #require(!echoes.isEmpty)
            // The delay may change while a busy machine looks elsewhere.
            #expect(abs(median(echoes) - median(claims)) < 4, report)
        }

        @Test(
            "Ogg/Opus, FLAC and WAV are written by the ending, and can be played",
            arguments: ["opus", "ogg", "flac", "wav"])
        func formats(ending: String) throws {
            let directory = try TemporaryDirectory()
            let path = directory.path + "/call.\(ending)"
            let engine = try AudioEngine(
                AudioEngine.Configuration(
                    capture: .tone(hertz: 1_000), playback: .silence, gate: .open))
            try engine.start()
            try engine.startRecording(to: path)
            usleep(1_300_000)
            #expect(engine.stopRecording() == nil)
            engine.stop()
            let file = try #require(fopen(path, "r"))
            var head = [UInt8](repeating: 0, count: 64)
            #expect(fread(&head, 1, 64, file) == 64)
            fclose(file)
            let text = String(decoding: head, as: UTF8.self)
            switch ending {
            case "flac": #expect(text.hasPrefix("fLaC"))
            case "wav": #expect(text.hasPrefix("RIFF"))
            default: #expect(text.hasPrefix("OggS") && text.contains("OpusHead"))
            }
            let again = try decoded(path, seconds: 1)
            // Where a busy machine held the microphone, the tone begins anew.
            let shares = stride(from: 24_000, to: 38_400, by: 960).map {
                share(of: 1_000, in: again[$0..<$0 + 960])
            }
            #expect(shares.sorted()[shares.count / 2] > 0.2, "\(shares)")
        }

        @Test("a full disk ends the recording, is told with its reason, and the call goes on")
        func fullDisk() throws {
            let directory = try TemporaryDirectory()
            let path = directory.path + "/call.wav"
            symlink("/dev/full", path)
            let loop = try EngineLoop(
                AudioEngine.Configuration(
                    capture: .tone(hertz: 1_000), playback: .silence, gate: .open))
            usleep(300_000)
            _ = loop.events()
            var reason: String?
            do throws(DeviceError) {
                try loop.engine.startRecording(to: path)
                var events: [EngineEvent] = []
                #expect(
                    loop.wait(seconds: 3) {
                        events += loop.events()
                        return events.contains {
                            if case .recordingFailed = $0 { true } else { false }
                        }
                    })
                for case .recordingFailed(let text) in events { reason = text }
            } catch {
                reason = "\(error)"
            }
            let told = try #require(reason)
            #expect(told.contains("No space left on device"), "\(told)")
            #expect(!loop.engine.isRecording)
            let frames = loop.frames.load(ordering: .relaxed)
            #expect(loop.wait(seconds: 1) { loop.frames.load(ordering: .relaxed) > frames + 50 })
            #expect(loop.engine.memberStatistics(slot: 1).isSounding)
            // Another one can be begun.
            try loop.engine.startRecording(to: directory.path + "/other.flac")
            usleep(300_000)
            #expect(loop.engine.stopRecording() == nil)
            loop.stop()
        }

        @Test("what cannot be recorded to is told at once")
        func refused() throws {
            let engine = try AudioEngine(
                AudioEngine.Configuration(capture: .silence, playback: .silence))
            #expect(throws: DeviceError.unknownRecordingEnding(path: "call.mp3")) {
                try engine.startRecording(to: "call.mp3")
            }
            do throws(DeviceError) {
                try engine.startRecording(to: "/proc/none/call.wav")
                Issue.record("it was opened")
            } catch {
                #expect("\(error)".contains("No such file"), "\(error)")
            }
            #expect(!engine.isRecording && engine.stopRecording() == nil)
        }
    }
}
