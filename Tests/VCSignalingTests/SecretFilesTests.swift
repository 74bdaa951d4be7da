import Glibc
import Testing
import VCCore
import VCNet
import VCTestKit

@testable import VCSignaling

/// A folder of its own under the temporary one, gone at the end.
private final class Folder {
    let path: String

    init() {
        var template = Array("/tmp/vc-signal-test-XXXXXX".utf8CString)
        path = template.withUnsafeMutableBufferPointer { buffer in
            mkdtemp(buffer.baseAddress!).map { String(cString: $0) } ?? ""
        }
    }

    subscript(name: String) -> String { "\(path)/\(name)" }

    func write(_ name: String, _ text: String, mode: mode_t = 0o600) -> String {
        let file = self[name]
        let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC, mode)
        _ = StandardStream(descriptor: descriptor).write(text)
        fchmod(descriptor, mode)
        close(descriptor)
        return file
    }

    func read(_ name: String) -> String {
        let descriptor = open(self[name], O_RDONLY)
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 4_096)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        return String(decoding: bytes[..<max(0, count)], as: UTF8.self)
    }

    func mode(_ name: String) -> mode_t {
        var status = stat()
        return stat(self[name], &status) == 0 ? status.st_mode & 0o777 : 0
    }

    deinit {
        for name in ["key", "key.pub", "a/b/key", "a/b/key.pub", "token"] { unlink(self[name]) }
        for name in ["a/b", "a"] { rmdir(self[name]) }
        rmdir(path)
    }
}

@Suite struct SigningKeyFileTests {
    private static func open(_ path: String) throws(SigningKeyFileError) -> VerifyKey {
        var random = AnyRandomSource(SystemRandom())
        return try SigningKeyFile.open(path, in: TestSecrets.arena, random: &random).verifyKey
    }

    @Test("the first start makes a key that only its owner reads; the next one finds it again")
    func make() throws {
        let folder = Folder()
        #expect(!SigningKeyFile.exists(folder["a/b/key"]))
        let first = try Self.open(folder["a/b/key"])
        #expect(SigningKeyFile.exists(folder["a/b/key"]))
        #expect(folder.mode("a/b/key") == 0o600)
        #expect(folder.mode("a") == 0o700)
        #expect(try Self.open(folder["a/b/key"]) == first)
        #expect(try Self.open(folder["key"]) != first)
        // What relays take: one line, and no secret in it.
        #expect(folder.read("a/b/key.pub") == "\(first)\n")
        #expect(VerifyKey(String(folder.read("a/b/key.pub").dropLast())) == first)
        #expect(!folder.read("a/b/key").contains("\(first)"))
        unlink(folder["a/b/key.pub"])
        #expect(try Self.open(folder["a/b/key"]) == first)
        #expect(folder.read("a/b/key.pub") == "\(first)\n")
    }

    @Test("a key that others can read is refused")
    func readable() throws {
        let folder = Folder()
        _ = try Self.open(folder["key"])
        for mode: mode_t in [0o640, 0o604, 0o620] {
            chmod(folder["key"], mode)
            #expect(throws: SigningKeyFileError.readableByOthers(path: folder["key"])) {
                try Self.open(folder["key"])
            }
        }
        chmod(folder["key"], 0o400)
        #expect(throws: Never.self) { try Self.open(folder["key"]) }
    }

    @Test("what is no key is refused, and never overwritten")
    func noKey() {
        let folder = Folder()
        let digits = String(repeating: "0a", count: 32)
        for text in ["", "\n", "key", digits.dropLast() + "g", digits + "0", "\n" + digits] {
            let path = folder.write("key", String(text))
            #expect(throws: SigningKeyFileError.self) { try Self.open(path) }
            #expect(folder.read("key") == text)
        }
        let path = folder.write("key", " \(digits.uppercased()) \r\nmore\n")
        #expect(throws: Never.self) { try Self.open(path) }
        #expect(throws: SigningKeyFileError.self) { try Self.open(folder.path) }
        #expect(throws: SigningKeyFileError.self) { try Self.open("/proc/none/key") }
    }
}

@Suite struct HostTokenFileTests {
    @Test("the token is the first line without the blanks around it")
    func firstLine() throws {
        let folder = Folder()
        let token = "a token of 20 bytes."
        let plain = try HostTokenFile.read(
            folder.write("token", token), in: TestSecrets.arena)
        let padded = try HostTokenFile.read(
            folder.write("token", "  \(token)\t\r\nsecond line\n", mode: 0o644),
            in: TestSecrets.arena)
        #expect(!plain.isReadableByOthers && padded.isReadableByOthers)
        let claim = [UInt8](repeating: 1, count: 32)
        func proof(_ token: HostToken) -> Block16 {
            token.proof(cookie: .zero, roomID: .zero, claimToken: claim.span.bytes)
        }
        #expect(proof(plain.token) == proof(padded.token))
    }

    @Test(
        "a file of somebody else's may be ours to read by its group. As root",
        .enabled(if: geteuid() == 0))
    func group() throws {
        let folder = Folder()
        for (mode, isOpen) in [(mode_t(0o440), false), (0o640, false), (0o644, true)] {
            let path = folder.write("token", "a token of 20 bytes.", mode: mode)
            #expect(chown(path, 1, 0) == 0)
            let reading = try HostTokenFile.read(path, in: TestSecrets.arena)
            #expect(reading.isReadableByOthers == isOpen)
        }
    }

    @Test("too short, too long, missing: a sentence says so")
    func refusals() {
        let folder = Folder()
        for (text, part) in [
            ("fifteen bytes..", "16 to 256"), ("", "16 to 256"),
            (String(repeating: "x", count: 257), "256 bytes"),
            (String(repeating: "x", count: 9_000), "256 bytes"),
        ] {
            let path = folder.write("token", text)
            #expect {
                _ = try HostTokenFile.read(path, in: TestSecrets.arena)
            } throws: {
                "\($0)".contains(part)
            }
        }
        #expect(throws: HostTokenFile.Problem.self) {
            _ = try HostTokenFile.read(folder["none"], in: TestSecrets.arena)
        }
        let longest = folder.write("token", String(repeating: "x", count: 256) + " \n")
        #expect(throws: Never.self) {
            _ = try HostTokenFile.read(longest, in: TestSecrets.arena)
        }
    }
}
