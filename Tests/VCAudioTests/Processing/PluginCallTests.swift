import Glibc
import Synchronization
import Testing
import VCAudio
import VCCore

extension OneByOne {
    /// With an engine around it: what is sent is what came out of the plugin.
    @Suite(.serialized) struct PluginCallTests {
        /// The amplitude of `tone`.
        private static let tone: Float = 0.25

        private func loop(_ plugin: String, _ directory: TemporaryDirectory) throws -> EngineLoop {
            try EngineLoop(
                AudioEngine.Configuration(
                    capture: .tone(hertz: 1_000),
                    playback: .file(directory.path + "/heard.wav"), gate: .open),
                plugin: Plugin(#require(PluginChoice(plugin))))
        }

        private func peak(_ part: ArraySlice<Float>) -> Float { part.map(abs).max() ?? 0 }

        @Test("what is sent went through the plugin: a quarter of it is a quarter of the sound")
        func amplifier() throws {
            let directory = try TemporaryDirectory()
            let loop = try loop("ladspa:amp:amp_mono,Gain=0.25", directory)
            letRun(milliseconds: 700)
            let events = loop.events()
            let level = loop.engine.statistics.captureLevel
            loop.stop()
            let heard = try WAV.read(directory.path + "/heard.wav")
            // The tone is one of -15 dBov, and a quarter is 12 dB less.
            #expect(level == 27)
            let sound = peak(heard.suffix(9_600))
            #expect(abs(sound - Self.tone / 4) < 0.01, "\(sound)")
            #expect(!events.contains(.pluginBypassed))
        }

        @Test("a plugin that takes too long is told once and left out, and the sound goes on")
        func overrun() throws {
            let directory = try TemporaryDirectory()
            let loop = try loop(
                "ladspa:\(try FixturePlugin.path()):slow,Work=12000", directory)
            var events: [EngineEvent] = []
            #expect(
                loop.wait(seconds: 3) {
                    events += loop.events()
                    return events.contains(.pluginBypassed)
                })
            // It took 12 ms of each 10: only without it there are so many.
            let before = loop.frames.load(ordering: .relaxed)
            letRun(milliseconds: 1_000)
            let frames = loop.frames.load(ordering: .relaxed) - before
            events += loop.events()
            loop.stop()
            #expect(frames >= 95, "\(frames)")
            #expect(events.count { $0 == .pluginBypassed } == 1)
            let heard = try WAV.read(directory.path + "/heard.wav")
            let sound = peak(heard.suffix(9_600))
            #expect(abs(sound - Self.tone) < 0.03, "\(sound)")
        }
    }
}
