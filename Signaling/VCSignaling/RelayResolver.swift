internal import CVCLinux
internal import Glibc
internal import Synchronization
internal import VCCore
internal import VCNet

/// Looks up the names of relays, again and again, on a thread of its own: a name server that takes
/// its time must not hold up the rooms.
@safe final class RelayResolver: @unchecked Sendable {
    /// Addresses change, slowly.
    private static let interval = Duration.seconds(300)
    /// A name that was not found may be there soon: this machine or the name server has just
    /// started.
    private static let retryInterval = Duration.seconds(20)
    private static let defaultPort: UInt16 = 4_461

    /// Signalled when `take` has something.
    let isReady: Wakeup
    private let names: [String]
    private let stop: Wakeup
    private let found = Mutex<Findings?>(nil)

    struct Findings: Sendable {
        var relays: [NamedRelay] = []
        /// Why names have no address.
        var problems: [String] = []
    }

    init(_ names: [String]) throws(SystemError) {
        self.names = names
        isReady = try Wakeup()
        stop = try Wakeup()
        try startThread()
    }

    /// What was found since the last call.
    func take() -> Findings? {
        isReady.acknowledge()
        return found.withLock { findings in
            defer { findings = nil }
            return findings
        }
    }

    /// Ends the thread, soon.
    func end() {
        stop.signal()
    }

    private func startThread() throws(SystemError) {
        try SystemThread(named: "vc-resolve") { self.run() }.detach()
    }

    private func run() {
        var wait: CInt = 0
        var known: [String: [Endpoint]] = [:]
        repeat {
            let findings = look(&known)
            let pause = findings.problems.isEmpty ? Self.interval : Self.retryInterval
            wait = CInt(pause.components.seconds) * 1_000
            found.withLock { $0 = findings }
            isReady.signal()
        } while vc_poll_readable(stop.descriptorNumber, wait) == 0
    }

    /// The addresses that members may reach: not what many installers write into /etc/hosts for the
    /// name of a machine. An address and `localhost` say themselves that they mean this one.
    static func reachable(_ addresses: [Endpoint], as name: String) -> [Endpoint] {
        let isMeant =
            name.hasPrefix("localhost") || name.hasPrefix("[") || !name.contains { $0.isLetter }
        return isMeant ? addresses : addresses.filter { !$0.isLoopback }
    }

    private static func loopback(_ name: String) -> String {
        "\(name) is a loopback address here (see /etc/hosts), which no member can reach: "
            + "give --relay the public address"
    }

    /// - Parameter known: what was found before, which holds while a name cannot be looked up.
    private func look(_ known: inout [String: [Endpoint]]) -> Findings {
        var findings = Findings()
        for name in names {
            do throws(ResolveError) {
                let addresses = try Resolver.resolve(name, defaultPort: Self.defaultPort)
                known[name] = Self.reachable(addresses, as: name)
                if known[name]?.isEmpty ?? true { findings.problems.append(Self.loopback(name)) }
            } catch {
                findings.problems.append("\(error)")
            }
            if let addresses = known[name] {
                findings.relays.append(NamedRelay(name: name, addresses: addresses))
            }
        }
        return findings
    }
}
