/// What the demo has measured: the table for people, one object for programs.
struct DemoReport {
    struct Member {
        let name: String
        let isHost: Bool
        /// Whether it asked for the relay and nothing else.
        let isRelayed: Bool
        let number: Int
        let secondsToJoin: Double?
        let secondsToVoice: Double?
        /// In the order of their numbers.
        let hearings: [DemoMember.Hearing]
        /// Nil without a recording.
        let heardSeconds: Double?
        let chatDelivered: Bool
        let cpuPercent: Double?
        let residentBytes: UInt64
        let recording: String
    }

    struct Server {
        let name: String
        let cpuPercent: Double
        let residentBytes: UInt64
    }

    let members: [Member]
    let servers: [Server]
    let directory: String
    let seconds: Double
    /// What did not work, in sentences; empty when the demo is a success.
    let problems: [String]

    // MARK: For people

    var lines: [String] {
        var rows = [[""] + members.map(title) + servers.map(\.name)]
        func row(_ title: String, _ cell: (Member) -> String) {
            rows.append([title] + members.map(cell) + servers.map { _ in "" })
        }
        // Of the host, both would only tell when the guests came.
        row("in the room after") { $0.isHost ? "" : milliseconds($0.secondsToJoin) }
        row("first voice after") { $0.isHost ? "" : milliseconds($0.secondsToVoice) }
        row("path") { Set($0.hearings.map(\.rung)).sorted().joined(separator: ", ") }
        row("round trip") { worst($0, \.roundTripMilliseconds) }
        row("frames lost") { member in
            let lost = member.hearings.reduce(0) { $0 + $1.lost + $1.late }
            return "\(lost) of \(lost + member.hearings.reduce(0) { $0 + $1.received })"
        }
        row("mouth to ear") { worst($0) { median($0.mouthToEarMilliseconds) } }
        row("speech heard") { $0.heardSeconds.map { decimal($0) + " s" } ?? "-" }
        row("chat delivered") { $0.chatDelivered ? "yes" : "no" }
        rows.append(
            ["CPU, of one core"] + members.map { $0.cpuPercent.map(percent) ?? "-" }
                + servers.map { percent($0.cpuPercent) })
        rows.append(
            ["memory"] + members.map { mebibytes($0.residentBytes) }
                + servers.map { mebibytes($0.residentBytes) })
        return aligned(rows) + ["", "The voices are \(DemoReport.speech). What was heard:"]
            + members.map { "  \($0.name): \($0.recording)" }
    }

    private func title(_ member: Member) -> String {
        if member.isHost { return "\(member.name) (host)" }
        return member.isRelayed ? "\(member.name) (relay)" : member.name
    }

    private func worst(_ member: Member, _ value: (DemoMember.Hearing) -> Double?) -> String {
        member.hearings.compactMap(value).max().map { decimal($0) + " ms" } ?? "-"
    }

    private func milliseconds(_ seconds: Double?) -> String {
        seconds.flatMap { fixedDecimal($0 * 1_000, decimals: 0) }.map { $0 + " ms" } ?? ""
    }

    private func decimal(_ value: Double) -> String { fixedDecimal(value, decimals: 1) ?? "-" }
    private func percent(_ value: Double) -> String { decimal(value) + " %" }
    private func mebibytes(_ bytes: UInt64) -> String {
        decimal(Double(bytes) / 1_048_576) + " MiB"
    }

    /// The first column to the left, the others to the right.
    private func aligned(_ rows: [[String]]) -> [String] {
        let widths = (0..<(rows.first?.count ?? 0)).map { column in
            rows.map { $0[column].count }.max() ?? 0
        }
        return rows.map { row in
            var line = ""
            for (column, cell) in row.enumerated() {
                let space = String(repeating: " ", count: widths[column] - cell.count)
                line += column == 0 ? cell + space : "  " + space + cell
            }
            while line.last == " " { line.removeLast() }
            return line
        }
    }

    // MARK: For programs

    var json: String {
        var object = JSONObject()
        object.add("ok", problems.isEmpty)
        object.add("seconds", seconds, decimals: 1)
        object.add("directory", directory)
        object.add("speech", DemoReport.speech)
        object.add("members", members.map(Self.object))
        object.add("servers", servers.map(Self.object))
        object.add("problems", problems)
        return object.closed
    }

    /// What is spoken, as it is said to people and programs.
    static let speech = "synthesised with espeak-ng"

    private static func object(for member: Member) -> JSONObject {
        var object = JSONObject()
        object.add("number", member.number)
        object.add("name", member.name)
        object.add("host", member.isHost)
        object.add("relay_only", member.isRelayed)
        object.add("joined_ms", member.secondsToJoin.map { $0 * 1_000 }, decimals: 1)
        object.add("first_voice_ms", member.secondsToVoice.map { $0 * 1_000 }, decimals: 1)
        object.add("heard_seconds", member.heardSeconds, decimals: 2)
        object.add("chat_delivered", member.chatDelivered)
        object.add("cpu_percent", member.cpuPercent, decimals: 2)
        object.add("rss_bytes", member.residentBytes)
        object.add("recording", member.recording)
        object.add("hears", member.hearings.map(Self.object))
        return object
    }

    private static func object(for hearing: DemoMember.Hearing) -> JSONObject {
        var object = JSONObject()
        object.add("number", hearing.number)
        object.add("rung", hearing.rung)
        object.add("rtt_ms", hearing.roundTripMilliseconds, decimals: 1)
        object.add("received", hearing.received)
        object.add("lost", hearing.lost)
        object.add("late", hearing.late)
        object.add("concealed", hearing.concealed)
        object.add("mouth_to_ear_ms", median(hearing.mouthToEarMilliseconds), decimals: 1)
        return object
    }

    private static func object(for server: Server) -> JSONObject {
        var object = JSONObject()
        object.add("name", server.name)
        object.add("cpu_percent", server.cpuPercent, decimals: 2)
        object.add("rss_bytes", server.residentBytes)
        return object
    }
}
