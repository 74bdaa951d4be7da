internal import CVCLinux
internal import Glibc
internal import VCNet

/// Runs the program of `--exec` on each event, with the fields of the event in its environment.
/// Never through a shell, so that nothing of what others write is a command; never so many at once
/// that a flood of messages becomes a flood of processes.
///
///     event -> waiting (at most 64) -> running (at most 8) -> collected
struct EventHook: ~Copyable {
    static let mostRunning = 8
    static let mostWaiting = 64
    /// At the end it is waited for so long until one of those that run makes room.
    private static let goodbye: useconds_t = 500_000
    private static let goodbyeStep: useconds_t = 10_000

    /// What is told to the person.
    enum Problem: Equatable {
        case failed(String)
        /// Events came faster than the program ends; some were left out.
        case busy

        var kind: String {
            switch self {
            case .failed: "exec-failed"
            case .busy: "exec-busy"
            }
        }
    }

    private let program: String
    /// Whether the terminal is ours: then nobody else writes there.
    private let isSilent: Bool
    private var running: [pid_t] = []
    private var waiting: [[String]] = []
    private var hasFailed = false
    private var isBusy = false

    /// Whether something runs, or is still to be run.
    var isAtWork: Bool { !running.isEmpty || !waiting.isEmpty }

    init(program: String, isSilent: Bool) {
        self.program = program
        self.isSilent = isSilent
    }

    /// Whether `program` can be run: a path, or a name in $PATH.
    static func canRun(_ program: String) -> Bool {
        func isProgram(_ path: String) -> Bool {
            var status = stat()
            guard unsafe stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
                return false
            }
            return unsafe access(path, X_OK) == 0
        }
        guard !program.contains("/") else { return isProgram(program) }
        let path = unsafe getenv("PATH").map { unsafe String(cString: $0) } ?? "/usr/bin:/bin"
        return path.split(separator: ":").contains { isProgram("\($0)/\(program)") }
    }

    /// Runs the program on an event, at once or when another one has ended; returns what went wrong
    /// for the first time.
    mutating func run(_ event: JSONObject) -> Problem? {
        collect()
        let isFull = running.count >= Self.mostRunning || !waiting.isEmpty
        if isFull, event.isPeriodic { return nil }
        guard waiting.count < Self.mostWaiting else {
            // How the call ended is worth more than what happened before.
            if event.isLast { waiting[waiting.count - 1] = HookEnvironment.variables(of: event) }
            defer { isBusy = true }
            return isBusy ? nil : .busy
        }
        waiting.append(HookEnvironment.variables(of: event))
        return startWaiting()
    }

    /// Takes leave of those that have ended, and starts others in their place.
    mutating func serve() -> Problem? {
        collect()
        return startWaiting()
    }

    /// Sees to it that the last events are run too.
    mutating func finish() {
        var patience = Self.goodbye
        while !waiting.isEmpty, patience > 0 {
            _ = serve()
            if waiting.isEmpty { return }
            usleep(Self.goodbyeStep)
            patience -= min(patience, Self.goodbyeStep)
        }
        // The last one tells how the call ended.
        if let last = waiting.popLast() { _ = start(last) }
    }

    private mutating func collect() {
        running.removeAll { pid in
            var status: CInt = 0
            let ended = unsafe waitpid(pid, &status, WNOHANG)
            return ended == pid || (ended < 0 && errno == ECHILD)
        }
        if waiting.isEmpty, running.count < Self.mostRunning { isBusy = false }
    }

    private mutating func startWaiting() -> Problem? {
        while running.count < Self.mostRunning, !waiting.isEmpty {
            guard let code = start(waiting.removeFirst()), !hasFailed else { continue }
            hasFailed = true
            return .failed(unsafe String(cString: strerror(code)))
        }
        return nil
    }

    /// Starts the program; an errno value where that fails.
    private mutating func start(_ variables: [String]) -> CInt? {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        if isSilent {
            unsafe posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
            unsafe posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        } else {
            // Standard output is for our own events.
            unsafe posix_spawn_file_actions_adddup2(&actions, 2, 1)
        }
        unsafe vc_spawn_close_from(&actions, 3)
        var pid: pid_t = 0
        // Ctrl-C is meant for us.
        let code = unsafe ProgramStart.withAttributes(inOwnGroup: true) { attributes in
            unsafe ProgramStart.withCStrings([program]) { arguments in
                unsafe ProgramStart.withCStrings(variables, and: HookEnvironment.inherited) {
                    unsafe posix_spawnp(&pid, program, &actions, &attributes, arguments, $0)
                }
            }
        }
        guard code == 0 else { return code }
        running.append(pid)
        return nil
    }
}
