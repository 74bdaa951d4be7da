internal import Glibc
internal import VCCore
internal import VCNet

/// The call of the demo: starts everybody, lets them talk and chat, and sees them off.
///
///     vc-relay and vc-signal start -> the host opens a room -> each guest joins
///     -> all talk, chat and leave
///
/// SIGINT and SIGTERM go to the last step from everywhere.
final class DemoCall {
    /// Who takes part; the first one is the host. Each says a sample that lies with `vc`. One shows
    /// nobody its address: all that it says and hears goes through the relay.
    private static let cast: [(name: String, sample: String, isRelayed: Bool)] = [
        ("ana", "host.opus", false), ("ben", "guest.opus", false), ("cleo", "third.opus", true),
    ]
    /// What takes longer than this has failed.
    private static let patience = Duration.seconds(8)
    /// How long they talk: the samples last less than nine seconds.
    private static let talk = Duration.milliseconds(9_300)
    /// A terminal has interrupted the others too; those who did not notice are told after this.
    private static let grace = Duration.milliseconds(300)
    /// Who was told to leave and does not is killed after this.
    private static let goodbye = Duration.seconds(5)
    /// When the others leave by themselves, in seconds, should this process be killed.
    private static let longestCall = "60"
    /// How often the status line changes, and a process that ended is noticed, in milliseconds.
    private static let tick = 100

    /// Why the call ended before its time.
    private enum Early: Error {
        case interrupted
        case failed(CallFailure)
    }

    private let files: DemoFiles
    private let signals: TerminationSignals
    private let start = MonotonicClock.now
    private var status = DemoStatus()
    private var servers: [DemoServer] = []
    private var signalAddress = ""
    /// Its files stay until the call is over.
    private var key: DemoKey?
    private var members: [DemoMember] = []
    private var problems: [String] = []
    private var isInterrupted = false

    init(files: DemoFiles, signals: consuming TerminationSignals) {
        self.files = files
        self.signals = signals
    }

    /// Runs it. Nil when it was interrupted.
    func run() throws(CallFailure) -> DemoReport? {
        defer { status.end() }
        do throws(Early) {
            try startServers()
            for (name, sample, isRelayed) in DemoCall.cast {
                try startMember(name, sample, isRelayed: isRelayed)
            }
            try converse()
            status.begin("leaving")
            sayGoodbye()
        } catch {
            endEverybody()
            switch error {
            case .interrupted: return nil
            case .failed(let failure): throw failure
            }
        }
        guard !isInterrupted else { return nil }
        return report()
    }

    // MARK: Starting

    private func startServers() throws(Early) {
        status.begin("starting vc-relay and vc-signal")
        let key = try makeKey()
        self.key = key
        let relay = try startServer("vc-relay", files.relay, ["--signal-key", key.publicPath])
        let signal = try startServer(
            "vc-signal", files.signalServer, ["--key", key.path, "--relay", relay])
        signalAddress = signal
    }

    private func makeKey() throws(Early) -> DemoKey {
        do throws(CallFailure) { return try DemoKey() } catch { throw .failed(error) }
    }

    /// Starts one and returns its address.
    private func startServer(
        _ name: String, _ path: String, _ arguments: [String]
    ) throws(Early) -> String {
        let process = try spawn(name, path, ["--listen", "127.0.0.1:0"] + arguments)
        let server = DemoServer(process: process)
        servers.append(server)
        try wait(for: process, "\(name) does not start") { server.address != nil }
        return server.address ?? ""
    }

