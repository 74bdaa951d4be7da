import Foundation
import Testing
import VCCore

@testable import vc

/// The program of `--exec` is a script that writes what it is given into a folder.
@Suite("A program that is run on events")
final class HookTests {
    private let folder: String

    init() throws {
        folder = NSTemporaryDirectory() + "vc-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    private func script(_ body: String) throws -> String {
        let path = folder + "/hook"
        let text = "#!/bin/sh\ncd '\(folder)'\n\(body)\n"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        return path
    }

    private func chat(_ text: String, id: UInt64 = 1) -> JSONObject {
        JSONLines().object(
            for: .chat(
                ChatMessage(
                    from: 2, name: DisplayText(name: "ben"), text: DisplayText(message: text),
                    id: id)), at: 1)
    }

    /// Serves the hook until `count` files are there that `name` begins.
    private func wait(
        for count: Int, _ name: String, _ hook: inout EventHook
    ) throws -> [String] {
        for _ in 0..<1_000 {
            _ = hook.serve()
            let files = try FileManager.default.contentsOfDirectory(atPath: folder)
                .filter { $0.hasPrefix(name) }
            if files.count >= count { return files }
            usleep(10_000)
        }
        return []
    }

    /// Waits for all that was started: what is left of it would keep those waiting that run tests
    /// in processes of their own.
    private func end(_ hook: inout EventHook) {
        for _ in 0..<60_000 {
            guard hook.isAtWork else { return }
            _ = hook.serve()
            usleep(1_000)
        }
        Issue.record("what was started does not end")
    }

    @Test("finds the fields in its environment, as they are, and no argument")
    func fields() throws {
        let program = try script(
            """
            printf '%s|%s|%s|%s|%s|%s' "$#" "$VC_EVENT" "$VC_EVENT_NAME" "$VC_EVENT_TEXT" \
                "$VC_EVENT_FROM" "$VC_EVENT_JSON" >part
            ls /proc/self/fd >descriptors; mv part out
            """)
        let text = "$(touch pwned) `touch pwned`; touch pwned \" ' \\ é"
        var hook = EventHook(program: program, isSilent: true)
        defer { end(&hook) }
        let problem = hook.run(chat(text))
        #expect(problem == nil)
        _ = try wait(for: 1, "out", &hook)
        let said = try String(contentsOfFile: folder + "/out", encoding: .utf8)
        #expect(said.hasPrefix("0|chat|ben|\(text)|2|{\"event\":\"chat\""), "\(said)")
        #expect(!FileManager.default.fileExists(atPath: folder + "/pwned"))
        let descriptors = try String(contentsOfFile: folder + "/descriptors", encoding: .utf8)
        // The one of `ls` itself is the fourth.
        #expect(descriptors.split(separator: "\n").count == 4, "\(descriptors)")
    }

