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
            #expect(children.count == 3)
            demo.send(signal)
            #expect(try await demo.status(within: .seconds(5)) == 130)
            for child in children {
                #expect(kill(child, 0) == -1 && errno == ESRCH)
            }
            #expect(demo.output.isEmpty)
        }

        @Test("A part that is missing: a sentence and its status", arguments: [69, 66, 70])
        func missingParts(status: Int32) async throws {
            let stage = try Stage()
            let vc = "\(stage.folder)/vc"
            try FileManager.default.copyItem(atPath: Build.path(of: "vc"), toPath: vc)
            if status != 69 {
                try FileManager.default.createSymbolicLink(
                    atPath: "\(stage.folder)/vc-signal",
                    withDestinationPath: Build.path(of: "vc-signal"))
            }
            // The third: everything is there, but the recordings have no place.
            let lonely = try stage.start(
                status == 70 ? "vc" : vc, ["demo", "--out", "\(stage.folder)/none/out"],
                environment: ["PATH": "/nowhere"])
            #expect(try await lonely.status() == (status == 70 ? 69 : status))
            let words = [
                69: "vc-signal is missing", 66: "the speech samples are missing",
                70: "choose another directory with --out",
            ]
            #expect(lonely.diagnosticsText.contains(try #require(words[Int(status)])))
        }

        private func childProcesses(of parent: pid_t) throws -> [pid_t] {
            let path = "/proc/\(parent)/task/\(parent)/children"
            let text = try String(contentsOfFile: path, encoding: .utf8)
            return text.split(separator: " ").compactMap { pid_t($0) }
        }
    }
}
