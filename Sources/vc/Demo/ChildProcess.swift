internal import CVCLinux
internal import Glibc
internal import VCCore
internal import VCNet

/// Another program that this one started: its standard input to write to, the lines that it
/// prints, and what it cost.
///
/// It stays in the process group of its parent, so that a signal from the terminal reaches both.
final class ChildProcess {
    /// How it is called in messages.
    let name: String
    let started: Instant
    private let pid: pid_t
    private let input: Int32
    private(set) var output: LineReader
    private(set) var diagnostics: LineReader
    private(set) var ending: Ending?

    /// How a process ended, and what it had used.
    struct Ending: Equatable {
        /// The exit status; 128 + N when signal N ended it, as in a shell.
        let status: Int32
        /// Of one core, over its whole life.
        let cpuPercent: Double
    }

    /// Starts `path` with `arguments`, which do not name the program, and this environment
    /// without the variables of vc.
    init(_ name: String, path: String, _ arguments: [String]) throws(SystemError) {
        let input = try Pipe()
        let output = try Pipe()
        let diagnostics = try Pipe()
        started = MonotonicClock.now
        pid = try spawn(
            path, [name] + arguments,
            descriptors: [input.readEnd, output.writeEnd, diagnostics.writeEnd])
        input.closeReadEnd()
        output.closeWriteEnd()
        diagnostics.closeWriteEnd()
        self.name = name
        self.input = input.writeEnd
        self.output = LineReader(descriptor: output.readEnd)
        self.diagnostics = LineReader(descriptor: diagnostics.readEnd)
    }

    deinit {
        if ending == nil {
            kill(pid, SIGKILL)
            collect(options: 0)
        }
        close(input)
        output.close()
        diagnostics.close()
    }

    /// Reads what it has printed: the lines of its standard output.
    func readOutput() -> [[UInt8]] { output.read() }

    /// Reads what it has complained about and remembers the last line.
    func readDiagnostics() {
        if let line = diagnostics.read().last(where: { !$0.isEmpty }) {
            lastComplaint = String(decoding: line, as: UTF8.self)
        }
    }

    /// The last line of its standard error.
    private(set) var lastComplaint: String?

    /// Types a line into it; one that is gone does not read it.
    func type(_ line: String) {
        StandardStream(descriptor: input).write(line: line)
    }

    func send(_ signal: Int32) {
        if ending == nil { kill(pid, signal) }
    }

    /// Whether it has ended; asks the system.
    func hasEnded() -> Bool {
        if ending == nil { collect(options: WNOHANG) }
        return ending != nil
    }

    /// Resident memory in bytes; 0 when it has ended.
    var residentBytes: UInt64 {
        ending == nil ? ProcessUsage.residentBytes(of: "\(pid)") : 0
    }

    private func collect(options: Int32) {
        var status: Int32 = 0
        var usage = rusage()
        guard unsafe wait4(pid, &status, options, &usage) == pid else { return }
        let lifetime = (MonotonicClock.now - started).inMilliseconds / 1_000
        let cpu = seconds(usage.ru_utime) + seconds(usage.ru_stime)
        // As WIFEXITED and its like, which are macros.
        let signal = status & 0x7F
        ending = Ending(
            status: signal == 0 ? (status >> 8) & 0xFF : 128 + signal,
            cpuPercent: lifetime > 0 ? 100 * cpu / lifetime : 0)
    }

    private func seconds(_ time: timeval) -> Double {
        Double(time.tv_sec) + Double(time.tv_usec) / 1_000_000
    }
}

/// Lines that come through a pipe.
struct LineReader {
    /// Longer lines are cut: no event is that long.
    private static let longestLine = 64 * 1_024

    let descriptor: Int32
    private(set) var isOpen = true
    private var partial: [UInt8] = []

    init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    /// The whole lines that one read brings. Blocks when there is nothing, so poll first.
    mutating func read() -> [[UInt8]] {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        let count = unsafe buffer.withUnsafeMutableBytes { bytes in
            unsafe Glibc.read(descriptor, bytes.baseAddress, bytes.count)
        }
        guard count > 0 else {
            if count == 0 || errno != EINTR { isOpen = false }
            return []
        }
        var lines: [[UInt8]] = []
        for byte in buffer[..<count] {
            if byte == UInt8(ascii: "\n") {
                lines.append(partial)
                partial.removeAll(keepingCapacity: true)
            } else if partial.count < LineReader.longestLine {
                partial.append(byte)
            }
        }
        return lines
    }

    func close() { _ = Glibc.close(descriptor) }
}

/// Both ends of a pipe, which programs that are started do not inherit.
private struct Pipe {
    let readEnd: Int32
    let writeEnd: Int32

    init() throws(SystemError) {
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else { throw SystemError(code: errno, call: "pipe") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        (readEnd, writeEnd) = (ends[0], ends[1])
    }

    func closeReadEnd() { close(readEnd) }
    func closeWriteEnd() { close(writeEnd) }
}

/// Starts a program with `descriptors` as 0, 1 and 2.
private func spawn(
    _ path: String, _ arguments: [String], descriptors: [Int32]
) throws(SystemError) -> pid_t {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    for (target, source) in descriptors.enumerated() {
        unsafe posix_spawn_file_actions_adddup2(&actions, source, Int32(target))
    }
    var pid: pid_t = 0
    let code = unsafe ProgramStart.withAttributes(inOwnGroup: false) { attributes in
        unsafe ProgramStart.withCStrings(arguments) { arguments in
            unsafe ProgramStart.withCStrings(inheritedEnvironment()) { environment in
                unsafe posix_spawn(&pid, path, &actions, &attributes, arguments, environment)
            }
        }
    }
    guard code == 0 else { throw SystemError(code: code, call: "posix_spawn \(path)") }
    return pid
}

/// The environment of this process without what would change how `vc` behaves.
private func inheritedEnvironment() -> [String] {
    contents(of: "/proc/self/environ", atMost: 1 << 20).split(separator: 0)
        .map { String(decoding: $0, as: UTF8.self) }.filter { !$0.hasPrefix("VC_") }
}

/// The first bytes of a file; empty when it cannot be read.
func contents(of path: String, atMost limit: Int) -> [UInt8] {
    let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return [] }
    defer { close(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while bytes.count < limit {
        let count = unsafe chunk.withUnsafeMutableBytes {
            unsafe read(file, $0.baseAddress, $0.count)
        }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { break }
        bytes += chunk[..<count]
    }
    return bytes
}
