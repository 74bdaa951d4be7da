import Foundation
import Testing
import VCCore

@testable import vc

/// Every event there is. The compiler holds this list complete: a new event has to be named here.
private func following(_ event: CallEvent?) -> CallEvent? {
    let ana = MemberName(number: 1, name: DisplayText(name: "ana"))
    let text = DisplayText(message: "hello")
    switch event {
    case nil: return .reach(reach)
    case .reach: return .searching(nameplate: 7, server: "192.0.2.1")
    case .searching: return .waiting
    case .waiting: return .joined(number: 2, members: [ana])
    case .joined:
        return .member(
            MemberChange(number: 1, name: ana.name, state: .lost, isHost: true, isVerified: false))
    case .member: return .renamed(member: 1, name: ana.name)
    case .renamed: return .path(member: 1, rung: .relay, roundTripMilliseconds: 3.5, why: "why")
    case .path: return .voice(member: 1)
    case .voice: return .talking(member: 1, isOn: true, isWhisper: true)
    case .talking: return .whispering(isOn: true, to: [1])
    case .whispering:
        return .chat(ChatMessage(from: 1, name: ana.name, text: text, id: 4, to: [2]))
    case .chat: return .muted(member: 1, isOn: true)
    case .muted: return .recording(member: 1, isOn: true)
    case .recording: return .sent(id: 3, text: text, to: [1])
    case .sent: return .delivery(id: 3, member: 1, isDelivered: false)
    case .delivery: return .statistics(statistics)
    case .statistics: return .guess(failed: 1, budget: 10)
    case .guess: return .safety(words: "a b c d", run: 1)
    case .safety: return .verified([ana])
    case .verified: return .locked(isOn: true)
    case .locked: return .codeUsed(nameplate: 7)
    case .codeUsed: return .warning(kind: "k", message: "m")
    case .warning: return .error(kind: "k", message: "m")
    case .error: return .left(reason: "r")
    case .left: return nil
    }
}

/// With everything in it: the router maps a port.
private let reach: HostReach = {
    let name = ServerName("192.168.1.20")!
    var reach = HostReach(CallOptions(), name, port: 4_460)
    _ = reach.note(mapped: Endpoint(ipv4: 0xCB00_7107, port: 4_470))
    return reach
}()

private let statistics: CallStatistics = {
    var member = MemberStatistics(number: 1)
    member.rung = .direct
    member.roundTripMilliseconds = 1
    return CallStatistics(members: [member, MemberStatistics(number: 2)])
}()

@Suite("What is said of events")
struct EventCatalogTests {
    private var events: [CallEvent] {
        var events: [CallEvent] = []
        var next = following(nil)
        while let event = next {
            events.append(event)
            next = following(event)
        }
        // The same ones with everything left out that may be.
        return events + [
            .reach(HostReach(CallOptions(), ServerName("127.0.0.1")!, port: 1)),
            .searching(nameplate: 7, server: nil),
            .path(member: 1, rung: .direct, roundTripMilliseconds: nil, why: "why"),
            .talking(member: 1, isOn: false),
            .chat(
                ChatMessage(
                    from: 1, name: DisplayText(name: "a"), text: DisplayText(message: "b"), id: 1)),
            .sent(id: 1, text: DisplayText(message: "b")),
        ]
    }

    private func object(_ line: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }

