import Testing
import VCCore

@testable import vc

@Suite("Hold to talk")
struct MicrophoneControlTests {
    private let start = Instant.zero

    @Test("the microphone is open while the key is down, where the terminal tells")
    func hold() {
        var microphone = MicrophoneControl(mode: .ptt, isMuted: false)
        #expect(!microphone.isOpen)
        microphone.key(.press, tellsRelease: true, now: start)
        #expect(microphone.isOpen)
        microphone.key(.again, tellsRelease: true, now: start + .milliseconds(500))
        #expect(microphone.isOpen)
        microphone.key(.release, tellsRelease: true, now: start + .seconds(1))
        #expect(!microphone.isOpen)
        #expect(!microphone.isToldMuted)
    }

    @Test("each press is the other one of begin and end, where it does not; repeats are none")
    func toggle() {
        var microphone = MicrophoneControl(mode: .ptt, isMuted: false)
        microphone.key(.press, tellsRelease: false, now: start)
        #expect(microphone.isOpen)
        for repeats in 1...20 {
            microphone.key(
                .press, tellsRelease: false, now: start + .milliseconds(Int64(30 * repeats)))
        }
        #expect(microphone.isOpen)
        microphone.key(.press, tellsRelease: false, now: start + .seconds(2))
        #expect(!microphone.isOpen)
    }

    @Test("muted, the key opens it for as long as it is held, and the others are told")
    func muted() {
        var microphone = MicrophoneControl(mode: .voice, isMuted: true)
        #expect(!microphone.isOpen)
        #expect(microphone.isToldMuted)
        microphone.hold(.down, asked: .zero)
        #expect(microphone.isOpen)
        #expect(!microphone.isToldMuted)
        microphone.hold(.up, asked: .zero)
        #expect(microphone.isToldMuted)
        microphone.setMuted(false)
        #expect(microphone.isOpen)
    }

    @Test("to close it closes it, also where a key was left down, and stays so when it goes up")
    func closes() {
        for mode in TalkMode.allCases {
            var microphone = MicrophoneControl(mode: mode, isMuted: false)
            microphone.key(.press, tellsRelease: false, now: start)
            #expect(microphone.isOpen)
            microphone.setMuted(true)
            #expect(!microphone.isOpen)
            #expect(microphone.isToldMuted)
            microphone.hold(.up, asked: .zero)
            #expect(!microphone.isOpen)
            // Talking while muted ends with it, too.
            microphone.hold(.down, asked: .zero)
            microphone.setMuted(true)
            #expect(!microphone.isOpen)
            microphone.setMuted(false)
            #expect(microphone.isOpen == (mode != .ptt))
        }
    }

    @Test("muted with hold to talk, nothing opens it")
    func mutedAndHeld() {
        var microphone = MicrophoneControl(mode: .ptt, isMuted: true)
        microphone.hold(.toggle, asked: .zero)
        #expect(!microphone.isOpen)
        microphone.setMuted(false)
        #expect(microphone.isOpen)
        // Another mode begins with nothing held.
        microphone.setMode(.ptt)
        #expect(!microphone.isOpen)
    }

    @Test("closed is closed, though the program that was to close it came first")
    func overtaken() {
        var microphone = MicrophoneControl(mode: .ptt, isMuted: false)
        microphone.hold(.down, asked: Instant(nanoseconds: 1))
        microphone.hold(.up, asked: Instant(nanoseconds: 4))
        microphone.hold(.down, asked: Instant(nanoseconds: 3))
        #expect(!microphone.isOpen)
        microphone.hold(.down, asked: Instant(nanoseconds: 5))
        #expect(microphone.isOpen)
    }
}
