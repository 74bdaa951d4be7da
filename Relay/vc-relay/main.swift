internal import Glibc
internal import VCCore
internal import VCHelp
internal import VCNet
internal import VCRelay

/// Exit statuses of sysexits.h.
private enum Status {
    static let usage: CInt = 64
    static let noInput: CInt = 66
    static let unavailable: CInt = 69
    static let software: CInt = 70
}

private func fail(_ sentence: String, _ status: CInt) -> Never {
    StandardStream.diagnostics.write(line: "vc-relay: \(sentence)")
    exit(status)
}

private func sentence(_ error: SocketError) -> String {
    switch error {
    case .portInUse(let port):
        "port \(port) is in use by another program, perhaps another vc-relay; "
            + "stop that one or choose another port with --listen or --listen-tcp"
    case .portNotPermitted(let port):
        "port \(port) needs root or CAP_NET_BIND_SERVICE; choose one above 1023 with --listen or "
            + "--listen-tcp"
    case .noSuchLocalAddress(let endpoint):
        "this machine has no address \(endpoint.addressDescription); see --listen"
    case .system(let error):
        "the network cannot be used: \(error)"
    }
}

private func configuration(_ options: RelayCommandLine.Options) -> RelayConfiguration {
    var keys: [VerifyKey] = []
    do throws(SignalKeyFile.Failure) {
        for argument in options.signalKeys { keys.append(try SignalKeyFile.key(argument)) }
    } catch {
        fail("\(error)", Status.noInput)
    }
    do throws(ResolveError) {
        var configuration = RelayConfiguration(listen: [], keys: keys)
        for text in options.listen {
            configuration.listen.append(try Resolver.listenEndpoint(text))
        }
        if let text = options.listenTCP {
            configuration.listenTCP = try Resolver.listenEndpoint(text)
        }
        for text in options.advertise {
            configuration.advertised += try Resolver.resolve(text, defaultPort: 0)
        }
        configuration.isVerbose = options.isVerbose
        configuration.limits.totalBytesPerSecond = options.maximumMegabits.map { $0 * 125_000 }
        return configuration
    } catch {
        fail("\(error)", Status.usage)
    }
}

private func open(_ configuration: RelayConfiguration, _ index: Int) -> RelayWorker {
    do throws(SocketError) {
        let worker = try RelayWorker(configuration, index: index) {
            StandardStream.diagnostics.write(line: $0)
        }
        var line = "vc-relay listening on UDP \(worker.endpoint)"
        if let tcp = worker.tcpEndpoint { line += ", TCP \(tcp)" }
        StandardStream.output.write(line: line)
        if worker.receiveBufferBytes < RelayWorker.bufferBytes {
            StandardStream.diagnostics.write(
                line: "vc-relay: the kernel gives a receive buffer of "
                    + "\(worker.receiveBufferBytes >> 10) KiB instead of "
                    + "\(RelayWorker.bufferBytes >> 10) KiB: packets may get lost in bursts; "
                    + "raise net.core.rmem_max or give the relay CAP_NET_ADMIN")
        }
        return worker
    } catch {
        fail(sentence(error), Status.unavailable)
    }
}

private func serve(_ configuration: RelayConfiguration) {
    do throws(SystemError) {
        let signals = try TerminationSignals()
        let stop = try RelayStop(workers: configuration.listen.count)
        var first = open(configuration, 0)
        var threads: [RelayThread] = []
        for index in configuration.listen.indices.dropFirst() {
            let thread = RelayThread(open(configuration, index), stop: stop, index: index)
            threads.append(thread)
        }
        for thread in threads { try thread.start() }
        try first.run(stop: stop, signals: signals)
        if stop.isOver { threads.forEach { $0.join() } }
    } catch {
        fail("\(error)", Status.software)
    }
}

switch RelayCommandLine(Array(CommandLine.arguments.dropFirst())) {
case .help:
    StandardStream.output.write(line: RelayHelp.text)
case .manualPage:
    StandardStream.output.write(RelayHelp.page.roff)
case .version:
    StandardStream.output.write(line: "vc-relay \(softwareVersion), protocol \(protocolVersion)")
case .usageError(let sentence):
    fail(sentence, Status.usage)
case .run(let options):
    serve(configuration(options))
}
