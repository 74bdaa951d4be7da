import Glibc
import Testing
import VCCore
import VCTestKit

@testable import VCRelay

@Suite struct RelayCommandLineTests {
    private static let key = String(repeating: "0a", count: 32)

    private static func options(_ arguments: [String]) -> RelayCommandLine.Options? {
        if case .run(let options) = RelayCommandLine(arguments) { options } else { nil }
    }

    private static func sentence(_ arguments: [String]) -> String? {
        if case .usageError(let text) = RelayCommandLine(arguments) { text } else { nil }
    }

    @Test("the options of a whole command line are taken, with = and without")
    func whole() throws {
        let options = try #require(
            Self.options([
                "--listen", "4461", "--listen=[::1]:4462", "--listen-tcp", "127.0.0.1:443",
                "--signal-key=\(Self.key)", "--advertise", "relay.example.org",
                "--advertise=192.0.2.1:5000", "--max-mbit", "100", "--verbose",
            ]))
        #expect(options.listen == ["4461", "[::1]:4462"])
        #expect(options.listenTCP == "127.0.0.1:443" && options.signalKeys == [Self.key])
        #expect(options.advertise == ["relay.example.org", "192.0.2.1:5000"])
        #expect(options.maximumMegabits == 100 && options.isVerbose)
        #expect(Self.options(["--signal-key", Self.key])?.listen == ["4461"])
    }

    @Test("a mistake is named, with what was expected")
    func mistakes() throws {
        let mistakes: [([String], String)] = [
            ([], "--signal-key is missing"),
            (["--signal-key"], "--signal-key needs"),
            (["--signal-key", Self.key, "--listen", "x"], "[ADDR:]PORT"),
            (["--signal-key", Self.key, "--listen", "1", "--listen", "1"], "twice"),
            (
                ["--signal-key", Self.key, "--listen-tcp", "1", "--listen-tcp", "2"],
                "once"
            ),
            (["--signal-key", Self.key, "--max-mbit", "0"], "Mbit/s"),
            (["--signal-key", Self.key, "--max-mbit", "-1"], "Mbit/s"),
            (["--signal-key", Self.key, "--advertise", "a b"], "HOST[:PORT]"),
            (["--signal-key", Self.key, "--verbose=1"], "takes no value"),
            (["--frobnicate"], "see vc-relay --help"), (["--lisen=1"], "did you mean --listen?"),
            (["--\u{1B}[2J"], "'--?[2J'"),
        ]
        for (arguments, text) in mistakes {
            let sentence = try #require(Self.sentence(arguments), "\(arguments)")
            #expect(sentence.contains(text), "\(sentence)")
        }
        #expect(RelayCommandLine(["--help"]) == .help && RelayCommandLine(["-h"]) == .help)
        #expect(RelayCommandLine(["--version"]) == .version)
    }

    @Test("a key is taken from the command line or from the file that holds it")
    func keys() throws {
        let key = try #require(VerifyKey(Self.key))
        #expect(try SignalKeyFile.key(Self.key) == key)
        var name = Array("/tmp/vc-key-XXXXXX".utf8CString)
        let descriptor = mkstemp(&name)
        try #require(descriptor >= 0)
        let path = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer {
            close(descriptor)
            unlink(path)
        }
        #expect(throws: SignalKeyFile.Failure.noKey(path)) { try SignalKeyFile.key(path) }
        let text = Array((Self.key + "\n").utf8)
        write(descriptor, text, text.count)
        #expect(try SignalKeyFile.key(path) == key)
        write(descriptor, text, text.count)
        #expect(throws: SignalKeyFile.Failure.noKey(path)) { try SignalKeyFile.key(path) }
        #expect(throws: SignalKeyFile.Failure.unreadable("/nowhere/x", ENOENT)) {
            try SignalKeyFile.key("/nowhere/x")
        }
    }
}
