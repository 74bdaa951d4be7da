import Foundation
import Synchronization
import Testing

/// A program under test: what it prints, each line with the time at which it came.
final class Program: Sendable {
    struct Line: Sendable {
        let text: String
        let time: ContinuousClock.Instant
    }

    private struct State {
        var output: [Line] = []
        var diagnostics: [Line] = []
        var openStreams = 2
        var status: Int32?
        var ended: ContinuousClock.Instant?
    }

    let name: String
    let pid: pid_t
    let started: ContinuousClock.Instant
    private let input: Int32
    private let state = Mutex(State())

    /// - Parameter environment: beside that of the test, without its variables and its
    ///   configuration of vc.
    init(
        _ name: String, _ arguments: [String], environment: [String: String] = [:]
    ) throws {
        self.name = name
        var ends = (0..<3).map { _ in [Int32](repeating: -1, count: 2) }
        for index in ends.indices {
            try #require(pipe(&ends[index]) == 0)
            for end in ends[index] { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        }
        started = .now
        pid = try spawn(
            Build.path(of: name), [name] + arguments, environment,
            descriptors: [ends[0][0], ends[1][1], ends[2][1]])
        for end in [ends[0][0], ends[1][1], ends[2][1]] { close(end) }
        input = ends[0][1]
        collectLines(from: ends[1][0]) { $0.output.append($1) }
        collectLines(from: ends[2][0]) { $0.diagnostics.append($1) }
        Thread.detachNewThread { self.collectStatus() }
    }

    deinit {
        close(input)
    }

    // MARK: What it printed

    var output: [Line] { state.withLock { $0.output } }
    var diagnostics: [Line] { state.withLock { $0.diagnostics } }
    var outputText: String { output.map(\.text).joined(separator: "\n") }
    var diagnosticsText: String { diagnostics.map(\.text).joined(separator: "\n") }
    var events: [Event] { output.compactMap(Event.init) }

    func events(_ kind: String) -> [Event] { events.filter { $0.kind == kind } }

    // MARK: What is done to it

    func type(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        _ = write(input, bytes, bytes.count)
    }

    func closeInput() {
        // The descriptor itself stays ours until the end: its number must not be used again.
        let null = open("/dev/null", O_WRONLY | O_CLOEXEC)
        dup2(null, input)
        _ = fcntl(input, F_SETFD, FD_CLOEXEC)
        close(null)
    }

    func send(_ signal: Int32) {
        if state.withLock({ $0.status == nil }) { kill(pid, signal) }
    }

    // MARK: Waiting

    /// The exit status; 128 + N when signal N ended it.
    @discardableResult
    func status(
        within limit: Duration = .seconds(10), sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> Int32 {
        try await waitUntil("\(name) ends", limit, sourceLocation) {
            self.state.withLock { $0.openStreams == 0 ? $0.status : nil }
        }
    }

    /// How long it ran.
    var lifetime: Duration {
        (state.withLock { $0.ended } ?? .now) - started
    }

    /// The first event of a kind for which `condition` holds.
    @discardableResult
    func event(
        _ kind: String, within limit: Duration = .seconds(5),
        sourceLocation: SourceLocation = #_sourceLocation,
        where condition: @escaping @Sendable (Event) -> Bool = { _ in true }
    ) async throws -> Event {
        try await waitUntil("\(name) prints the event \(kind)", limit, sourceLocation) {
            self.events(kind).first(where: condition)
        }
    }

    /// The first line of standard output or error that has `text` in it.
    @discardableResult
    func line(
        with text: String, within limit: Duration = .seconds(5),
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> Line {
        try await waitUntil("\(name) says '\(text)'", limit, sourceLocation) {
            (self.output + self.diagnostics).first { $0.text.contains(text) }
        }
    }

    private func waitUntil<Value: Sendable>(
        _ what: String, _ limit: Duration, _ sourceLocation: SourceLocation,
        _ look: @Sendable () -> Value?
    ) async throws -> Value {
        let end = ContinuousClock.now + limit
        while true {
            if let value = look() { return value }
            if ContinuousClock.now > end { break }
            try await Task.sleep(for: .milliseconds(5))
        }
        let said = (output + diagnostics).suffix(12).map(\.text).joined(separator: "\n")
        return try #require(
            nil as Value?, "\(what) within \(limit); it said:\n\(said)",
            sourceLocation: sourceLocation)
    }

    // MARK: Threads

    private func collectLines(
        from descriptor: Int32, into add: @escaping @Sendable (inout State, Line) -> Void
    ) {
        Thread.detachNewThread { [self] in
            var partial: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while case let count = read(descriptor, &buffer, buffer.count), count > 0 {
                partial += buffer[..<count]
                let pieces = partial.split(
                    separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
                partial = Array(pieces.last ?? [])
                let lines = pieces.dropLast().map {
                    Line(text: String(decoding: $0, as: UTF8.self), time: .now)
                }
                state.withLock { state in for line in lines { add(&state, line) } }
            }
            close(descriptor)
            let rest = String(decoding: partial, as: UTF8.self)
            state.withLock {
                if !rest.isEmpty { add(&$0, Line(text: rest, time: .now)) }
                $0.openStreams -= 1
            }
        }
    }

    private func collectStatus() {
        var raw: Int32 = 0
        while waitpid(pid, &raw, 0) < 0, errno == EINTR {}
        let signal = raw & 0x7F
        let status = signal == 0 ? (raw >> 8) & 0xFF : 128 + signal
        state.withLock {
            $0.status = status
            $0.ended = .now
        }
    }
}

/// A line of `--json`.
struct Event: @unchecked Sendable {
    let kind: String
    let time: ContinuousClock.Instant
    /// Values of JSONSerialization, which are immutable.
    let fields: [String: Any]

    /// Nil when the line is no JSON object with a field `event`.
    init?(_ line: Program.Line) {
        guard let value = try? JSONSerialization.jsonObject(with: Data(line.text.utf8)),
            let fields = value as? [String: Any], let kind = fields["event"] as? String
        else { return nil }
        self.kind = kind
        self.fields = fields
        time = line.time
    }

    func text(_ key: String) -> String { fields[key] as? String ?? "" }
    func number(_ key: String) -> Double { (fields[key] as? NSNumber)?.doubleValue ?? .nan }
    func bool(_ key: String) -> Bool? { fields[key] as? Bool }
    func objects(_ key: String) -> [[String: Any]] { fields[key] as? [[String: Any]] ?? [] }
}

/// Where the programs under test stand: beside this test bundle.
enum Build {
    static let folder: String = {
        let path = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
        return (path ?? "").split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" }
    }()

    static func path(of program: String) -> String {
        program.contains("/") ? program : "\(folder)/\(program)"
    }

    /// Whether the counts and waits of `Tools/test --full` are wanted.
    static let isFull = ProcessInfo.processInfo.environment["VC_FULL"] == "1"
}

/// Starts a program with these as its descriptors from 0 on.
func spawn(
    _ path: String, _ arguments: [String], _ changes: [String: String], descriptors: [Int32]
) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (target, source) in descriptors.enumerated() {
        posix_spawn_file_actions_adddup2(&actions, source, Int32(target))
    }
    var environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("VC_") }
    // Nothing of whoever runs the tests is read.
    environment["XDG_CONFIG_HOME"] = "/nonexistent"
    environment.merge(changes) { $1 }
    // A terminal that closes, and tmux at its end, need signals that threads of the tests block.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    var pid: pid_t = 0
    let code = withCStrings(arguments) { arguments in
        withCStrings(environment.map { "\($0)=\($1)" }) {
            posix_spawn(&pid, path, &actions, &attributes, arguments, $0)
        }
    }
    try #require(code == 0, "\(path): \(String(cString: strerror(code)))")
    return pid
}

private func withCStrings<Result>(
    _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
) -> Result {
    let pointers = strings.map { strdup($0) } + [nil]
    defer { pointers.forEach { free($0) } }
    return body(pointers)
}