    @Test("is handed no secret, and nothing that would be a setting of a vc that it starts")
    func secrets() throws {
        setenv("VC_CODE", "7-castle-volcano-dolphin", 1)
        setenv("VC_EVENT_FORGED", "x", 1)
        defer {
            unsetenv("VC_CODE")
            unsetenv("VC_EVENT_FORGED")
        }
        let program = try script("env >part; mv part out")
        var hook = EventHook(program: program, isSilent: true)
        defer { end(&hook) }
        _ = hook.run(chat("x"))
        _ = try wait(for: 1, "out", &hook)
        let environment = try String(contentsOfFile: folder + "/out", encoding: .utf8)
        #expect(!environment.contains("castle") && !environment.contains("FORGED"))
        #expect(environment.contains("PATH="))
        let names = environment.split(separator: "\n").map { $0.prefix { $0 != "=" } }
        let settings = Set(Option.all.map(\.variable) + SecretSetting.allCases.map(\.variable))
        // What the person set stays; the event adds none.
        #expect(names.allSatisfy { !settings.contains(String($0)) || getenv(String($0)) != nil })
        for option in Option.all { #expect(!option.variable.hasPrefix("VC_EVENT")) }
    }

    @Test("is not run more often at once than is allowed, and on every event all the same")
    func bounded() throws {
        let program = try script(
            """
            ls running.* 2>/dev/null | wc -l >"seen.$VC_EVENT_ID"
            touch "running.$VC_EVENT_ID"; sleep 0.05; rm "running.$VC_EVENT_ID"
            touch "done.$VC_EVENT_ID"
            """)
        var hook = EventHook(program: program, isSilent: true)
        defer { end(&hook) }
        for id in 1...40 {
            let problem = hook.run(chat("x", id: UInt64(id)))
            #expect(problem == nil)
        }
        let done = try wait(for: 40, "done.", &hook)
        #expect(done.count == 40)
        for id in 1...40 {
            let seen = try String(contentsOfFile: "\(folder)/seen.\(id)", encoding: .utf8)
            let count = try #require(Int(seen.filter(\.isNumber)))
            #expect(count < EventHook.mostRunning)
        }
    }

    @Test("a flood is cut off and told once; statistics give way first")
    func flood() throws {
        let program = try script("sleep 0.2; touch \"done.$VC_EVENT.$VC_EVENT_ID\"")
        var hook = EventHook(program: program, isSilent: true)
        defer { end(&hook) }
        var problems: [EventHook.Problem] = []
        let stats = JSONLines().object(for: .statistics(CallStatistics()), at: 1)
        for id in 1...200 {
            if let problem = hook.run(chat("x", id: UInt64(id))) { problems.append(problem) }
            // Before, there is room for them too.
            if id > EventHook.mostRunning, let problem = hook.run(stats) {
                problems.append(problem)
            }
        }
        #expect(problems == [.busy])
        let expected = EventHook.mostRunning + EventHook.mostWaiting
        let done = try wait(for: expected, "done.", &hook)
        // Some may have ended while the flood went on.
        #expect(done.count < 150, "\(done.count)")
        #expect(!done.contains { $0.hasPrefix("done.stats") })
    }

    @Test("how the call ended is told, whatever waits")
    func lastOfMany() throws {
        // Hardly any ends before all have come.
        let program = try script("sleep 0.3; touch \"done.$VC_EVENT\"")
        var hook = EventHook(program: program, isSilent: true)
        defer { end(&hook) }
        for id in 1...200 { _ = hook.run(chat("x", id: UInt64(id))) }
        _ = hook.run(JSONLines().object(for: .left(reason: "you left"), at: 1))
        hook.finish()
        let told = try wait(for: 1, "done.left", &hook)
        #expect(told.count == 1)
    }

    @Test("what cannot be run is told once, and what is no program is known before")
    func failure() throws {
        let path = try script("")
        var hook = EventHook(program: path, isSilent: true)
        defer { end(&hook) }
        #expect(EventHook.canRun(path) && EventHook.canRun("sh"))
        try FileManager.default.removeItem(atPath: path)
        #expect(!EventHook.canRun(path) && !EventHook.canRun("/tmp") && !EventHook.canRun(""))
        #expect(!EventHook.canRun("no-such-program-of-vc"))
        let problem = hook.run(chat("x"))
        guard case .failed(let reason) = problem else {
            Issue.record("not told")
            return
        }
        #expect(reason == "No such file or directory")
        let second = hook.run(chat("x"))
        #expect(second == nil)
    }

    @Test("at the end the last event is run, whatever waits")
    func end() throws {
        let program = try script("sleep 3; [ $VC_EVENT_ID != 90 ] || touch last")
        let quick = try String(contentsOfFile: program, encoding: .utf8)
            .replacing("sleep 3", with: "[ $VC_EVENT_ID = 90 ] || sleep 3")
        try quick.write(toFile: program, atomically: false, encoding: .utf8)
        var hook = EventHook(program: program, isSilent: true)
        defer { end(&hook) }
        for id in 70...90 { _ = hook.run(chat("x", id: UInt64(id))) }
        let start = ContinuousClock.now
        hook.finish()
        #expect(ContinuousClock.now - start < .seconds(3))
        let found = try wait(for: 1, "last", &hook)
        #expect(found == ["last"])
    }
}