    private func startMember(
        _ name: String, _ sample: String, isRelayed: Bool
    ) throws(Early) {
        let isHost = members.isEmpty
        status.begin(isHost ? "\(name) opens a room" : "\(name) joins")
        let recording = "\(files.directory)/\(name)-heard.wav"
        let arguments =
            [isHost ? "host" : "join", "--json", "--config", "/dev/null", "--name", name]
            + ["--signal", signalAddress] + (isRelayed ? ["--relay-only"] : [])
            + ["--capture", "file:\(files.samples)/\(sample)"]
            + ["--playback", "file:\(recording)", "--duration", DemoCall.longestCall]
        let process = try spawn(name, "/proc/self/exe", arguments)
        let member = DemoMember(
            name, records: recording, isRelayed: isRelayed, process: process)
        members.append(member)
        if isHost {
            try wait(for: process, "\(name) got no room") { member.code != nil }
        } else {
            // Asked for on standard input, the code stands in no process list.
            process.type(members[0].code ?? "")
            try wait(for: process, "\(name) did not get into the room") { member.number != nil }
        }
    }

    private func spawn(
        _ name: String, _ path: String, _ arguments: [String]
    ) throws(Early) -> ChildProcess {
        do throws(SystemError) {
            return try ChildProcess(name, path: path, arguments)
        } catch {
            throw .failed(CallFailure(.unavailable, "\(name) could not be started: \(error)"))
        }
    }

    // MARK: Talking

    private func converse() throws(Early) {
        let end = MonotonicClock.now + DemoCall.talk
        status.begin("they talk, and write to each other")
        for member in members { member.process.type(member.greeting) }
        while MonotonicClock.now < end {
            try step()
            let left = (end - MonotonicClock.now).inMilliseconds / 1_000
            status.update(talkingLine(left: max(0, left)))
            for member in members where member.process.hasEnded() {
                throw failure("\(member.name) left too early", member.process)
            }
        }
        for server in servers { server.measure() }
    }

    private func talkingLine(left: Double) -> String {
        let hearings = members.flatMap { $0.others.values }
        let lost = hearings.reduce(0) { $0 + $1.lost + $1.late }
        let delay = hearings.compactMap(\.mouthToEarMilliseconds.last).max()
        let rungs = Set(hearings.map(\.rung)).sorted().joined(separator: ", ")
        let mouthToEar = delay.flatMap { fixedDecimal($0, decimals: 0) }.map { "\($0) ms" } ?? "…"
        return "\(fixedDecimal(left, decimals: 0) ?? "") s to go; path: \(rungs); "
            + "mouth to ear: \(mouthToEar); frames lost: \(lost)"
    }

    // MARK: Leaving

    /// Guests first, then the host, then the servers, each when the one before is gone.
    private func sayGoodbye() {
        for member in members.reversed() {
            member.process.type("/quit")
            waitForEnd(of: [member.process], DemoCall.goodbye)
            check(member.process)
        }
        for server in servers.reversed() {
            server.process.send(SIGTERM)
            waitForEnd(of: [server.process], DemoCall.goodbye)
            check(server.process)
        }
    }

    /// Ends all who still run, after a failure or because the person wants it.
    private func endEverybody() {
        // Ctrl-C in a terminal reaches all of them.
        if isInterrupted { waitForEnd(of: everybody, DemoCall.grace) }
        let (guests, services) = (members.map(\.process), servers.map(\.process))
        for process in guests { process.send(SIGTERM) }
        waitForEnd(of: guests, DemoCall.goodbye)
        // The first request lets servers wait for whoever they serve, the second one ends them.
        for process in services { process.send(SIGTERM) }
        waitForEnd(of: services, DemoCall.grace)
        for process in services { process.send(SIGTERM) }
        waitForEnd(of: services, DemoCall.goodbye)
        for process in everybody { process.send(SIGKILL) }
    }

    private func waitForEnd(of processes: [ChildProcess], _ time: Duration) {
        let end = MonotonicClock.now + time
        while processes.contains(where: { !$0.hasEnded() }), MonotonicClock.now < end { pump() }
        pump()
    }

    private func check(_ process: ChildProcess) {
        guard let status = process.ending?.status else {
            problems.append("\(process.name) did not leave when it was told to")
            process.send(SIGKILL)
            return
        }
        if status != 0 { problems.append("\(process.name) ended with status \(status)") }
    }

