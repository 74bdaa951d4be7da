internal import Glibc
internal import VCCore
internal import VCHelp
internal import VCNet
internal import VCSignaling

/// Exit statuses of sysexits.h.
private enum Status {
    static let usage: CInt = 64
    static let unreadableFile: CInt = 66
    static let unavailable: CInt = 69
    static let software: CInt = 70
}

private func say(_ sentence: String) {
    StandardStream.diagnostics.write(line: "vc-signal: \(sentence)")
}

private func fail(_ sentence: String, _ status: CInt) -> Never {
    say(sentence)
    exit(status)
}

private func sentence(_ error: SignalPortError) -> String {
    let kind = error.transport == .udp ? "UDP" : "TCP"
    let options = error.transport == .udp ? "--listen or --second-port" : "--listen or --listen-tcp"
    return switch error.reason {
    case .portInUse(let port):
        "\(kind) port \(port) is in use by another program, perhaps another vc-signal; "
            + "stop that one or choose another port with \(options)"
    case .portNotPermitted(let port):
        "\(kind) port \(port) needs root or the capability CAP_NET_BIND_SERVICE; "
            + "or choose one above 1023 with \(options)"
    case .noSuchLocalAddress(let endpoint):
        "this machine has no address \(endpoint.addressDescription); see --listen"
    case .system(let error):
        "the network cannot be used: \(error)"
    }
}

/// Where the key and the token live; from here on the process leaves no core file.
private func makeArena() -> SecretArena {
    CoreDumps.forbid()
    guard let arena = SecretArena() else {
        fail("the cryptographic library could not be started", Status.software)
    }
    return arena
}

private func signingKey(_ path: String, in arena: SecretArena) -> SigningKey {
    var random = AnyRandomSource(SystemRandom())
    do throws(SigningKeyFileError) {
        return try SigningKeyFile.open(path, in: arena, random: &random)
    } catch {
        fail("\(error)", Status.unreadableFile)
    }
}

private func hostToken(_ path: String, in arena: SecretArena) -> HostToken {
    do throws(HostTokenFile.Problem) {
        let reading = try HostTokenFile.read(path, in: arena)
        if reading.isReadableByOthers {
            say("warning: others on this machine can read \(path); chmod 600 prevents that")
        }
        return reading.token
    } catch {
        fail("\(error)", Status.unreadableFile)
    }
}

private func endpoint(_ text: String) -> Endpoint {
    do throws(ResolveError) {
        return try Resolver.listenEndpoint(text)
    } catch {
        fail("\(error)", Status.usage)
    }
}

private func open(_ options: SignalCommandLine.Options) -> SignalShell {
    var configuration = SignalShell.Configuration(
        listen: endpoint(options.listen), listenTCP: options.listenTCP.map { endpoint($0) },
        secondPort: options.secondPort, relays: options.relays, isVerbose: options.isVerbose)
    var key: SigningKey?
    if options.keyFile != nil || options.hostTokenFile != nil {
        let arena = makeArena()
        configuration.hostToken = options.hostTokenFile.map { hostToken($0, in: arena) }
        if let path = options.keyFile {
            configuration.isRestart = SigningKeyFile.exists(path)
            let opened = signingKey(path, in: arena)
            StandardStream.output.write(
                line: "vc-signal signs with (vc-relay --signal-key) \(opened.verifyKey)")
            key = consume opened
        }
    }
    do throws(SignalPortError) {
        return try SignalShell(configuration, signingKey: key)
    } catch {
        fail(sentence(error), Status.unavailable)
    }
}

private func serve(_ options: SignalCommandLine.Options) {
    do throws(SystemError) {
        let signals = try TerminationSignals()
        var shell = open(options)
        StandardStream.output.write(
            line: "vc-signal listening on UDP \(shell.endpoint), second port \(shell.secondPort)")
        StandardStream.output.write(
            line: "vc-signal listening on TCP "
                + shell.tcpEndpoints.map(\.description).joined(separator: ", "))
        try shell.run(signals: signals)
    } catch {
        fail("\(error)", Status.software)
    }
}

switch SignalCommandLine(Array(CommandLine.arguments.dropFirst())) {
case .help:
    StandardStream.output.write(line: SignalHelp.text)
case .manualPage:
    StandardStream.output.write(SignalHelp.page.roff)
case .version:
    StandardStream.output.write(line: "vc-signal \(softwareVersion), protocol \(protocolVersion)")
case .usageError(let sentence):
    fail(sentence, Status.usage)
case .run(let options):
    serve(options)
}
