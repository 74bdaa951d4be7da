import Foundation
import Testing

extension ProcessTests {
    @Suite("vc demo")
    struct Demo {
        @Test("Interrupted: 130, soon, and nobody stays behind", arguments: [SIGINT, SIGTERM])
        func interrupted(signal: Int32) async throws {
            let stage = try Stage()
            let demo = try stage.start("vc", ["demo", "--out", stage.folder])
            try await demo.line(with: "they talk")
            let children = try childProcesses(of: demo.pid)
            #expect(children.count == 5, "two servers and three members")
            demo.send(signal)
            #expect(try await demo.status(within: .seconds(5)) == 130)
            for child in children {
                #expect(kill(child, 0) == -1 && errno == ESRCH)
            }
            #expect(demo.output.isEmpty)
        }

        @Test(
            "A part that is missing: a sentence and its status",
            arguments: [
                ([], 69, "vc-signal is missing"), (["vc-signal"], 69, "vc-relay is missing"),
                (["vc-signal", "vc-relay"], 66, "the speech samples are missing"),
            ])
        func missingParts(programs: [String], status: Int32, words: String) async throws {
            let stage = try Stage()
            let vc = "\(stage.folder)/vc"
            try FileManager.default.copyItem(atPath: Build.path(of: "vc"), toPath: vc)
            for program in programs {
                try FileManager.default.createSymbolicLink(
                    atPath: "\(stage.folder)/\(program)",
                    withDestinationPath: Build.path(of: program))
            }
            let lonely = try stage.start(
                vc, ["demo", "--out", stage.folder], environment: ["PATH": "/nowhere"])
            #expect(try await lonely.status() == status)
            #expect(lonely.diagnosticsText.contains(words))
        }

        @Test("Recordings that have no place: 69, and what to do")
        func noPlace() async throws {
            let stage = try Stage()
            let demo = try stage.start("vc", ["demo", "--out", "\(stage.folder)/none/out"])
            #expect(try await demo.status() == 69)
            #expect(demo.diagnosticsText.contains("choose another directory with --out"))
        }

        private func childProcesses(of parent: pid_t) throws -> [pid_t] {
            let path = "/proc/\(parent)/task/\(parent)/children"
            let text = try String(contentsOfFile: path, encoding: .utf8)
            return text.split(separator: " ").compactMap { pid_t($0) }
        }
    }
}
