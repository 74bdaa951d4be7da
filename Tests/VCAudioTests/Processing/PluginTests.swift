import Glibc
import Testing
import VCAudio
import VCCore

/// With plugins of Debian's swh-plugins and ladspa-sdk, which `Tools/setup --test` installs, and
/// with one of our own that misbehaves.
@Suite("A LADSPA plugin before the encoder")
struct PluginTests {
    private func choice(_ text: String) throws -> PluginChoice {
        try #require(PluginChoice(text))
    }

    /// What becomes of 480 samples of 0.25.
    private func run(_ text: String, frames: Int = 1) throws -> [Float] {
        let insert = PluginInsert(try Plugin(choice(text)))
        return run(insert, times: frames).output
    }

    private func run(
        _ insert: consuming PluginInsert, times frames: Int
    ) -> (output: [Float], isBypassed: Bool, delay: Int) {
        var insert = insert
        let samples = SampleBuffer(count: 480)
        for _ in 0..<frames {
            for index in 0..<480 { samples[index] = 0.25 }
            insert.process(samples, count: 480)
        }
        return ((0..<480).map { samples[$0] }, insert.isBypassed, insert.delay)
    }

    @Test("changes the sound as its controls say: amp_mono of the SDK")
    func amplifier() throws {
        #expect(try run("ladspa:amp:amp_mono,Gain=2").allSatisfy { $0 == 0.5 })
        // Any case, the file by its path, and what the plugin takes itself without a word.
        #expect(
            try run("ladspa:/usr/lib/ladspa/amp.so:amp_mono,gain=0.5").allSatisfy { $0 == 0.125 })
        #expect(try run("ladspa:amp.so:amp_mono").allSatisfy { $0 == 0.25 })
    }

    @Test("a limiter of swh-plugins limits; the beginning of a control's name suffices")
    func limiter() throws {
        let sound = try run("ladspa:hard_limiter_1413:hardLimiter,dB=-20,Wet=1,Res=0")
        #expect(sound.allSatisfy { abs($0 - 0.1) < 0.001 })
    }

    @Test("what is no choice of a plugin is refused by its form")
    func forms() throws {
        let bad = [
            "", "amp:amp_mono", "ladspa:", "ladspa:amp", "ladspa:amp:", "ladspa::amp_mono",
            "ladspa:amp:amp_mono,", "ladspa:amp:amp_mono,Gain", "ladspa:amp:amp_mono,Gain=",
            "ladspa:amp:amp_mono,Gain=loud", "ladspa:amp:amp_mono,=1", "ladspa:amp:amp_mono,G=nan",
            "ladspa:amp:amp_mono,G=inf", "ladspa:a\0b:c", "lv2:amp:amp_mono",
        ]
        for text in bad { #expect(PluginChoice(text) == nil, "\(text)") }
        let good = try choice("ladspa:/a:b.so:c,x=y=1,z=-2.5")
        #expect(good.file == "/a:b.so" && good.label == "c")
        #expect(good.controls.map(\.name) == ["x=y", "z"])
        #expect(good.controls.map(\.value) == [1, -2.5])
    }

    @Test(
        "errors say what was wrong, and what there is instead",
        arguments: [
            ("ladspa:nosuchfile:x", "nosuchfile.so: it is not in", true),
            ("ladspa:/etc/hostname:x", "/etc/hostname", true),
            ("ladspa:/usr/lib/x86_64-linux-gnu/libasound.so.2:x", "is no LADSPA plugin", true),
            ("ladspa:amp:amp", #"no plugin "amp", but "amp_mono", "amp_stereo""#, false),
            ("ladspa:amp:amp_stereo", "2 audio inputs and 2 outputs", false),
            ("ladspa:amp:amp_mono,Volume=1", #"no control "Volume", but "Gain""#, false),
            ("ladspa:amp:amp_mono,Gain=-1", #""Gain" cannot be -1.0, but 0.0 or more"#, false),
            ("ladspa:hard_limiter_1413:hardLimiter,dB=7", "but -50.0 to 0.0", false),
        ])
    func errors(text: String, expected: String, isFile: Bool) throws {
        let choice = try choice(text)
        #if !arch(x86_64)
            if text.contains("x86_64") { return }
        #endif
        let error = #expect(throws: PluginError.self) { try Plugin(choice) }
        let sentence = "\(try #require(error))"
        #expect(sentence.contains(expected), "\(sentence)")
        #expect(error?.isUnreadableFile == isFile)
    }

    @Test("a control that may be either of two is not guessed")
    func ambiguous() throws {
        let fixture = try FixturePlugin.path()
        let either = try choice("ladspa:\(fixture):slow,w=1")
        #expect(throws: PluginError.ambiguousControl("w", among: ["Work (us)", "Wait (us)"])) {
            try Plugin(either)
        }
        let one = try choice("ladspa:\(fixture):slow,wo=1")
        #expect(throws: Never.self) { try Plugin(one) }
    }

    @Test("a plugin that takes longer than there is time is left out, one that does not stays")
    func overrun() throws {
        let fixture = try FixturePlugin.path()
        let slow = run(
            PluginInsert(try Plugin(choice("ladspa:\(fixture):slow,Work=12000"))), times: 10)
        #expect(slow.isBypassed)
        #expect(slow.delay == 0)
        #expect(slow.output.allSatisfy { $0 == 0.25 })
        let quick = run(
            PluginInsert(try Plugin(choice("ladspa:\(fixture):slow,Work=500"))), times: 20)
        #expect(!quick.isBypassed)
        // It says so itself.
        #expect(quick.delay == 100)
        let asleep = run(
            PluginInsert(try Plugin(choice("ladspa:\(fixture):slow,Wait=60000"))), times: 25)
        #expect(asleep.isBypassed)
    }

    @Test("what is no number does not leave the plugin")
    func broken() throws {
        #expect(try run("ladspa:\(try FixturePlugin.path()):broken").allSatisfy { $0 == 0.25 })
    }
}
