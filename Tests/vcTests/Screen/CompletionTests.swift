import Testing

@testable import vc

@Suite("Tab")
struct CompletionTests {
    private let completion = Completion(
        names: ["ana", "Anton", "Eva Maria"],
        devices: ["alsa:default", "alsa:hw:1", "file:", "silence"])

    @Test(
        "completes commands, what stands behind them, and names",
        arguments: [
            ("/ga", "/gain "), ("/gain ev", "/gain Eva Maria "), ("/KI", "/kick "),
            ("/kick eva m", "/kick Eva Maria "), ("/talk p", "/talk ptt "),
            ("/announce of", "/announce off "), ("/invite o", "/invite once "),
            ("/help ver", "/help verify "), ("ev", "Eva Maria: "),
            ("hello ev", "hello Eva Maria "), ("eva ma", "Eva Maria: "),
        ])
    func completes(typed: String, line: String) {
        #expect(completion.complete(typed) == Completion.Result(left: line))
    }

    @Test("completes devices, and knows when they have to be asked for")
    func devices() {
        #expect(completion.complete("/capture si")?.left == "/capture silence ")
        // The path follows at once.
        #expect(completion.complete("/capture fi")?.left == "/capture file:")
        #expect(completion.complete("/playback AL")?.left == "/playback alsa:")
        #expect(completion.complete("/capture alsa:h")?.left == "/capture alsa:hw:1 ")
        for line in ["/capture ", "/playback a", "/CAPTURE x"] {
            #expect(Completion.wantsDevice(line), "\(line)")
        }
        for line in ["/capture", "/gain a", "hello /capture ", "//capture a", "", "/xyz a"] {
            #expect(!Completion.wantsDevice(line), "\(line)")
        }
        var state = room()
        for scalar in "/capture ".unicodeScalars {
            _ = state.handle(.key(KeyPress(key: .character(scalar))))
        }
        #expect(state.wantsDevices(for: .key(KeyPress(key: .tab))))
        #expect(!state.wantsDevices(for: .key(KeyPress(key: .tab, phase: .release))))
        #expect(!state.wantsDevices(for: .key(KeyPress(key: .enter))))
    }

    @Test("shows what may be meant when that is several")
    func several() {
        let found = completion.complete("an")
        #expect(found == Completion.Result(left: "an", candidates: ["ana", "Anton"]))
        #expect(completion.complete("/gain a")?.left == "/gain an")
        #expect(completion.complete("/m")?.left == "/mute ")
        #expect((completion.complete("/")?.candidates.count ?? 0) > 10)
    }

    @Test("leaves the line alone where nothing fits")
    func nothing() {
        for typed in ["", "xyz", "/xyz", "/quit ", "/gain zoe", "/name an", "//an", "hello "] {
            #expect(completion.complete(typed) == nil, "\(typed)")
        }
    }
}
