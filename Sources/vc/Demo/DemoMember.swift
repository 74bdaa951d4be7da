/// One `vc` of the demo: how it is started, and what it has told so far.
final class DemoMember {
    /// As the others see it.
    let name: String
    /// Where what it hears is written.
    let recording: String
    /// Whether it uses nothing but the relay.
    let isRelayed: Bool
    let process: ChildProcess

    private(set) var number: Int?
    private(set) var code: String?
    /// Seconds from the start of the process to its place in the room, and to the first voice.
    private(set) var secondsToJoin: Double?
    private(set) var secondsToVoice: Double?
    /// What it knows of the others, by their number.
    private(set) var others: [Int: Hearing] = [:]
    private(set) var chat: [String] = []
    private var sent: [Int: String] = [:]
    private var delivered: [String: Set<Int>] = [:]
    private(set) var cpuPercent: [Double] = []
    private(set) var residentBytes: UInt64 = 0
    private(set) var problem: String?

    /// What a member hears of another one.
    struct Hearing {
        let number: Int
        var wasHeard = false
        var rung = "none"
        var roundTripMilliseconds: Double?
        var received = 0
        var lost = 0
        var late = 0
        var concealed = 0
        /// Of each second.
        var mouthToEarMilliseconds: [Double] = []
    }

    init(
        _ name: String, records recording: String, isRelayed: Bool, process: ChildProcess
    ) {
        self.name = name
        self.isRelayed = isRelayed
        self.recording = recording
        self.process = process
    }

    /// The message that it sends to the others.
    var greeting: String { "hello from \(name)" }

    /// What it heard of each other one.
    var hearings: [Hearing] { others.values.sorted { $0.number < $1.number } }

    /// Whether its message came to `count` others, as it was told.
    func isDelivered(to count: Int) -> Bool {
        (delivered[greeting]?.count ?? 0) >= count
    }

    /// Takes a line of its output, which came `seconds` after its start.
    func take(_ line: [UInt8], seconds: Double) {
        guard let event = JSONValue(line), let kind = event["event"]?.string else {
            problem = problem ?? "\(name) printed a line that is no event"
            return
        }
        switch kind {
        case "code": code = event["code"]?.string
        case "joined":
            number = event["number"]?.int
            secondsToJoin = seconds
        case "voice":
            secondsToVoice = secondsToVoice ?? seconds
            hear(event["member"]) { $0.wasHeard = true }
        case "path": hear(event["member"]) { $0.rung = event["rung"]?.string ?? "none" }
        case "chat": chat.append(event["text"]?.string ?? "")
        case "sent":
            if let id = event["id"]?.int { sent[id] = event["text"]?.string }
        case "delivery": takeDelivery(event)
        case "stats": takeStatistics(event)
        case "error": problem = problem ?? event["message"]?.string
        default: return
        }
    }

    private func hear(_ number: JSONValue?, _ change: (inout Hearing) -> Void) {
        guard let number = number?.int else { return }
        change(&others[number, default: Hearing(number: number)])
    }

    private func takeDelivery(_ event: JSONValue) {
        guard event["state"]?.string == "delivered", let id = event["id"]?.int,
            let text = sent[id], let member = event["member"]?.int
        else { return }
        delivered[text, default: []].insert(member)
    }

    private func takeStatistics(_ event: JSONValue) {
        let members = event["members"]?.elements ?? []
        residentBytes = max(residentBytes, UInt64(event["rss_bytes"]?.double ?? 0))
        // What it costs to be in a call; alone it sleeps.
        if let percent = event["cpu_percent"]?.double, !members.isEmpty {
            cpuPercent.append(percent)
        }
        for member in members {
            hear(member["number"]) { hearing in
                hearing.rung = member["rung"]?.string ?? "none"
                hearing.roundTripMilliseconds = member["rtt_ms"]?.double
                hearing.received = member["received"]?.int ?? 0
                hearing.lost = member["lost"]?.int ?? 0
                hearing.late = member["late"]?.int ?? 0
                hearing.concealed = member["concealed"]?.int ?? 0
                if let delay = member["mouth_to_ear_ms"]?.double {
                    hearing.mouthToEarMilliseconds.append(delay)
                }
            }
        }
    }
}

/// The middle one of `values`; nil when there is none.
func median(_ values: [Double]) -> Double? {
    guard !values.isEmpty else { return nil }
    return values.sorted()[values.count / 2]
}
