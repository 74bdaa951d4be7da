internal import CVCLinux
public import VCCore
public import VCNet

/// One `--listen` of a relay: a socket, a table, and the loop of one thread around a
/// `RelayService`, which it obeys. The first one has the TCP connections, too.
public struct RelayWorker: ~Copyable {
    private enum Token {
        static let main: UInt64 = 0
        static let signals: UInt64 = 1
        static let stop: UInt64 = 2
        static let streams: UInt64 = 16
    }

    /// What a core that was away for 100 ms finds at 40,000 packets a second.
    public static let bufferBytes = 4 << 20
    /// While packets come without end, everything else is looked after this often; and this often
    /// while there are connections, whose packets are among that.
    private static let lookInterval: UInt64 = 5_000_000
    private static let lookIntervalWithStreams: UInt64 = 1_000_000
    /// A worker that sleeps for packets looks at everything else this often at least.
    private static let waitMilliseconds = 5
    /// How often the machine's addresses are read again when somebody binds.
    private static let addressInterval = Duration.seconds(10)

    private let socket: UDPSocket
    private let advertised: [Endpoint]
    /// What the kernel gives for received packets that wait; below `bufferBytes` it wants a word.
    public let receiveBufferBytes: Int
    /// Where TCP connections are taken.
    public let tcpEndpoint: Endpoint?
    private var service: RelayService
    private var streams: StreamTable
    private var poller: Poller
    private var batch = ForwardBatch()
    private var answers = SendBatch()
    private var pace = BatchPace()
    private var log: RelayLog
    private let scratch = DatagramScratch()
    /// Packets that the last look brought.
    private var lastCount = 0
    private var nextLook: UInt64 = 0
    private var nextAddresses = Instant.zero
    private var isStopped = false
    private var isDone = false

    /// Opens the sockets of `configuration.listen[index]`.
    ///
    /// - Parameter log: where lines go.
    public init(
        _ configuration: RelayConfiguration, index: Int,
        log write: @escaping @Sendable (String) -> Void
    ) throws(SocketError) {
        let socket = try UDPSocket(bindingTo: configuration.listen[index])
        let poller = try Self.poller(socket)
        let local = index == 0 ? configuration.listenTCP : nil
        let limits =
            local == nil
            ? StreamLimits(total: 1, perSource: 1, idle: .seconds(1), connectsOnSend: false)
            : StreamLimits.server
        var streams = StreamTable(
            tokens: Token.streams..<Token.streams + UInt64(limits.total) + 2, limits: limits)
        var tcpEndpoint: Endpoint?
        if let local { tcpEndpoint = try streams.listen(at: local, poller: poller) }
        self.tcpEndpoint = tcpEndpoint
        receiveBufferBytes = socket.growBuffers(to: Self.bufferBytes)
        socket.forbidFragments()
        socket.setWaiting(milliseconds: Self.waitMilliseconds)
        service = RelayService(
            limits: configuration.limitsOfWorker, keys: configuration.keys, addresses: [],
            tcpPort: tcpEndpoint?.port ?? 0, random: AnyRandomSource(SystemRandom()),
            now: MonotonicClock.now)
        log = RelayLog(isVerbose: configuration.isVerbose, write: write)
        advertised = configuration.advertised
        self.streams = streams
        self.socket = socket
        self.poller = poller
    }

    /// Where the protocol is served over UDP.
    public var endpoint: Endpoint { socket.localEndpoint }

    private static func poller(
        _ socket: borrowing UDPSocket
    ) throws(SocketError) -> Poller {
        do throws(SystemError) {
            let poller = try Poller()
            try poller.add(socket.descriptorNumber, token: Token.main)
            return poller
        } catch {
            throw .system(error)
        }
    }

    // MARK: The loop

    /// Serves until `stop` was requested and the drain that follows is over.
    ///
    /// - Parameter index: which of the workers this is.
    public mutating func run(stop: RelayStop, index: Int) throws(SystemError) {
        try poller.add(stop.wakeups[index].descriptorNumber, token: Token.stop)
        _ = vc_set_timer_slack(1_000)
        while !isStopped {
            try turn()
            if stop.isRequested { obey(stop, stop.wakeups[index]) }
        }
    }

    /// As `run(stop:index:)` for the first worker, which hands SIGINT and SIGTERM to all, and ends
    /// after all others.
    public mutating func run(
        stop: RelayStop, signals: borrowing TerminationSignals
    ) throws(SystemError) {
        try poller.add(signals.descriptorNumber, token: Token.signals)
        try poller.add(stop.wakeups[0].descriptorNumber, token: Token.stop)
        vc_release_startup_pages()
        _ = vc_set_timer_slack(1_000)
        while !(isStopped && (stop.isOver || stop.isImmediate)) {
            try turn()
            while signals.next() != nil { stop.request() }
            if stop.isRequested { obey(stop, stop.wakeups[0]) }
        }
    }

    private mutating func obey(_ stop: RelayStop, _ wakeup: Wakeup) {
        _ = wakeup.acknowledge()
        let now = MonotonicClock.now
        if !service.isDraining {
            log.log("draining: \(service.sessionCount) sessions")
            service.drain(now: now)
            transmit(now)
        }
        isStopped = stop.isImmediate || service.isDrained(now: now)
        if isStopped, !isDone {
            isDone = true
            log.log(stop.isImmediate ? "stopped at once" : "drained")
            stop.workerIsDone()
        }
    }

