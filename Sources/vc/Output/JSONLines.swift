internal import VCCore

/// `--json`: one object per line on stdout.
struct JSONLines: EventRenderer {
    func lines(for event: CallEvent, at seconds: Double) -> [OutputLine] {
        [OutputLine(object(for: event, at: seconds).closed)]
    }

    func writeCode(
        _ code: borrowing RoomCode, isOneTime: Bool, at seconds: Double,
        into writer: inout ByteWriter
    ) {
        // None of the bytes of a code or server name has to be escaped.
        writer.write(text: "{\"event\":\"code\",\"t\":")
        for byte in (fixedDecimal(seconds, decimals: 3) ?? "null").utf8 { writer.write(byte) }
        writer.write(text: ",\"code\":\"")
        code.write(into: &writer)
        writer.write(text: "\",\"nameplate\":")
        writer.write(decimal: code.nameplate)
        writer.write(text: ",\"server\":")
        for byte in (code.server.map { jsonString($0.description) } ?? "null").utf8 {
            writer.write(byte)
        }
        writer.write(text: isOneTime ? ",\"once\":true}\n" : "}\n")
    }

    /// An event with its fields.
    func object(for event: CallEvent, at seconds: Double) -> JSONObject {
        var object = JSONObject()
        object.add("event", event.jsonName)
        object.add("t", seconds, decimals: 3)
        switch event {
        case .reach(let reach): Self.add(reach, to: &object)
        case .searching(let nameplate, let server):
            object.add("nameplate", nameplate)
            if let server { object.add("server", server) }
        case .waiting: break
        case .joined(let number, let members):
            object.add("number", number)
            object.add("members", members.map(Self.object))
        case .member(let change): Self.add(change, to: &object)
        case .renamed(let member, let name):
            object.add("member", member)
            object.add("name", name.text)
        case .path(let member, let rung, let roundTrip, let why):
            object.add("member", member)
            object.add("rung", rung.rawValue)
            object.add("rtt_ms", roundTrip, decimals: 1)
            object.add("why", why)
        case .voice(let member):
            object.add("member", member)
        case .talking(let member, let isOn, let isWhisper):
            object.add("member", member)
            object.add("on", isOn)
            if isWhisper { object.add("whisper", true) }
        case .whispering(let isOn, let to):
            object.add("on", isOn)
            object.add("to", to)
        case .muted(let member, let isOn), .recording(let member, let isOn):
            object.add("member", member)
            object.add("on", isOn)
        case .chat(let message):
            object.add("from", message.from)
            object.add("name", message.name.text)
            object.add("text", message.text.text)
            object.add("id", message.id)
            if !message.to.isEmpty { object.add("to", message.to) }
        case .sent(let id, let text, let to):
            object.add("id", id)
            object.add("text", text.text)
            if !to.isEmpty { object.add("to", to) }
        case .delivery(let id, let member, let isDelivered):
            object.add("id", id)
            object.add("member", member)
            object.add("state", isDelivered ? "delivered" : "undelivered")
        case .statistics(let statistics): Self.add(statistics, to: &object)
        case .guess(let failed, let budget):
            object.add("failed", failed)
            object.add("budget", budget)
        case .safety(let words, let run):
            object.add("words", words)
            object.add("run", run)
        case .verified(let members): object.add("members", members.map(Self.object))
        case .locked(let isOn): object.add("on", isOn)
        case .codeUsed(let nameplate): object.add("nameplate", nameplate)
        case .warning(let kind, let message, let device):
            object.add("kind", kind)
            object.add("message", message)
            if let device { object.add("device", device) }
        case .error(let kind, let message):
            object.add("kind", kind)
            object.add("message", message)
        case .left(let reason):
            object.add("reason", reason)
        }
        return object
    }

    private static func object(for member: MemberName) -> JSONObject {
        var object = JSONObject()
        object.add("number", member.number)
        object.add("name", member.name.text)
        return object
    }

    private static func add(_ reach: HostReach, to object: inout JSONObject) {
        object.add("lan", reach.isFound)
        object.add("outside", reach.outside.word)
        object.add("port", Int(reach.port))
        if case .mapped(let external) = reach.outside {
            object.add("address", external.serverText)
        }
        if let sentence = reach.outsideSentence { object.add("message", sentence) }
    }

    private static func add(_ change: MemberChange, to object: inout JSONObject) {
        object.add("number", change.number)
        object.add("name", change.name.text)
        object.add("state", change.state.rawValue)
        object.add("host", change.isHost)
        object.add("verified", change.isVerified)
    }

    private static func add(_ statistics: CallStatistics, to object: inout JSONObject) {
        object.add("members", statistics.members.map(Self.object))
        object.add("cpu_percent", statistics.cpuPercent, decimals: 2)
        object.add("rss_bytes", statistics.residentBytes)
        object.add("capture_xruns", statistics.captureXruns)
        object.add("playback_xruns", statistics.playbackXruns)
        object.add("send_queue", statistics.sendQueue)
        object.add("send_dropped", statistics.sendDropped)
        object.add("send_queue_p50", statistics.sendQueueSpread.median, decimals: 0)
        object.add("send_queue_p95", statistics.sendQueueSpread.most, decimals: 0)
        object.add("muted", statistics.isMuted)
    }

    private static func object(for member: MemberStatistics) -> JSONObject {
        var object = JSONObject()
        object.add("number", member.number)
        if let rung = member.rung { object.add("rung", rung.rawValue) }
        object.add("rtt_ms", member.roundTripMilliseconds, decimals: 1)
        object.add("sent", member.sent)
        object.add("received", member.received)
        object.add("lost", member.lost)
        object.add("late", member.late)
        object.add("concealed", member.concealed)
        object.add("jitter_ms", member.jitterMilliseconds, decimals: 2)
        object.add("buffer_ms", member.bufferMilliseconds, decimals: 1)
        object.add("mouth_to_ear_ms", member.mouthToEarMilliseconds, decimals: 1)
        object.add("capture_ms", member.captureMilliseconds, decimals: 1)
        object.add("network_ms", member.networkMilliseconds, decimals: 2)
        object.add("decoder_ms", member.decoderMilliseconds, decimals: 2)
        object.add("playback_ms", member.playbackMilliseconds, decimals: 1)
        for (name, spread) in member.spreads {
            object.add("\(name)_p50_ms", spread.median, decimals: 1)
            object.add("\(name)_p95_ms", spread.most, decimals: 1)
        }
        return object
    }
}

extension MemberStatistics {
    /// How each stage of the delay was spread, by the name of its field.
    fileprivate var spreads: [(name: String, spread: Spread)] {
        [
            ("buffer", bufferSpread), ("mouth_to_ear", mouthToEarSpread),
            ("capture", captureSpread), ("network", networkSpread), ("decoder", decoderSpread),
            ("playback", playbackSpread),
        ]
    }
}

extension CallEvent {
    /// The field `event`.
    var jsonName: String {
        switch self {
        case .reach: "reach"
        case .searching: "search"
        case .waiting: "waiting"
        case .joined: "joined"
        case .member: "member"
        case .renamed: "renamed"
        case .path: "path"
        case .voice: "voice"
        case .talking: "talking"
        case .whispering: "whispering"
        case .chat: "chat"
        case .muted: "muted"
        case .recording: "recording"
        case .sent: "sent"
        case .delivery: "delivery"
        case .statistics: "stats"
        case .guess: "guess"
        case .safety: "safety"
        case .verified: "verified"
        case .locked: "locked"
        case .codeUsed: "code-used"
        case .warning: "warning"
        case .error: "error"
        case .left: "left"
        }
    }
}
