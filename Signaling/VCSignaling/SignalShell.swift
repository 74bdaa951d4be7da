public import VCCore
public import VCNet

/// A signaling server as a process: two sockets, a clock and signals around a `SignalService`,
/// which it obeys.
public struct SignalShell: ~Copyable {
    /// How to run it.
    public struct Configuration: Sendable {
        /// Where the protocol and STUN are served.
        public var listen: Endpoint
        /// The second STUN port; nil is 3478 (RFC 8489 section 18) or, if that is taken, any.
        public var secondPort: UInt16?
        /// Whether rooms and addresses are logged.
        public var isVerbose: Bool
        public var limits: SignalLimits

        public init(
            listen: Endpoint, secondPort: UInt16? = nil, isVerbose: Bool = false,
            limits: SignalLimits = .standalone
        ) {
            self.listen = listen
            self.secondPort = secondPort
            self.isVerbose = isVerbose
            self.limits = limits
        }
    }

    private enum Token {
        static let main: UInt64 = 0
        static let second: UInt64 = 1
        static let signals: UInt64 = 2
        static let stop: UInt64 = 3
    }

    private static let standardSTUNPort: UInt16 = 3478

    private let main: UDPSocket
    private let second: UDPSocket
    private var log: SignalLog
    private var service: SignalService
    private var poller: Poller
    private var received = ReceiveBatch()
    private var fromMain = SendBatch()
    private var fromSecond = SendBatch()
    private var isStopped = false

    /// Opens both ports.
    public init(
        _ configuration: Configuration,
        log write: @escaping (String) -> Void = { StandardStream.diagnostics.write(line: $0) }
    ) throws(SocketError) {
        let main = try UDPSocket(bindingTo: configuration.listen, receiveBufferBytes: 4 << 20)
        let second = try Self.openSecond(configuration)
        let poller: Poller
        do throws(SystemError) {
            let made = try Poller()
            try made.add(main.descriptorNumber, token: Token.main)
            try made.add(second.descriptorNumber, token: Token.second)
            poller = made
        } catch {
            throw .system(error)
        }
        var random = SystemRandom()
        service = SignalService(
            limits: configuration.limits, secondPort: second.localEndpoint.port,
            random: &random, now: MonotonicClock.now)
        log = SignalLog(isVerbose: configuration.isVerbose, write: write)
        self.poller = poller
        self.main = main
        self.second = second
    }

    /// Where the protocol is served.
    public var endpoint: Endpoint { main.localEndpoint }
    /// The port of the second STUN socket.
    public var secondPort: UInt16 { second.localEndpoint.port }
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

    private static func openSecond(
        _ configuration: Configuration
    ) throws(SocketError) -> UDPSocket {
        if let port = configuration.secondPort {
            return try UDPSocket(bindingTo: configuration.listen.with(port: port))
        }
        do throws(SocketError) {
            return try UDPSocket(bindingTo: configuration.listen.with(port: standardSTUNPort))
        } catch {
            return try UDPSocket(bindingTo: configuration.listen.with(port: 0))
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
        let ready = try poller.wait(until: service.pollTimeout())
        let now = MonotonicClock.now
        for index in 0..<ready {
            switch poller.readiness(index).token {
            case Token.main: receive(onSecondPort: false, now)
            case Token.second: receive(onSecondPort: true, now)
            default: break
            }
        }
        service.handleTimeout(now: now)
        obey(now)
    }

    /// One batch: what is left is reported again, after the other socket had its turn.
    private mutating func receive(onSecondPort: Bool, _ now: Instant) {
        let count =
            onSecondPort ? received.receive(from: second) : received.receive(from: main)
        for index in 0..<count {
            _ = unsafe service.handle(
                UnsafeRawBufferPointer(received.bytes(index)).bytes,
                from: received.source(index), onSecondPort: onSecondPort, now: now)
        }
    }

    private mutating func obey(_ now: Instant) {
        while transmitNext() {}
        fromMain.flush(through: main)
        fromSecond.flush(through: second)
        while let event = service.pollEvent() { log.log(event, now: now) }
        if service.isDrained(now: now), !isStopped {
            log.log("drained")
            isStopped = true
        }
    }

    private mutating func transmitNext() -> Bool {
        if fromMain.isFull { fromMain.flush(through: main) }
        // The machine says from which port only once it has written; copied if it is the second.
        guard let memory = unsafe fromMain.reserve() else { return false }
        var writer = unsafe ByteWriter(memory.mutableBytes)
        guard let transmit = service.pollTransmit(into: &writer) else { return false }
        guard transmit.fromSecondPort else {
            fromMain.commit(transmit.count, to: transmit.destination)
            return true
        }
        if fromSecond.isFull { fromSecond.flush(through: second) }
        guard let target = unsafe fromSecond.reserve() else { return false }
        unsafe target.copyMemory(
            from: UnsafeRawBufferPointer(rebasing: memory[..<transmit.count]))
        fromSecond.commit(transmit.count, to: transmit.destination)
        return true
    }
}
