internal import CVCLinux
internal import Glibc
internal import Synchronization
internal import VCCore
internal import VCNet

/// The thread of a `PortMapper`.
///
///     searching ──> mapped ──> renewed at half of the lifetime, or when the network changed, …
///         ^  └── nobody answers ──> asleep until the retry, or until the network changes
///         └───────── a renewal failed ┘
final class PortMapWorker: Sendable {
    enum Command {
        case remap
        case search
        case stop
    }

    /// What the thread alone uses.
    private struct State {
        var client: (any PortMapClient)?
        var mapping: PortMapping?
        var due = Instant.zero
        /// The router's port of the last mapping, to be wished for again.
        var externalPort: UInt16?
        var pace = RemapPace()
    }

    /// Readable once the thread has ended.
    let ended: Wakeup
    private let port: UInt16
    private let configuration: PortMapper.Configuration
    private let onChange: @Sendable (PortMapping?) -> Void
    private let wakeup: Wakeup
    private let commands = Mutex<[Command]>([])

    init(
        port: UInt16, configuration: PortMapper.Configuration,
        onChange: @escaping @Sendable (PortMapping?) -> Void
    ) throws(SystemError) {
        ended = try Wakeup()
        wakeup = try Wakeup()
        self.port = port
        self.configuration = configuration
        self.onChange = onChange
    }

    func submit(_ command: Command) {
        commands.withLock {
            // The same wish twice is one.
            if !$0.contains(command) { $0.append(command) }
        }
        wakeup.signal()
    }

    func start() throws(SystemError) {
        // Nobody joins it: it may be inside of a library for seconds when the process leaves.
        try SystemThread(named: "vc-portmap") { [self] in
            run()
            ended.signal()
        }.detach()
    }

    private func run() {
        var state = State()
        while true {
            while let command = next() {
                switch command {
                case .stop:
                    state.client?.unmap(port: port)
                    return
                case .search:
                    // Most often the router is the same, and only its client can have it delete
                    // what it mapped. Where it is another one, the renewal fails.
                    state.due = .zero
                    state.pace.reset()
                case .remap:
                    remap(&state)
                }
            }
            if MonotonicClock.now >= state.due { work(&state) }
            let wait = (state.due - MonotonicClock.now).inMilliseconds.rounded(.up)
            _ = vc_poll_readable(wakeup.descriptorNumber, CInt(min(max(wait, 0), 3_600_000)))
            _ = wakeup.acknowledge()
        }
    }

    private func next() -> Command? {
        commands.withLock { $0.isEmpty ? nil : $0.removeFirst() }
    }

    /// Whether the process wants to leave, which ends a search between two questions.
    private var isStopping: Bool {
        commands.withLock { $0.contains(.stop) }
    }

    private func remap(_ state: inout State) {
        guard state.pace.isDue(now: MonotonicClock.now) else { return }
        state.client?.unmap(port: port)
        state.due = .zero
    }

    /// Renews the mapping, or searches for a router.
    private func work(_ state: inout State) {
        var mapping: PortMapping?
        if var client = state.client {
            mapping = try? client.map(port: port, seconds: configuration.lifetimeSeconds)
            state.client = mapping == nil ? nil : client
        }
        if mapping == nil { mapping = search(&state) }
        if let mapping { state.externalPort = mapping.external.port }
        state.due = MonotonicClock.now + pause(after: mapping)
        let changed =
            mapping?.external != state.mapping?.external
            || mapping?.method != state.mapping?.method
        state.mapping = mapping
        if changed, !isStopping { onChange(mapping) }
    }

    private func search(_ state: inout State) -> PortMapping? {
        if let mapping = attempt(
            { () throws(PortMapError) in
                try NATPMPClient(gateway: configuration.gateway)
            }, &state)
        {
            return mapping
        }
        let externalPort = state.externalPort
        return attempt(
            { () throws(PortMapError) in
                try UPnPClient(
                    interface: configuration.interface,
                    searchMilliseconds: configuration.searchMilliseconds,
                    externalPort: externalPort)
            }, &state)
    }

    private func attempt<Client: PortMapClient>(
        _ make: () throws(PortMapError) -> Client, _ state: inout State
    ) -> PortMapping? {
        guard !isStopping, var client = try? make() else { return nil }
        let mapping = try? client.map(port: port, seconds: configuration.lifetimeSeconds)
        state.client = mapping == nil ? nil : client
        return mapping
    }

    private func pause(after mapping: PortMapping?) -> Duration {
        guard let mapping else { return configuration.retry }
        guard let lifetime = mapping.lifetime else { return configuration.longestRenewal }
        return min(
            max(lifetime / 2, configuration.shortestRenewal), configuration.longestRenewal)
    }
}