    /// Holds an object of the program against what is said of it.
    private func check(
        _ object: [String: Any], _ fields: [EventKind.Field], _ name: String,
        common: Set<String> = ["event", "t"]
    ) {
        let known = Set(fields.map(\.name))
        let found = Set(object.keys).subtracting(common)
        #expect(found.subtracting(known).isEmpty, "\(name): not told of")
        let needed = Set(fields.filter { !$0.isOptional }.map(\.name))
        #expect(needed.subtracting(found).isEmpty, "\(name): told of and not there")
        for field in fields {
            guard let value = object[field.name] else { continue }
            #expect(
                field.type.components(separatedBy: " or ").contains { fits(value, $0) }
                    || fits(value, field.type),
                "\(name).\(field.name) is no \(field.type): \(value)")
        }
    }

    private func fits(_ value: Any, _ type: String) -> Bool {
        let number = value as? NSNumber
        let isBool = number.map { isTruth($0) } ?? false
        return switch type {
        case "text": value is String
        case "null": value is NSNull
        case "true": isBool && number == true
        case "false": isBool && number == false
        case "number": number != nil && !isBool
        case "list of numbers": value is [NSNumber]
        default: type.hasPrefix("list of {") && value is [[String: Any]]
        }
    }

    private func isTruth(_ number: NSNumber) -> Bool {
        String(cString: number.objCType) == "c" || String(cString: number.objCType) == "B"
    }

    @Test("is what a call prints: every event, every field, of the type that is said")
    func calls() throws {
        var names: Set<String> = ["code", "phrase"]
        for event in events {
            let line = try #require(JSONLines().lines(for: event, at: 1).first).text
            let object = try object(line)
            let name = try #require(object["event"] as? String)
            names.insert(name)
            let kind = try #require(EventKind.named(name), "\(name) is not told of")
            check(object, kind.fields, name)
            #expect(object["t"] as? Double == 1)
        }
        #expect(Set(EventKind.calls.map(\.name)) == names)
        #expect(EventKind.calls.count == names.count)
        let line = JSONLines().lines(for: .statistics(statistics), at: 1)[0].text
        let members = try #require(try object(line)["members"] as? [[String: Any]])
        for member in members { check(member, EventKind.memberStatistics, "stats", common: []) }
        #expect(Set(members[0].keys) == Set(EventKind.memberStatistics.map(\.name)))
    }

    @Test("is what other commands print")
    func others() throws {
        var line = DoctorLine(.nat, .ok, "m", advice: "a", roundTrip: .milliseconds(3))
        for _ in 0..<2 {
            let object = try object(line.json(seconds: 1))
            check(object, try #require(EventKind.named("check")).fields, "check")
            line = DoctorLine(.nat, .ok, "m")
        }
        let verdict = try object(DoctorReport().verdictJSON(seconds: 1))
        check(verdict, try #require(EventKind.named("verdict")).fields, "verdict")
        var report = ConfigurationReport()
        report.rows = [
            .init(name: "a", value: nil, isSecret: false, source: .standard, spelling: ""),
            .init(name: "a", value: "b", isSecret: false, source: .file(line: 2), spelling: ""),
            .init(name: "a", value: nil, isSecret: true, source: .environment, spelling: ""),
        ]
        let kind = try #require(EventKind.named("setting"))
        for line in report.jsonLines {
            check(try object(line), kind.fields, "setting", common: ["event"])
        }
    }

    /// With VC_UPDATE_SNAPSHOTS=1 the page is written instead of compared.
    @Test("stands in the documentation")
    func page() throws {
        var lines = [
            "# Events", "",
            "What `vc host`, `vc join` and `vc tune` print with `--json`, one object on each line "
                + "of standard",
            "output. This page is made from the table of the program "
                + "(`EventKind`) by its test.", "",
            "Every event has `event` and `t`, the seconds since the process started. Events and "
                + "fields that you do",
            "not know are to be ignored: later versions may have more. "
                + "Optional fields are left out where there is",
            "nothing to say. What is typed on "
                + "standard input is chat, or a command if it begins with a slash.", "",
            "`--exec COMMAND` runs a program on each event, never through a shell: `VC_EVENT` is "
                + "its name, `VC_EVENT_`",
            "and the name of a field in capitals that field, lists "
                + "as JSON, and `VC_EVENT_JSON` all of it. The secrets",
            "`code` and `phrase` are "
                + "left out there, and `phrase` is not run on. At most \(EventHook.mostRunning) "
                + "run at once and \(EventHook.mostWaiting) wait;", "`stats` are left out first.",
        ]
        func table(_ fields: [EventKind.Field]) -> [String] {
            guard !fields.isEmpty else { return [] }
            return ["", "| field | type | what it says |", "|---|---|---|"]
                + fields.map { field in
                    let type = field.type + (field.isOptional ? ", optional" : "")
                    return "| `\(field.name)` | \(type) | \(field.summary) |"
                }
        }
        func section(_ kind: EventKind) -> [String] {
            ["", "### \(kind.name)", "", kind.summary] + table(kind.fields)
        }
        lines += ["", "## Events of a call"] + EventKind.calls.flatMap(section)
        lines += ["", "### Members of stats", "", "Counts are voice frames since the start."]
        lines += table(EventKind.memberStatistics)
        lines += ["", "## Events of other commands"] + EventKind.others.flatMap(section)
        let text = lines.joined(separator: "\n") + "\n"
        let root = #filePath.components(separatedBy: "/Tests/")[0]
        let path = root + "/Sources/VCCore/VCCore.docc/Events.md"
        if ProcessInfo.processInfo.environment["VC_UPDATE_SNAPSHOTS"] != nil {
            try text.write(toFile: path, atomically: true, encoding: .utf8)
        }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
    }
}