    private mutating func turn() throws(SystemError) {
        let next = pace.next(
            count: lastCount, capacity: ForwardBatch.slots, now: MonotonicClock.now)
        var ready = 0
        var isWaiting = false
        switch next {
        case .wait:
            ready = try poller.wait(
                until: min(service.pollTimeout() ?? .distantFuture, streams.nextTimeout))
        case .pause(let nanoseconds):
            vc_sleep_nanoseconds(nanoseconds)
            ready = try look()
        case .block:
            ready = try look()
            isWaiting = true
        case .again:
            ready = try look()
        }
        let now = MonotonicClock.now
        for index in 0..<ready {
            let readiness = poller.readiness(index)
            if streams.owns(readiness.token) { receive(readiness, now) }
        }
        receive(waiting: isWaiting)
        service.handleTimeout(now: now)
        streams.handleTimeout(now: now)
        transmit(now)
    }

    /// What else is ready, from time to time.
    private mutating func look() throws(SystemError) -> Int {
        let now = MonotonicClock.now.nanoseconds
        guard now >= nextLook else { return 0 }
        nextLook = now + (streams.count > 0 ? Self.lookIntervalWithStreams : Self.lookInterval)
        return try poller.look()
    }

    // MARK: Packets

    private mutating func receive(waiting: Bool) {
        lastCount = batch.receive(from: socket, waiting: waiting)
        let now = MonotonicClock.now
        for index in 0..<lastCount {
            let bytes = unsafe batch.bytes(index)
            let source = batch.source(index)
            guard unsafe Self.isData(bytes) else {
                unsafe control(bytes, from: source, now)
                continue
            }
            guard let target = unsafe service.forward(bytes, from: source, now: now) else {
                continue
            }
            if target.endpoint.transport == .udp {
                batch.forward(index, to: target.endpoint, key: target.key)
            } else {
                unsafe streams.send(
                    UnsafeRawBufferPointer(bytes).bytes, to: target.endpoint, poller: poller,
                    now: now)
            }
        }
        batch.flush(through: socket)
    }

    private mutating func receive(_ readiness: Poller.Readiness, _ now: Instant) {
        streams.handle(readiness, poller: poller, now: now)
        while let datagram = streams.nextDatagram(now: now) {
            // The table may be used again before the datagram is sent.
            let bytes = unsafe scratch.copy(datagram.bytes)
            if unsafe Self.isData(bytes) {
                if let target = unsafe service.forward(bytes, from: datagram.source, now: now) {
                    unsafe send(bytes, to: target.endpoint, now)
                }
            } else {
                unsafe control(bytes, from: datagram.source, now)
            }
        }
        while streams.pollEvent() != nil {}
    }

    private static func isData(_ bytes: UnsafeMutableRawBufferPointer) -> Bool {
        unsafe bytes.first == PacketType.relayData
    }

    private mutating func control(
        _ bytes: UnsafeMutableRawBufferPointer, from source: Endpoint, _ now: Instant
    ) {
        if nextAddresses <= now {
            nextAddresses = now + Self.addressInterval
            service.addresses = addresses()
        }
        unsafe service.handle(
            UnsafeRawBufferPointer(bytes).bytes, from: source, now: now,
            unixSeconds: WallClock.seconds)
        transmit(now)
    }

    /// Where clients may say that they reach this worker.
    private func addresses() -> [Endpoint] {
        let own = try? Interfaces.all()
        let bound = [endpoint] + (tcpEndpoint.map { [$0] } ?? [])
        return bound.flatMap { bound in
            let hosts = bound.isAnyAddress ? (own ?? []).map(\.endpoint) : [bound]
            return hosts.map { $0.with(port: bound.port).over(bound.transport) }
                + advertised.map { $0.over(bound.transport) }
        }
    }

    private mutating func send(
        _ bytes: UnsafeMutableRawBufferPointer, to destination: Endpoint, _ now: Instant
    ) {
        guard destination.transport == .udp else {
            unsafe streams.send(
                UnsafeRawBufferPointer(bytes).bytes, to: destination, poller: poller, now: now)
            return
        }
        if answers.isFull { answers.flush(through: socket) }
        guard let memory = unsafe answers.reserve() else { return }
        unsafe memory.copyMemory(from: UnsafeRawBufferPointer(bytes))
        answers.commit(bytes.count, to: destination)
    }

    /// Sends what the service has to say, and logs what happened in it.
    private mutating func transmit(_ now: Instant) {
        while true {
            var writer = unsafe ByteWriter(scratch.memory.mutableBytes)
            guard let sent = service.pollTransmit(into: &writer) else { break }
            let bytes = unsafe UnsafeMutableRawBufferPointer(
                rebasing: scratch.memory[..<sent.count])
            unsafe send(bytes, to: sent.destination, now)
        }
        if answers.count > 0 { answers.flush(through: socket) }
        while let event = service.pollEvent() { log.log(event, now: now) }
    }
}
