/// Every event of `--json` and every field: what `vc help events`, the man page and the page of the
/// documentation say. A test holds it against what the program prints.
struct EventKind: Sendable {
    struct Field: Equatable, Sendable {
        let name: String
        /// What a JSON program finds there.
        let type: String
        let summary: String
        /// Whether the field is left out where there is nothing to say.
        let isOptional: Bool
    }

    let name: String
    let summary: String
    let fields: [Field]

    init(_ name: String, _ summary: String, _ fields: [Field] = []) {
        self.name = name
        self.summary = summary
        self.fields = fields
    }

    static func named(_ name: String) -> EventKind? {
        (calls + others).first { $0.name == name }
    }
}

private func field(_ name: String, _ type: String, _ summary: String) -> EventKind.Field {
    EventKind.Field(name: name, type: type, summary: summary, isOptional: false)
}

private func optional(_ name: String, _ type: String, _ summary: String) -> EventKind.Field {
    EventKind.Field(name: name, type: type, summary: summary, isOptional: true)
}

private let member = field("member", "number", "whom it is about")

extension EventKind {
    /// What every event of a call has.
    static let common = [
        field("event", "text", "which event it is"),
        field("t", "number", "seconds since the process started"),
    ]

    /// The events of a call, in the order in which one meets them.
    static let calls: [EventKind] = beginnings + people + messages + trust + endings

    private static let beginnings = [
        EventKind(
            "code", "the room is open, or has another code now",
            [
                field("code", "text", "a secret: who has it can come in"),
                field("nameplate", "number", "the number at its beginning"),
                field("server", "text or null", "where it leads"),
                optional("once", "true", "it lets one guest in, once"),
            ]),
        EventKind(
            "reach", "the host, with the signaling server inside: who can come in",
            [
                field("lan", "true or false", "whether the code works without its @ nearby"),
                field("outside", "text", "open, given, forward, mapped or none"),
                field("port", "number", "of UDP, which people outside must reach"),
                optional("address", "text", "mapped: what follows the @ for people outside"),
                optional("message", "text", "a sentence: what they need"),
            ]),
        EventKind(
            "search", "the room is looked for in the local network",
            [
                field("nameplate", "number", "its number"),
                optional("server", "text", "a host that has it, where the code is tried now"),
            ]),
        EventKind(
            "phrase", "`vc tune` made a phrase",
            [
                field("phrase", "text", "a secret: who has it can come in"),
                field("server", "text", "where the others say it"),
            ]),
        EventKind("waiting", "of a phrase: nobody else is here yet"),
        EventKind(
            "joined", "you are in the room",
            [
                field("number", "number", "yours"),
                field("members", "list of {number, name}", "everybody, you among them"),
            ]),
    ]

    private static let people = [
        EventKind(
            "member", "somebody came or went, or is the host now",
            [
                field("number", "number", "whose"),
                field("name", "text", "how that one is called"),
                field("state", "text", "joined, left, removed, lost or back"),
                field("host", "true or false", "whether it is the host"),
                field("verified", "true or false", "whether its safety words were compared"),
            ]),
        EventKind(
            "renamed", "somebody has another name",
            [member, field("name", "text", "the new one")]),
        EventKind(
            "path", "a member is reached in this way now",
            [
                member, field("rung", "text", "direct, host, relay or tcp"),
                field("rtt_ms", "number or null", "the round trip"),
                field("why", "text", "a sentence"),
            ]),
        EventKind("voice", "its first sound was played out", [member]),
        EventKind(
            "talking", "somebody, perhaps you, begins or ends to talk",
            [
                member, field("on", "true or false", "whether it begins"),
                optional("whisper", "true", "not for everybody"),
            ]),
        EventKind(
            "muted", "a microphone was closed or opened",
            [member, field("on", "true or false", "whether it is closed")]),
        EventKind(
            "recording", "somebody, perhaps you, writes what is heard to a file, or no longer",
            [member, field("on", "true or false", "whether that goes on")]),
        EventKind(
            "whispering", "who hears you has changed",
            [
                field("on", "true or false", "whether not everybody does"),
                field("to", "list of numbers", "who does then"),
            ]),
    ]

    private static let messages = [
        EventKind(
            "chat", "a message for you",
            [
                field("from", "number", "who wrote it"),
                field("name", "text", "how that one is called"),
                field("text", "text", "one line, of which nothing steers a terminal"),
                field("id", "number", "of its writer's messages, the how many-th"),
                optional("to", "list of numbers", "who got it, when it was whispered"),
            ]),
        EventKind(
            "sent", "your message is on its way",
            [
                field("id", "number", "which `delivery` names"), field("text", "text", "it"),
                optional("to", "list of numbers", "who gets it, when it is whispered"),
            ]),
        EventKind(
            "delivery", "what became of your message",
            [
                field("id", "number", "of `sent`"), field("member", "number", "at whom"),
                field("state", "text", "delivered or undelivered"),
            ]),
        EventKind(
            "stats", "each second: what is measured",
            [
                field("members", "list of {…}", "see below"),
                field("cpu_percent", "number", "of one core"),
                field("rss_bytes", "number", "resident memory"),
                field("capture_xruns", "number", "gaps of the microphone since the start"),
                field("playback_xruns", "number", "gaps of the loudspeaker since the start"),
                field("send_queue", "number", "your frames that wait for the network"),
                field("send_dropped", "number", "your frames that found no room there"),
                field(
                    "send_queue_p50", "number or null",
                    "`send_queue`: what half of the values do not exceed; four a second, of the "
                        + "last minute in which anybody talked"),
                field(
                    "send_queue_p95", "number or null",
                    "`send_queue`: what 95 of 100 do not exceed"),
                field("muted", "true or false", "whether the others see you muted"),
            ]),
    ]

