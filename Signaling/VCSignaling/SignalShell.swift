public import VCCore
public import VCNet

/// A signaling server as a process: its sockets, a clock and signals around a `SignalService`,
/// which it obeys.
public struct SignalShell: ~Copyable {
    /// How to run it.
    public struct Configuration: Sendable {
        /// Where the protocol and STUN are served, over UDP and TCP.
        public var listen: Endpoint
        /// Where the protocol is served over TCP too.
        public var listenTCP: [Endpoint]
        /// The second STUN port; nil is 3478 (RFC 8489 section 18) or, if that is taken, any.
        public var secondPort: UInt16?
        /// `HOST[:PORT]` of the relays that rooms are told of.
        public var relays: [String]
        /// What those must know who open rooms; nil lets everybody.
        public var hostToken: HostToken?
        /// Whether a server ran here before, whose rooms may come back.
        public var isRestart = false
        /// Whether rooms and addresses are logged.
        public var isVerbose: Bool
        public var limits: SignalLimits

        public init(
            listen: Endpoint, listenTCP: [Endpoint] = [], secondPort: UInt16? = nil,
            relays: [String] = [], hostToken: HostToken? = nil, isVerbose: Bool = false,
            limits: SignalLimits = .standalone
        ) {
            self.listen = listen
            self.listenTCP = listenTCP
            self.secondPort = secondPort
            self.relays = relays
            self.hostToken = hostToken
            self.isVerbose = isVerbose
            self.limits = limits
        }
    }

    private enum Token {
        static let signals: UInt64 = 2
        static let stop: UInt64 = 3
        static let resolver: UInt64 = 4
    }

    private var ports: SignalPorts
    private let resolver: RelayResolver?
    private var random = SystemRandom()
    private var log: SignalLog
    private var service: SignalService
    private var poller: Poller
    private var isStopped = false

    /// Opens all ports, and begins to look for the relays.
    ///
    /// - Parameter signingKey: signs the tickets for them.
    public init(
        _ configuration: Configuration, signingKey: consuming SigningKey? = nil,
        log write: @escaping (String) -> Void = { StandardStream.diagnostics.write(line: $0) }
    ) throws(SignalPortError) {
        let poller: Poller
        let resolver: RelayResolver?
        do throws(SystemError) {
            let made = try Poller()
            let names = configuration.relays
            resolver = names.isEmpty ? nil : try RelayResolver(names)
            if let resolver {
                try made.add(resolver.isReady.descriptorNumber, token: Token.resolver)
            }
            poller = made
        } catch {
            throw SignalPortError(transport: .udp, reason: .system(error))
        }
        ports = try SignalPorts(
            configuration.listen, second: configuration.secondPort, tcp: configuration.listenTCP,
            poller: poller)
        service = SignalService(
            limits: configuration.limits, secondPort: ports.secondPort,
            signingKey: signingKey, hostToken: configuration.hostToken,
            isRestart: configuration.isRestart, random: &random, now: MonotonicClock.now)
        log = SignalLog(isVerbose: configuration.isVerbose, write: write)
        self.resolver = resolver
        self.poller = poller
    }

    deinit {
        resolver?.end()
    }

    /// Where the protocol is served.
    public var endpoint: Endpoint { ports.endpoint }
    /// Where it is served over TCP.
    public var tcpEndpoints: [Endpoint] { ports.tcpEndpoints }
    /// The port of the second STUN socket.
    public var secondPort: UInt16 { ports.secondPort }
    /// What the service has done.
    public var counters: SignalCounters { service.counters }

    /// Serves until `signals` brings SIGINT or SIGTERM, or `stop` is signalled, and the drain that
    /// follows is over. A second signal ends it at once.
    public mutating func run(
        signals: borrowing TerminationSignals
    ) throws(SystemError) {
        try poller.add(signals.descriptorNumber, token: Token.signals)
        while !isStopped {
            try step()
            while signals.next() != nil { stop() }
        }
    }

    /// As `run(signals:)`, for a server on a thread of another process.
    public mutating func run(stop wakeup: Wakeup) throws(SystemError) {
        try poller.add(wakeup.descriptorNumber, token: Token.stop)
        while !isStopped {
            try step()
            if wakeup.acknowledge() { stop() }
        }
    }

    private mutating func stop() {
        guard !service.isDraining else {
            log.log("stopped at once")
            isStopped = true
            return
        }
        log.log("draining: no new rooms")
        let now = MonotonicClock.now
        service.drain(now: now)
        obey(now)
    }

    /// Waits for something to happen, and lets the service handle it.
    private mutating func step() throws(SystemError) {
        let ready = try poller.wait(
            until: min(service.pollTimeout() ?? .distantFuture, ports.timeout))
        let now = MonotonicClock.now
        service.setWallClock(unixSeconds: WallClock.seconds, now: now)
        for index in 0..<ready {
            let readiness = poller.readiness(index)
            switch readiness.token {
            case SignalPorts.Token.main: receive(onSecondPort: false, now)
            case SignalPorts.Token.second: receive(onSecondPort: true, now)
            case Token.resolver: watchRelays(now)
            default:
                if ports.streams.owns(readiness.token) { receive(from: readiness, now) }
            }
        }
        ports.handleTimeout(now)
        service.handleTimeout(now: now)
        obey(now)
    }

    /// One batch: what is left is reported again, after the other socket had its turn.
    private mutating func receive(onSecondPort: Bool, _ now: Instant) {
        for index in 0..<ports.receive(onSecondPort: onSecondPort) {
            _ = unsafe service.handle(
                UnsafeRawBufferPointer(ports.received.bytes(index)).bytes,
                from: ports.received.source(index), at: ports.received.destination(index),
                onSecondPort: onSecondPort, now: now)
        }
        transmit(now)
    }

    /// What one read from a connection brought. It may be more than the service can answer before
    /// somebody takes the answers.
    private mutating func receive(from readiness: Poller.Readiness, _ now: Instant) {
        ports.streams.handle(readiness, poller: poller, now: now)
        while let datagram = ports.streams.nextDatagram(now: now) {
            _ = unsafe service.handle(
                UnsafeRawBufferPointer(datagram.bytes).bytes, from: datagram.source,
                onSecondPort: false, now: now)
            transmit(now)
        }
    }

    private mutating func watchRelays(_ now: Instant) {
        guard let findings = resolver?.take() else { return }
        for problem in findings.problems { log.log("a relay is not found: \(problem)") }
        service.watch(findings.relays, random: &random, now: now)
    }

    private mutating func obey(_ now: Instant) {
        transmit(now)
        while let event = service.pollEvent() { log.log(event, now: now) }
        if service.isDrained(now: now), !isStopped {
            log.log("drained")
            isStopped = true
        }
    }

    private mutating func transmit(_ now: Instant) {
        while ports.transmitNext(of: &service, poller, now) {}
        ports.flush()
    }
}
