internal import Glibc
internal import VCCore
internal import VCNet
internal import VCSignaling

/// Exit statuses of sysexits.h.
private enum Status {
    static let usage: CInt = 64
    static let unavailable: CInt = 69
    static let software: CInt = 70
}

private func fail(_ sentence: String, _ status: CInt) -> Never {
    StandardStream.diagnostics.write(line: "vc-signal: \(sentence)")
    exit(status)
}

private func sentence(_ error: SocketError) -> String {
    switch error {
    case .portInUse(let port):
        "UDP port \(port) is in use by another program, perhaps another vc-signal; "
            + "stop that one or choose another port with --listen or --second-port"
    case .portNotPermitted(let port):
        "UDP port \(port) needs root; choose one above 1023 with --listen or --second-port"
    case .noSuchLocalAddress(let endpoint):
        "this machine has no address \(endpoint.addressDescription); see --listen"
    case .system(let error):
        "the network cannot be used: \(error)"
    }
}

private func serve(_ configuration: SignalShell.Configuration) {
    do throws(SystemError) {
        let signals = try TerminationSignals()
        var shell = try open(configuration)
        StandardStream.output.write(
            line: "vc-signal listening on UDP \(shell.endpoint), second port \(shell.secondPort)")
        try shell.run(signals: signals)
    } catch {
        fail("\(error)", Status.software)
    }
}

private func open(_ configuration: SignalShell.Configuration) throws(SystemError) -> SignalShell {
    do throws(SocketError) {
        return try SignalShell(configuration)
    } catch {
        fail(sentence(error), Status.unavailable)
    }
}

switch SignalCommandLine(Array(CommandLine.arguments.dropFirst())) {
case .help:
    StandardStream.output.write(line: SignalCommandLine.helpText)
case .version:
    StandardStream.output.write(line: "vc-signal \(softwareVersion), protocol \(protocolVersion)")
case .usageError(let sentence):
    fail(sentence, Status.usage)
case .run(let listen, let secondPort, let isVerbose):
    do throws(ResolveError) {
        let endpoint = try Resolver.listenEndpoint(listen)
        serve(
            SignalShell.Configuration(
                listen: endpoint, secondPort: secondPort, isVerbose: isVerbose))
    } catch {
        fail("\(error)", Status.usage)
    }
}
