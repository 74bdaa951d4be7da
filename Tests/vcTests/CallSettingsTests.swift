import Testing
import VCAudio
import VCCore

@testable import vc

@Suite("The settings of a call")
struct CallSettingsTests {
    private func settings(_ change: (inout CallSettings) -> Void = { _ in }) -> CallSettings {
        let options = CallOptions()
        var settings = CallSettings(
            microphone: MicrophoneControl(mode: .voice, isMuted: false),
            sound: SoundChoices(options), options: options)
        change(&settings)
        return settings
    }

    private func line(_ title: String, _ settings: CallSettings) throws -> ScreenSetting {
        try #require(settings.lines.first { $0.title == title }, "\(title)")
    }

    @Test("name every option of a call that is about the sound, the packets or the paths")
    func complete() {
        let lines = settings().lines
        let told = lines.compactMap(\.how).joined(separator: " ")
        // Those that a line changes itself, and those that are no setting of the call.
        let others = [
            "capture", "playback", "muted", "talk", "equalizer", "no-leveling", "no-limiter",
            "no-tones", "listen", "advertise", "signal-token-file",
        ]
        for option in Option.all where option.isTaken(by: .host) {
            switch option.group {
            case .microphone, .listening, .packets, .network:
                let isNamed = told.split { $0 == " " || $0 == "," }.contains("--" + option.name)
                #expect(isNamed != others.contains(option.name), "\(option.name)")
            case .room, .output: continue
            }
        }
        // And none that there is not.
        for word in told.split(whereSeparator: { $0 == " " || $0 == "," })
        where word.hasPrefix("--") {
            #expect(Option.named(word.dropFirst(2)) != nil, "\(word)")
        }
        #expect(Set(lines.map(\.title)).count == lines.count)
        #expect(lines.allSatisfy { $0.title.count < 20 })
    }

    @Test("say what is done to the microphone, not what was asked for in vain")
    func unprocessed() throws {
        var options = CallOptions()
        options.capture = try #require(DeviceChoice("alsa:default"))
        options.gainTarget = 6
        func settings(_ change: (inout SoundChoices) -> Void) -> CallSettings {
            var sound = SoundChoices(options)
            change(&sound)
            return CallSettings(
                microphone: MicrophoneControl(mode: .voice, isMuted: false), sound: sound,
                options: options)
        }
        let names = ["high-pass", "echo cancellation", "noise suppression", "gain control"]
        for name in names {
            #expect(try !line(name, settings { _ in }).value.hasPrefix("no"), "\(name)")
            let missing = try line(name, settings { $0.isProcessed = false })
            #expect(missing.value == "no: library missing", "\(name)")
        }
        #expect(try line("gain control", settings { _ in }).value.contains("-6 dB"))
        let ignored = settings { $0.ignored = [.gain, .echoSuppression] }
        #expect(try line("gain control", ignored).value == "as the library has it")
        #expect(try line("echo cancellation", ignored).value.hasPrefix("usual"))
        options.isRaw = true
        #expect(try line("gain control", settings { $0.isProcessed = false }).value == "no")
    }

    @Test("offer a device that failed on one side on the other one still")
    func oneSide() {
        let both = DeviceDescription(name: "alsa:x", text: "", direction: .both)
        let microphone = DeviceDescription(name: "alsa:x", text: "", direction: .capture)
        #expect(both.without(.playback) == microphone)
        #expect(microphone.without(.playback) == microphone)
        #expect(microphone.without(.capture) == nil)
    }

    @Test("change by the commands that a person would type")
    func commands() throws {
        let now = settings()
        #expect(try line("talk", now).more == .talk(.ptt))
        #expect(try line("microphone muted", now).less == .mute)
        #expect(try line("say who talks", now).more == .announce(true))
        #expect(try line("all equally loud", now).more == .sound(.leveling(false)))
        #expect(try line("loud sound held", now).more == .sound(.limiter(false)))
        #expect(try line("tone for who comes", now).less == .sound(.tones(false)))
        #expect(try line("recording", now).more == nil)
        let records = settings { $0.sound.recording = "a.opus" }
        #expect(try line("recording", records).more == .sound(.record(nil)))
        #expect(try line("redundancy", now).more == nil)
    }

    @Test("go up and down in steps, as far as it goes")
    func sliders() throws {
        let flat = try line("equalizer, middle", settings())
        #expect(flat.value == "0 dB")
        #expect(
            flat.more == .sound(.equalizer(EqualizerChoice(low: 0, middle: 1, high: 0)))
                && flat.less == .sound(.equalizer(EqualizerChoice(low: 0, middle: -1, high: 0))))
        let most = settings {
            $0.sound.equalizer = EqualizerChoice(low: -12, middle: 2.5, high: 12)
        }
        #expect(try line("equalizer, high", most).more == nil)
        #expect(try line("equalizer, low", most).less == nil)
        #expect(try line("equalizer, middle", most).value == "2.5 dB")
        let ben = MemberName(number: 2, name: DisplayText(name: "ben"))
        let members = settings { $0.gains = [(ben, 19)] }
        let volume = try line("volume of ben", members)
        #expect(volume.more == .gain(name: ben.name, decibels: 20) && volume.value == "19 dB")
        #expect(volume.less == .gain(name: ben.name, decibels: 17))
        // Two of one name are told apart.
        let other = MemberName(number: 3, name: ben.name)
        let both = settings { $0.gains = [(ben, 0), (other, 0)] }
        #expect(
            try line("volume of 3", both).more
                == .gain(name: DisplayText(name: "3"), decibels: 2))
    }

    @Test("go through the devices, and around")
    func devices() throws {
        func choice(_ text: String) throws -> DeviceChoice { try #require(DeviceChoice(text)) }
        let listed = [
            DeviceDescription(name: "alsa:one", text: "", direction: .both),
            DeviceDescription(name: "alsa:two", text: "", direction: .capture),
            DeviceDescription(name: "alsa:three", text: "", direction: .playback),
        ]
        let now = settings {
            $0.devices = listed
            $0.sound.capture = .alsa("two")
            $0.sound.playback = .file("/tmp/a.wav")
        }
        let microphone = try line("microphone", now)
        #expect(try microphone.less == .sound(.capture(choice("alsa:one"))))
        #expect(microphone.more == .sound(.capture(.silence)))
        let loudspeakers = try line("loudspeakers", now)
        #expect(try loudspeakers.more == .sound(.playback(choice("alsa:one"))))
        #expect(loudspeakers.less == .sound(.playback(.silence)))
        let none = settings { $0.sound.capture = .silence }
        #expect(try !line("microphone", none).isChangeable)
    }
}