    // MARK: Listening

    /// Serves everybody until `isDone`.
    private func wait(
        for process: ChildProcess, _ complaint: String, until isDone: () -> Bool
    ) throws(Early) {
        let end = MonotonicClock.now + DemoCall.patience
        while !isDone() {
            try step()
            if process.hasEnded() || MonotonicClock.now >= end {
                throw failure(complaint, process)
            }
        }
    }

    private func failure(_ complaint: String, _ process: ChildProcess) -> Early {
        pump()
        let reason =
            members.first { $0.process === process }?.problem ?? process.lastComplaint
            ?? "it said nothing for \(DemoCall.patience.components.seconds) s"
        return .failed(CallFailure(.unavailable, "\(complaint): \(reason)"))
    }

    private var everybody: [ChildProcess] { members.map(\.process) + servers.map(\.process) }

    private func step() throws(Early) {
        pump()
        if isInterrupted { throw .interrupted }
    }

    /// Waits for a tick at most, and reads what came.
    private func pump() {
        let processes = everybody
        var watched = [pollfd(fd: signals.descriptorNumber, events: Int16(POLLIN), revents: 0)]
        for process in processes {
            for reader in [process.output, process.diagnostics] {
                let descriptor = reader.isOpen ? reader.descriptor : -1
                watched.append(pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0))
            }
        }
        let count = unsafe poll(&watched, nfds_t(watched.count), Int32(DemoCall.tick))
        guard count > 0 else { return }
        while signals.next() != nil { isInterrupted = true }
        for (place, process) in processes.enumerated() {
            if watched[1 + 2 * place].revents != 0 { read(process) }
            if watched[2 + 2 * place].revents != 0 { process.readDiagnostics() }
        }
    }

    private func read(_ process: ChildProcess) {
        let seconds = (MonotonicClock.now - process.started).inMilliseconds / 1_000
        for line in process.readOutput() {
            if let member = members.first(where: { $0.process === process }) {
                member.take(line, seconds: seconds)
            } else if let server = servers.first(where: { $0.process === process }) {
                server.take(line)
            }
        }
    }

    // MARK: The result

    private func report() -> DemoReport {
        let count = members.count - 1
        let results = members.map { member in
            let isHost = member === members[0]
            return DemoReport.Member(
                name: member.name, isHost: isHost, isRelayed: member.isRelayed,
                number: member.number ?? 1,
                secondsToJoin: member.secondsToJoin,
                secondsToVoice: member.secondsToVoice, hearings: member.hearings,
                heardSeconds: Recording(path: member.recording)?.soundSeconds,
                chatDelivered: isChatDelivered(of: member), cpuPercent: median(member.cpuPercent),
                residentBytes: member.residentBytes, recording: member.recording)
        }
        for member in results {
            if member.hearings.count(where: \.wasHeard) < count || member.heardSeconds ?? 0 <= 0 {
                problems.append("\(member.name) did not hear everybody")
            }
            if member.isRelayed, member.hearings.contains(where: { $0.rung != "relay" }) {
                problems.append("\(member.name) asked for the relay and was on another path")
            }
            if !member.chatDelivered {
                problems.append("what \(member.name) wrote did not arrive everywhere")
            }
        }
        let costs = servers.map { server in
            DemoReport.Server(
                name: server.process.name, cpuPercent: server.process.ending?.cpuPercent ?? 0,
                residentBytes: server.residentBytes)
        }
        return DemoReport(
            members: results, servers: costs, directory: files.directory,
            seconds: (MonotonicClock.now - start).inMilliseconds / 1_000, problems: problems)
    }

    /// Whether the member was told so, and the others have it.
    private func isChatDelivered(of member: DemoMember) -> Bool {
        member.isDelivered(to: members.count - 1)
            && members.allSatisfy { $0 === member || $0.chat.contains(member.greeting) }
    }
}
