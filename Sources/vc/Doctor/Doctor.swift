internal import VCCore
internal import VCNet
internal import VCPortMap

/// `vc doctor`: tries out what a call needs, and says what to do where it does not work.
final class Doctor {
    /// The search for a router began with the first check, so this is hardly ever waited for.
    private static let portMapMilliseconds: Int32 = 8_000

    private let options: CallOptions
    private let start = MonotonicClock.now
    private var report = DoctorReport()

    private init(_ options: CallOptions) {
        self.options = options
    }

    /// Exit status 0 if a call is possible, 69 otherwise.
    static func run(_ options: CallOptions) -> ExitStatus {
        Doctor(options).run()
    }

    private func run() -> ExitStatus {
        let portMap = try? PortMapProbe()
        SoundFindings.run(options) { tell($0) }
        tell(ThisMachine.addresses(hasServer: options.signal != nil))
        var network: (mapping: Finding.Mapping?, observed: Endpoint?) = (nil, nil)
        if let server = options.signal {
            do throws(CallFailure) {
                network = try tryNetwork(server)
            } catch {
                StandardStream.diagnostics.write(line: "vc: \(error.message)")
                return error.status
            }
        } else {
            tell(.noServer)
        }
        if let portMap {
            tell(
                .portMapping(
                    portMap.wait(milliseconds: Self.portMapMilliseconds), network.mapping,
                    observed: network.observed))
        }
        if options.usesLocalNetwork { tell(DiscoveryProbe.run()) }
        tell(.firewall(program: ThisMachine.firewall(), isServer: options.signal == nil))
        tellVerdict()
        return report.isCallPossible ? .success : .unavailable
    }

    private func tryNetwork(
        _ server: ServerName
    ) throws(CallFailure) -> (mapping: Finding.Mapping?, observed: Endpoint?) {
        let arena = try CallSetup.makeArena()
        let hostToken = try options.signalToken.map { source throws(CallFailure) in
            try SignalTokenInput.read(source, in: arena)
        }
        do throws(SocketError) {
            var network = try NetworkFindings(
                server: server, hostToken: hostToken, arena: arena
            ) { self.tell($0) }
            do throws(SystemError) {
                try network.run()
            } catch {
                throw .system(error)
            }
            return (network.mapping, network.observed)
        } catch {
            throw CallFailure(.unavailable, "the network cannot be used: \(error)")
        }
    }

    private func tell(_ finding: Finding) {
        for line in report.add(finding) { write(line) }
    }

    private func write(_ line: DoctorLine) {
        switch options.form {
        case .plain, .screen: StandardStream.output.write(line: line.text)
        case .json: StandardStream.output.write(line: line.json(seconds: seconds))
        }
    }

    private func tellVerdict() {
        switch options.form {
        case .plain, .screen: StandardStream.output.write(line: report.verdict)
        case .json: StandardStream.output.write(line: report.verdictJSON(seconds: seconds))
        }
    }

    private var seconds: Double { (MonotonicClock.now - start) / .seconds(1) }
}
