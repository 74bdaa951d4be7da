import Foundation
import Testing

extension ProcessTests {
    @Suite("The room code")
    struct Codes {
        @Test(
            "is taken as people type it",
            arguments: ["as it is", "capitals and spaces", "stray quotes", "other dashes", "short"])
        func spellings(form: String) async throws {
            let stage = try Stage()
            let server = try await stage.server()
            let host = try await stage.host(at: server)
            let place = try #require(host.code.firstIndex(of: "@"))
            let (words, address) = (String(host.code[..<place]), String(host.code[place...]))
            let parts = words.split(separator: "-").map(String.init)
            let operands: [String] =
                switch form {
                case "capitals and spaces": parts.map { $0.uppercased() } + [address]
                case "stray quotes": ["'\u{201C}\(words)\(address)\u{201D}'"]
                case "other dashes": [parts.joined(separator: "\u{2013}") + address]
                case "short":
                    [parts[0] + parts.dropFirst().map { "-" + $0.prefix(4) }.joined() + address]
                default: [host.code]
                }
            let joiner = try stage.start("vc", ["join"] + operands + ["--json"] + noDevices)
            try await joiner.event("joined")
            #expect(host.program.events("guess").isEmpty)
        }

        @Test("is read from $VC_CODE, or asked for where it is not seen")
        func otherWays() async throws {
            let stage = try Stage()
            let server = try await stage.server()
            let host = try await stage.host(at: server)
            let first = try stage.start(
                "vc", ["join", "--json"] + noDevices, environment: ["VC_CODE": host.code])
            try await first.event("joined")
            first.type("/quit")
            try await first.status()

            let second = try stage.start("vc", ["join", "--json"] + noDevices)
            try await Task.sleep(for: .milliseconds(200))
            #expect(second.output.isEmpty)
            second.type(host.code)
            second.type("the first line behind the code is chat")
            try await second.event("joined")
            #expect(second.outputText.contains(host.code) == false)
            second.type("/quit")
            #expect(try await second.status() == 0)
            #expect(second.diagnosticsText.hasPrefix("Room code: "))
        }

        @Test("is gone from the process list when the call begins")
        func wiped() async throws {
            let stage = try Stage()
            let pair = try await stage.pair()
            let path = "/proc/\(pair.joiner.pid)/cmdline"
            let line = String(
                decoding: try #require(FileManager.default.contents(atPath: path)), as: UTF8.self)
            #expect(line.contains("join") && line.contains("ben"))
            for word in pair.code.split(separator: "@")[0].split(separator: "-").dropFirst() {
                #expect(!line.contains(word))
            }
        }

        @Test("Without a code on a closed input: 64, at once")
        func nothingTyped() async throws {
            let stage = try Stage()
            let joiner = try stage.start("vc", ["join", "--plain"] + noDevices)
            joiner.closeInput()
            #expect(try await joiner.status() == 64)
            #expect(joiner.diagnosticsText.contains("no room code was given"))
        }
    }
}
