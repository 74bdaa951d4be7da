internal import CVCLinux
internal import Glibc
internal import VCAudio
internal import VCCore
internal import VCNet

/// `vc host`, `vc join` and `vc tune`: sets everything up, starts the network thread, and serves
/// the person.
enum Call {
    static func host(_ options: CallOptions) -> ExitStatus {
        run(options) { (begin: inout Beginning) throws(CallFailure) in
            let arena = try CallSetup.makeArena()
            let setup = try CallSetup(options, isHost: true, server: nil, arena: arena)
            let machine = RoomMachine(
                hosting: setup.configuration, arena: setup.arena,
                random: AnyRandomSource(SystemRandom()), now: MonotonicClock.now)
            try begin.start(setup, machine, nameplate: nil)
        }
    }

    static func join(_ options: CallOptions, code source: CodeSource) -> ExitStatus {
        run(options) { (begin: inout Beginning) throws(CallFailure) in
            let arena = try CallSetup.makeArena()
            let code = try CodeInput.read(
                source, rewrites: options.form == .screen, in: arena)
            let nameplate = code.nameplate
            let setup = try CallSetup(
                options, isHost: false, server: code.server,
                searches: options.usesLocalNetwork && code.server == nil, arena: arena)
            let machine = RoomMachine(
                joining: code, setup.configuration, arena: setup.arena,
                random: AnyRandomSource(SystemRandom()), now: MonotonicClock.now)
            try begin.start(setup, machine, nameplate: nameplate)
        }
    }

    static func tune(
        _ options: CallOptions, phrase source: PhraseSource, acceptsWeak: Bool
    ) -> ExitStatus {
        let start = MonotonicClock.now
        return run(options) { (begin: inout Beginning) throws(CallFailure) in
            let arena = try CallSetup.makeArena()
            let phrase = try PhraseInput.read(source, acceptsWeak: acceptsWeak, in: arena)
            let setup = try CallSetup(options, isHost: false, server: nil, arena: arena)
            if source == .made, let server = options.signal {
                PrintedPhrase.show(
                    phrase, server: server, form: options.form,
                    at: (MonotonicClock.now - start).inMilliseconds / 1_000)
            }
            let secret: TuneSecret
            switch TuneSecret(phrase, in: arena) {
            case .some(let derived): secret = derived
            case .none:
                throw CallFailure(
                    .unavailable, "there are no 64 MiB of memory, which a phrase needs at first")
            }
            let machine = RoomMachine(
                tuning: secret, setup.configuration, arena: setup.arena,
                random: AnyRandomSource(SystemRandom()), now: MonotonicClock.now)
            try begin.start(setup, machine, nameplate: nil, phrase: HeldPhrase(phrase))
        }
    }

    private static func run(
        _ options: CallOptions, prepare: (inout Beginning) throws(CallFailure) -> Void
    ) -> ExitStatus {
        // A recording that may not grow any further is told as an error of the recording.
        signal(SIGXFSZ, SIG_IGN)
        var options = options
        if options.form == .screen, !TerminalScreen.isPossible { options.form = .plain }
        if options.form == .screen { vc_use_utf8() }
        let start = MonotonicClock.now
        do throws(CallFailure) {
            if let program = options.exec, !EventHook.canRun(program) {
                throw CallFailure(
                    .unreadableFile, "--exec: \(program) is no program that can be run")
            }
            var beginning = Beginning()
            // Blocked before the first thread starts, so that none of them is interrupted.
            let signals = try system { () throws(SystemError) in try CallSignals.open() }
            try prepare(&beginning)
            guard let running = beginning.running else { return .unavailable }
            var console = CallConsole(
                running, signals: signals, options: options, start: start)
            let status = console.run()
            running.thread.join()
            running.router?.stop()
            running.engine.stop()
            return status
        } catch {
            report(error, options)
            return error.status
        }
    }

    private static func report(_ failure: CallFailure, _ options: CallOptions) {
        if options.form == .json {
            var output = EventOutput(.json)
            output.show(.error(kind: "start", message: failure.message), at: 0)
        }
        StandardStream.diagnostics.write(line: "vc: \(failure.message)")
    }

    /// Runs what fails only where the system has nothing left to give.
    static func system<Value: ~Copyable>(
        _ body: () throws(SystemError) -> Value
    ) throws(CallFailure) -> Value {
        do throws(SystemError) {
            return try body()
        } catch {
            throw CallFailure(.unavailable, "the system refused \(error.call): \(error)")
        }
    }
}

/// A call whose threads run.
struct RunningCall {
    let thread: RoomThread
    let link: RoomLink
    /// Nil where nobody is to reach us directly, or no router can be between.
    let router: RouterPort?
    let engine: AudioEngine
    let serverName: String
    let reach: HostReach?
    let nameplate: UInt32?
    /// How the others see us at first.
    let ownName: DisplayText
    /// The phrase that was tuned to.
    let phrase: HeldPhrase?
}

/// Turns a setup and a machine into a running call.
struct Beginning {
    private(set) var running: RunningCall?

    mutating func start(
        _ setup: consuming CallSetup, _ machine: consuming RoomMachine, nameplate: UInt32?,
        phrase: HeldPhrase? = nil
    ) throws(CallFailure) {
        let (engine, serverName, ownName, reach) = (
            setup.engine, setup.serverName, setup.configuration.name, setup.reach
        )
        let link = try Call.system { () throws(SystemError) in try RoomLink() }
        let router =
            setup.isBehindRouter
            ? RouterPort(port: setup.socket.localEndpoint.port, link: link) : nil
        let thread = try setup.makeThread(machine, link: link)
        try Call.system { () throws(SystemError) in try thread.start() }
        running = RunningCall(
            thread: thread, link: link, router: router, engine: engine, serverName: serverName,
            reach: reach, nameplate: nameplate, ownName: ownName, phrase: phrase)
    }
}
