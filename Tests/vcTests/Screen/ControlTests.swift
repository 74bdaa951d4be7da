import CVCLinux
import Glibc
import Testing
import VCCore

@testable import vc

@Suite("What a running call is asked")
struct ControlTests {
    @Test("is understood as it was meant, and nothing else is")
    func requests() {
        let requests: [ControlRequest] = [
            .talk(.down), .talk(.up), .talk(.toggle), .mute(true), .mute(false), .who,
            .send("hello  there "),
        ]
        for request in requests {
            let message = ControlMessage(request, asked: Instant(nanoseconds: 17))
            #expect(ControlMessage(message.bytes) == message)
        }
        for text in [
            "", "vc2", "vc2 ", "vc2 7", "vc2 7 ", "vc1 7 who", "vc2 who", "vc2 -7 who",
            "vc2 7 who x", "vc2 7 ptt", "vc2 7 ptt left", "vc2 7 send", "vc2 7 send ",
            "vc2 7 mute now", "vc2 7 quit",
        ] { #expect(ControlMessage(Array(text.utf8)) == nil, "\(text)") }
        #expect(ControlMessage(Array("vc2 7 send ".utf8) + [0xFF]) == nil)
        #expect(
            ControlMessage(Array("vc2 7 send ".utf8) + Array(repeating: 97, count: 5_000)) == nil)
        #expect(ControlAnswer(ControlAnswer("a\nb").bytes) == ControlAnswer("a\nb"))
        #expect(ControlAnswer([]) == nil)
        #expect(ControlAnswer([0]) == nil)
    }

    @Test("who has gone is not obeyed; who comes while nobody answers is told so in time")
    func gone() throws {
        let runtime = try TemporaryFolder()
        let folder = try #require(ControlFolder(runtime: runtime.path))
        let socket = try #require(ControlSocket(folder))
        let path = folder.socketPath(of: getpid())
        let bytes = ControlMessage(.mute(true), asked: .zero).bytes
        var clients: [Int32] = []
        defer { clients.forEach { close($0) } }
        for number in 0..<2 {
            clients.append(vc_local_connect(path, 100))
            #expect(vc_local_send(clients[number], bytes, bytes.count) == bytes.count)
        }
        close(clients.removeFirst())
        var asked = 0
        socket.serve { _ in
            asked += 1
            return ControlAnswer()
        }
        #expect(asked == 1)
        // More than may wait.
        var last: Int32 = 0
        for _ in 0..<20 where last >= 0 {
            last = vc_local_connect(path, 100)
            if last >= 0 { clients.append(last) }
        }
        #expect(last < 0 && errno == EAGAIN)
    }

    @Test("stands in a folder and a file that nobody else can use")
    func permissions() throws {
        let runtime = try TemporaryFolder()
        do {
            let folder = try #require(ControlFolder(runtime: runtime.path))
            let socket = try #require(ControlSocket(folder))
            #expect(socket.descriptor >= 0)
            #expect(mode(folder.path) == 0o700)
            let path = folder.socketPath(of: getpid())
            #expect(mode(path) == 0o600)
            #expect(folder.sockets == [path])
        }
        // Gone with the call.
        #expect(ControlFolder(runtime: runtime.path)?.sockets == [])
    }

    @Test("is refused in a folder that others may enter, that is not ours, or that is a link")
    func folders() throws {
        let runtime = try TemporaryFolder()
        #expect(ControlFolder(runtime: nil) == nil)
        #expect(ControlFolder(runtime: "relative") == nil)
        #expect(ControlFolder(runtime: runtime.path + "/missing") == nil)
        let folder = runtime.path + "/vc"
        mkdir(folder, 0o700)
        chmod(folder, 0o750)
        #expect(ControlFolder(runtime: runtime.path) == nil)
        rmdir(folder)
        mkdir(runtime.path + "/other", 0o700)
        symlink(runtime.path + "/other", folder)
        #expect(ControlFolder(runtime: runtime.path) == nil)
        unlink(folder)
        if getuid() == 0 {
            mkdir(folder, 0o700)
            chown(folder, 65_534, 65_534)
            #expect(ControlFolder(runtime: runtime.path) == nil)
        }
    }

    private func mode(_ path: String) -> mode_t {
        var status = stat()
        guard lstat(path, &status) == 0 else { return 0 }
        return status.st_mode & 0o777
    }
}

/// A folder that goes with the test.
private final class TemporaryFolder {
    let path: String

    init() throws {
        var template = Array("/tmp/vc-control-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }

    deinit {
        for name in ["/vc", "/other", ""] { rmdir(path + name) }
        unlink(path + "/vc")
        rmdir(path)
    }
}