    private static let trust = [
        EventKind(
            "safety", "what all read to each other by voice",
            [
                field("words", "text", "the same for all, or somebody sits between"),
                field("run", "number", "the how many-th comparison of this process"),
            ]),
        EventKind(
            "verified", "the words were the same",
            [field("members", "list of {number, name}", "whose")]),
        EventKind(
            "guess", "the host: somebody tried a wrong code",
            [
                field("failed", "number", "how many did by now"),
                field("budget", "number", "how many may before the code changes"),
            ]),
        EventKind(
            "locked", "the host: nobody can come in now, or people can again",
            [field("on", "true or false", "whether nobody can")]),
        EventKind(
            "code-used", "the host: a one-time code let somebody in, and is spent",
            [field("nameplate", "number", "the number at its beginning")]),
    ]

    private static let endings = [
        EventKind(
            "warning", "something that a person should know",
            [
                field("kind", "text", "one word for programs"),
                field("message", "text", "a sentence"),
                optional("device", "text", "microphone or loudspeaker: which one it is about"),
            ]),
        EventKind(
            "error", "why the call ends, or could not begin",
            [
                field("kind", "text", "one word for programs"),
                field("message", "text", "a sentence"),
            ]),
        EventKind("left", "the last event", [field("reason", "text", "a sentence")]),
    ]

    /// What stands in `members` of `stats`. Counts are voice frames since the start.
    static let memberStatistics = [
        field("number", "number", "whose"),
        optional("rung", "text", "direct, host, relay or tcp"),
        field("rtt_ms", "number or null", "the round trip"),
        field("sent", "number", "sent there"),
        field("received", "number", "received from there"),
        field("lost", "number", "of those from there, never received"),
        field("late", "number", "received too late to be played"),
        field("concealed", "number", "made up for"),
        field("jitter_ms", "number or null", "how unevenly they come"),
        field("buffer_ms", "number or null", "what the jitter buffer holds"),
        field("mouth_to_ear_ms", "number or null", "the delay, measured: the five stages together"),
        field("capture_ms", "number or null", "there: device, frame, processing, encoder"),
        field("network_ms", "number or null", "half the round trip"),
        field("decoder_ms", "number or null", "here: decoding and mixing"),
        field("playback_ms", "number or null", "here: the device"),
        field(
            "buffer_p50_ms", "number or null",
            "`buffer_ms`: what half of the values do not exceed; four a second, of the last minute "
                + "in which the member was heard"),
        field("buffer_p95_ms", "number or null", "`buffer_ms`: what 95 of 100 do not exceed"),
        field("mouth_to_ear_p50_ms", "number or null", "`mouth_to_ear_ms` likewise"),
        field("mouth_to_ear_p95_ms", "number or null", "`mouth_to_ear_ms` likewise"),
        field("capture_p50_ms", "number or null", "`capture_ms` likewise"),
        field("capture_p95_ms", "number or null", "`capture_ms` likewise"),
        field("network_p50_ms", "number or null", "`network_ms` likewise"),
        field("network_p95_ms", "number or null", "`network_ms` likewise"),
        field("decoder_p50_ms", "number or null", "`decoder_ms` likewise"),
        field("decoder_p95_ms", "number or null", "`decoder_ms` likewise"),
        field("playback_p50_ms", "number or null", "`playback_ms` likewise"),
        field("playback_p95_ms", "number or null", "`playback_ms` likewise"),
    ]

    /// What other commands print with `--json`.
    static let others = [
        EventKind(
            "check", "`vc doctor`: something was looked at",
            [
                field("check", "text", "what: microphone, nat, room…"),
                field("state", "text", "ok, warning or problem"),
                field("message", "text", "what was found"),
                optional("advice", "text", "what to do about it"),
                optional("rtt_ms", "number", "a round trip"),
            ]),
        EventKind(
            "verdict", "`vc doctor`: the last line",
            [
                field("possible", "true or false", "whether a call is"),
                field("problems", "number", "how many"), field("warnings", "number", "how many"),
            ]),
        EventKind(
            "device", "`vc devices`, without `t`: a microphone or loudspeaker",
            [
                field("name", "text", "what --capture or --playback takes"),
                field("description", "text", "for people"),
                field("direction", "text", "what it is of use for"),
            ]),
        EventKind(
            "setting", "`vc config`, without `t`: what holds",
            [
                field("name", "text", "of the option, without dashes"),
                optional("value", "text or null", "null where vc chooses"),
                optional("secret", "true", "in place of the value"),
                field("from", "text", "default, file, environment or flag"),
                optional("line", "number", "of the file"),
            ]),
    ]
}
