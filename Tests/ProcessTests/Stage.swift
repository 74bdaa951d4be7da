import Foundation
import Synchronization
import Testing

/// The programs of one test. What still runs at its end is killed.
final class Stage: Sendable {
    private let programs = Mutex<[Program]>([])
    /// For recordings and the like; gone with the stage.
    let folder: String

    init() throws {
        let url = FileManager.default.temporaryDirectory
            .appendingPathComponent("vc-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        folder = url.path
    }

    deinit {
        Terminal.endAll(in: folder)
        for program in programs.withLock({ $0 }) { program.send(SIGKILL) }
        try? FileManager.default.removeItem(atPath: folder)
    }

    func start(
        _ name: String, _ arguments: [String], environment: [String: String] = [:]
    ) throws -> Program {
        let program = try Program(name, arguments, environment: environment)
        programs.withLock { $0.append(program) }
        return program
    }

    /// `vc-signal` on a free port of loopback, ready.
    func server(
        address: String = "127.0.0.1", port: UInt16 = 0, options: [String] = []
    ) async throws -> Server {
        let program = try start("vc-signal", ["--listen", "\(address):\(port)"] + options)
        let line = try await program.line(with: "listening on UDP")
        let words = line.text.split { $0 == " " || $0 == "," }
        let place = try #require(words.firstIndex(of: "UDP")) + 1
        return Server(program: program, address: String(words[place]))
    }

    /// A host at `server` with its code known. Without devices, unless options say otherwise.
    func host(at server: Server?, _ options: [String] = []) async throws -> Host {
        let place = server.map { ["--signal", $0.address] } ?? []
        let program = try start("vc", ["host", "--json"] + place + quiet + options)
        let code = try await program.event("code").text("code")
        return Host(program: program, code: code)
    }

    /// A joiner, not yet in the room.
    func join(_ code: String, _ options: [String] = []) throws -> Program {
        try start("vc", ["join", code, "--json"] + quiet + options)
    }

    /// A server, a host and a joiner in its room, each with a tone.
    func pair(_ options: [String] = []) async throws -> Pair {
        let server = try await server()
        let host = try await host(at: server, ["--name", "ana"] + options)
        let joiner = try join(host.code, ["--name", "ben"] + options)
        try await joiner.event("joined")
        try await host.program.event("member") { $0.text("state") == "joined" }
        return Pair(server: server, host: host.program, code: host.code, joiner: joiner)
    }

    struct Server {
        let program: Program
        /// `ADDRESS:PORT`, as --signal takes it.
        let address: String

        var port: UInt16 { UInt16(address.split(separator: ":").last ?? "") ?? 0 }
    }

    struct Host {
        let program: Program
        let code: String
    }

    struct Pair {
        let server: Server
        let host: Program
        let code: String
        let joiner: Program
    }

    /// No sound card is needed; the last of an option wins.
    let quiet = ["--capture", "tone:300", "--playback", "silence"]
}

/// A UDP port that nobody had a moment ago, at an address of loopback.
func freePort(at host: String = "127.0.0.1") throws -> UInt16 {
    let (descriptor, port) = try boundSocket(at: host, port: 0)
    close(descriptor)
    return port
}

/// A UDP socket of an address of loopback; 0 is any port.
func boundSocket(at host: String, port: UInt16) throws -> (descriptor: Int32, port: UInt16) {
    let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = inet_addr(host)
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    try withUnsafeMutablePointer(to: &address) { pointer in
        try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            try #require(bind(descriptor, $0, size) == 0)
            try #require(getsockname(descriptor, $0, &size) == 0)
        }
    }
    return (descriptor, UInt16(bigEndian: address.sin_port))
}

/// `code` with another word of the list in place of its first one.
func wrongWord(_ code: String) -> String {
    var parts = code.split(separator: "-", maxSplits: 3).map(String.init)
    parts[1] = parts[1] == "tablet" ? "whistle" : "tablet"
    return parts.joined(separator: "-")
}

func seconds(_ duration: Duration) -> Double { duration / .seconds(1) }
