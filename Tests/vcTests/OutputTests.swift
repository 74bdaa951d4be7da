import Testing
import VCTestKit
import VCCore

@testable import vc

private let ana = DisplayText(name: "ana")
private let text = DisplayText(message: "hi \"there\" \\ ü")

@Suite("Events as JSON")
struct JSONLinesTests {
    @Test("carry the fields of the command line's contract, in one line each")
    func fields() {
        let cases: [(CallEvent, String)] = [
            (
                .joined(number: 2, members: [MemberName(number: 1, name: ana)]),
                #"{"event":"joined","t":1.500,"number":2,"members":[{"number":1,"name":"ana"}]}"#
            ),
            (
                .member(
                    MemberChange(
                        number: 1, name: ana, state: .left, isHost: true, isVerified: false)),
                #"{"event":"member","t":1.500,"number":1,"name":"ana","state":"left","#
                    + #""host":true,"verified":false}"#
            ),
            (
                .path(member: 1, rung: .direct, roundTripMilliseconds: 12.34, why: "same network"),
                #"{"event":"path","t":1.500,"member":1,"rung":"direct","rtt_ms":12.3,"#
                    + #""why":"same network"}"#
            ),
            (.voice(member: 1), #"{"event":"voice","t":1.500,"member":1}"#),
            (
                .talking(member: 1, isOn: true),
                #"{"event":"talking","t":1.500,"member":1,"on":true}"#
            ),
            (.muted(member: 2, isOn: false), #"{"event":"muted","t":1.500,"member":2,"on":false}"#),
            (
                .chat(ChatMessage(from: 1, name: ana, text: text, id: 7)),
                #"{"event":"chat","t":1.500,"from":1,"name":"ana","text":"hi \"there\" \\ ü","#
                    + #""id":7}"#
            ),
            (
                .sent(id: 8, text: DisplayText(message: "x")),
                #"{"event":"sent","t":1.500,"id":8,"text":"x"}"#
            ),
            (
                .delivery(id: 8, member: 1, isDelivered: true),
                #"{"event":"delivery","t":1.500,"id":8,"member":1,"state":"delivered"}"#
            ),
            (
                .delivery(id: 8, member: 1, isDelivered: false),
                #"{"event":"delivery","t":1.500,"id":8,"member":1,"state":"undelivered"}"#
            ),
            (
                .guess(failed: 1, budget: 1_000),
                #"{"event":"guess","t":1.500,"failed":1,"budget":1000}"#
            ),
            (
                .warning(kind: "input", message: "a\nb"),
                #"{"event":"warning","t":1.500,"kind":"input","message":"a\nb"}"#
            ),
            (
                .error(kind: "device", message: "m"),
                #"{"event":"error","t":1.500,"kind":"device","message":"m"}"#
            ),
            (
                .safety(words: "a b c d", run: 2),
                #"{"event":"safety","t":1.500,"words":"a b c d","run":2}"#
            ),
            (
                .verified([MemberName(number: 1, name: ana)]),
                #"{"event":"verified","t":1.500,"members":[{"number":1,"name":"ana"}]}"#
            ),
            (.locked(isOn: true), #"{"event":"locked","t":1.500,"on":true}"#),
            (.codeUsed(nameplate: 9), #"{"event":"code-used","t":1.500,"nameplate":9}"#),
            (.left(reason: "quit"), #"{"event":"left","t":1.500,"reason":"quit"}"#),
        ]
        for (event, expected) in cases {
            #expect(JSONLines().lines(for: event, at: 1.5) == [OutputLine(expected)])
        }
    }

    @Test("name the device that a warning is about")
    func device() {
        let warning = CallEvent.warning(kind: "lost", message: "m", device: "microphone")
        let line = JSONLines().lines(for: warning, at: 1.5)[0].text
        #expect(
            line
                == #"{"event":"warning","t":1.500,"kind":"lost","message":"m","#
                + #""device":"microphone"}"#)
    }

    @Test("count in stats, with null for what was not measured yet")
    func statistics() {
        var member = MemberStatistics(number: 3)
        member.sent = 5
        let statistics = CallStatistics(members: [member], cpuPercent: 1.005, residentBytes: 9)
        #expect(
            JSONLines().lines(for: .statistics(statistics), at: 0)[0].text
                == #"{"event":"stats","t":0.000,"members":[{"number":3,"rtt_ms":null,"sent":5,"#
                + #""received":0,"lost":0,"late":0,"concealed":0,"jitter_ms":null,"#
                + #""buffer_ms":null,"mouth_to_ear_ms":null,"capture_ms":null,"#
                + #""network_ms":null,"decoder_ms":null,"playback_ms":null,"#
                + #""buffer_p50_ms":null,"buffer_p95_ms":null,"mouth_to_ear_p50_ms":null,"#
                + #""mouth_to_ear_p95_ms":null,"capture_p50_ms":null,"capture_p95_ms":null,"#
                + #""network_p50_ms":null,"network_p95_ms":null,"decoder_p50_ms":null,"#
                + #""decoder_p95_ms":null,"playback_p50_ms":null,"playback_p95_ms":null}],"#
                + #""cpu_percent":1.00,"rss_bytes":9,"#
                + #""capture_xruns":0,"playback_xruns":0,"send_queue":0,"send_dropped":0,"#
                + #""send_queue_p50":null,"send_queue_p95":null,"#
                + #""muted":false}"#)
        member.rung = .relay
        member.roundTripMilliseconds = 44
        let line = JSONLines().lines(for: .statistics(CallStatistics(members: [member])), at: 0)
        #expect(line[0].text.contains(#""number":3,"rung":"relay","rtt_ms":44.0,"#))
    }

    @Test("give the code with its nameplate and server")
    func code() throws {
        #expect(
            try printed(JSONLines(), "7-castle-volcano-dolphin@192.0.2.1:4460")
                == #"{"event":"code","t":0.250,"code":"7-castle-volcano-dolphin@192.0.2.1:4460","#
                + #""nameplate":7,"server":"192.0.2.1:4460"}"# + "\n")
        #expect(
            try printed(JSONLines(), "7-castle-volcano-dolphin").hasSuffix(
                #""nameplate":7,"server":null}"# + "\n"))
        #expect(
            try printed(JSONLines(), "7-castle-volcano-dolphin", isOneTime: true).hasSuffix(
                #""server":null,"once":true}"# + "\n"))
    }

    @Test("escape everything that could end or steer the line")
    func escaping() {
        #expect(
            jsonString("\u{0}\u{1F}\u{7F}\u{9B}\u{2028}\t\r\n\"\\")
                == #""\u0000\u001f\u007f\u009b\u2028\t\r\n\"\\""#)
    }

    @Test("round numbers as a person would, with a point")
    func numbers() {
        for (value, decimals, expected) in [
            (0.0, 0, "0"), (0.04, 1, "0.0"), (0.05, 1, "0.1"), (12.345, 2, "12.35"),
            (-0.5, 1, "-0.5"),
            (-0.01, 1, "0.0"), (1e15, 3, nil), (1e14, 3, "100000000000000.000"),
            (.infinity, 1, nil), (.nan, 1, nil), (9.996, 2, "10.00"), (0.001, 3, "0.001"),
        ] as [(Double, Int, String?)] {
            #expect(fixedDecimal(value, decimals: decimals) == expected, "\(value)")
        }
    }
}

@Suite("Events as plain text")
struct PlainTextTests {
    @Test("print the code as a block with the line to paste")
    func code() throws {
        #expect(
            try printed(PlainText(usesColor: false), "7-castle-volcano-dolphin@example.org")
                == """
                The room code is

                    7-castle-volcano-dolphin@example.org

                Your friends paste

                    vc join 7-castle-volcano-dolphin@example.org


                """)
    }

    @Test("fit the longest code there is")
    func longestCode() throws {
        let host =
            Array(repeating: String(repeating: "a", count: 61), count: 4)
            .joined(separator: ".") + ".aaaaa"
        let code = "999999-ability-academy-achieve@\(host):65535"
        #expect(try printed(PlainText(usesColor: false), code).contains(code))
        #expect(try printed(JSONLines(), code).contains(code))
    }

    @Test("are a line each that people understand")
    func lines() {
        var plain = PlainText(usesColor: false)
        func text(_ event: CallEvent) -> [String] {
            plain.lines(for: event, at: 0).map(\.text)
        }
        let me = MemberName(number: 2, name: DisplayText(name: "bo"))
        #expect(
            text(.joined(number: 2, members: [me])) == ["* you are in the room as bo, alone so far"]
        )
        func member(_ state: MemberChange.State, _ name: DisplayText = ana) -> CallEvent {
            .member(
                MemberChange(number: 1, name: name, state: state, isHost: false, isVerified: false))
        }
        #expect(text(member(.joined)) == ["* ana joined"])
        #expect(text(member(.joined, DisplayText(name: "anna"))) == ["* ana is now anna"])
        #expect(text(member(.lost)) == ["* ana is not heard any more; waiting for the connection"])
        #expect(text(member(.back)) == ["* ana is back"])
        #expect(
            text(.path(member: 1, rung: .direct, roundTripMilliseconds: 12.4, why: "same network"))
                == ["* ana is reached directly, 12 ms: same network"])
        #expect(text(.voice(member: 1)) == ["* you hear ana"])
        #expect(text(.chat(ChatMessage(from: 1, name: ana, text: hello, id: 1))) == ["ana: hello"])
        #expect(text(.muted(member: 2, isOn: true)) == ["* you closed the microphone"])
        #expect(text(.muted(member: 1, isOn: false)) == ["* ana opened the microphone"])
        #expect(
            text(.guess(failed: 2, budget: 1_000)) == [
                "* somebody tried a wrong code (2 of 1000 tries)"
            ])
        #expect(text(.voice(member: 9)) == ["* you hear member 9"])
        #expect(text(member(.left)) == ["* ana left"])
        #expect(text(.left(reason: "you left")) == ["* you left"])
    }

    @Test("say nothing periodic, and who talks only when asked to")
    func silence() {
        var plain = PlainText(usesColor: false)
        #expect(plain.lines(for: .statistics(CallStatistics()), at: 1).isEmpty)
        #expect(plain.lines(for: .talking(member: 1, isOn: true), at: 1).isEmpty)
        plain.announcesTalking = true
        #expect(
            plain.lines(for: .talking(member: 1, isOn: true), at: 1).map(\.text) == [
                "* member 1 talks"
            ])
    }

    @Test("show which message was not delivered, once, and when it was after all")
    func delivery() {
        var plain = PlainText(usesColor: false)
        func text(_ event: CallEvent) -> [String] { plain.lines(for: event, at: 0).map(\.text) }
        #expect(text(.sent(id: 1, text: hello)) == [])
        #expect(text(.delivery(id: 1, member: 1, isDelivered: true)) == [])
        #expect(
            text(.delivery(id: 1, member: 3, isDelivered: false)) == [
                "* not delivered to member 3: \"hello\""
            ])
        #expect(text(.delivery(id: 1, member: 3, isDelivered: false)) == [])
        #expect(
            text(.delivery(id: 1, member: 3, isDelivered: true)) == [
                "* now delivered to member 3: \"hello\""
            ])
        #expect(
            text(.delivery(id: 9, member: 3, isDelivered: false)) == [
                "* not delivered to member 3: message 9"
            ])
    }

    @Test("show safety words with what to do with them, and how often it was done")
    func safety() {
        var plain = PlainText(usesColor: false)
        let lines = plain.lines(for: .safety(words: "oak tin ash bay", run: 1), at: 0)
        #expect(lines[0].text.hasPrefix("* safety words: oak tin ash bay (the first comparison"))
        #expect(lines[1].text.contains("/same"))
        let again = plain.lines(for: .safety(words: "oak tin ash bay", run: 3), at: 0)
        #expect(again[0].text.contains("comparison 3"))
        let members = [MemberName(number: 1, name: DisplayText(name: "ana"))]
        #expect(plain.lines(for: .verified(members), at: 0) == [OutputLine("* verified: ana")])
    }

    @Test("send diagnostics to the error stream, cleaned")
    func diagnostics() {
        var plain = PlainText(usesColor: false)
        #expect(
            plain.lines(for: .warning(kind: "device", message: "a\u{1B}[2J\nb"), at: 0)
                == [OutputLine("vc: a[2J b", on: .diagnostics)])
        #expect(
            plain.lines(for: .error(kind: "device", message: "gone"), at: 0)
                == [OutputLine("vc: error: gone", on: .diagnostics)])
    }

    @Test("use colour only on a terminal that may have it")
    func color() {
        #expect(PlainText.allowsColor(isTerminal: true, noColor: nil, term: "xterm"))
        #expect(PlainText.allowsColor(isTerminal: true, noColor: "", term: "xterm"))
        #expect(!PlainText.allowsColor(isTerminal: true, noColor: "1", term: "xterm"))
        #expect(!PlainText.allowsColor(isTerminal: false, noColor: nil, term: "xterm"))
        #expect(!PlainText.allowsColor(isTerminal: true, noColor: nil, term: "dumb"))
        #expect(!PlainText.allowsColor(isTerminal: true, noColor: nil, term: nil))
        var plain = PlainText(usesColor: true)
        let event = CallEvent.chat(ChatMessage(from: 1, name: ana, text: hello, id: 1))
        #expect(plain.lines(for: event, at: 0).map(\.text) == ["\u{1B}[1mana\u{1B}[0m: hello"])
    }

    @Test("answer /stats with a line for each member and one for the machine")
    func statistics() {
        let plain = PlainText(usesColor: false)
        var member = MemberStatistics(number: 1, rung: .direct, roundTripMilliseconds: 12)
        member.lost = 4
        let lines = plain.lines(for: CallStatistics(members: [member])).map(\.text)
        #expect(lines.count == 2)
        #expect(
            lines[0].hasPrefix("* member 1: directly, round trip 12 ms, mouth to ear not measured"))
        #expect(lines[0].contains("4 lost"))
    }

    private let hello = DisplayText(message: "hello")
}

private func printed(
    _ renderer: some EventRenderer, _ typed: String, isOneTime: Bool = false
) throws -> String {
    let bytes = Array(typed.utf8)
    let code = try RoomCode(parsing: bytes.span.bytes, in: TestSecrets.arena)
    var renderer = renderer
    return withWipedText(capacity: longestCodeEvent) { writer in
        renderer.writeCode(code, isOneTime: isOneTime, at: 0.25, into: &writer)
    } use: { bytes in
        bytes.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }
}
