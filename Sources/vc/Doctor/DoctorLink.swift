internal import VCCore
internal import VCNet

/// A protocol as `vc doctor` tries it out: without a socket or a clock.
protocol DoctorProbe: ~Copyable {
    /// Whether everything is known, or nothing more will be.
    var isDone: Bool { get }
    /// When `handleTimeout` is next needed.
    var timeout: Instant? { get }
    mutating func handle(_ datagram: RawSpan, from source: Endpoint, now: Instant)
    /// No connection to this endpoint can be made, or it is no more.
    mutating func handleClosed(_ endpoint: Endpoint)
    mutating func handleTimeout(now: Instant)
    /// Writes the next datagram; returns where it goes and its size.
    mutating func pollTransmit(
        into writer: inout ByteWriter, now: Instant
    ) -> (destination: Endpoint, size: Int)?
}

/// One UDP socket, as a call has, and connections beside it; runs probes one after another.
struct DoctorLink: ~Copyable {
    private enum Token {
        static let socket: UInt64 = 0
        static let streams: Range<UInt64> = 1..<64
    }

    private let socket: UDPSocket
    private var streams: StreamTable
    private var poller: Poller
    private var received = ReceiveBatch(slots: 8)
    private var outgoing = SendBatch(slots: 1)

    init() throws(SocketError) {
        let socket = try UDPSocket()
        do throws(SystemError) {
            let poller = try Poller()
            try poller.add(socket.descriptorNumber, token: Token.socket)
            self.poller = poller
        } catch {
            throw .system(error)
        }
        self.socket = socket
        var limits = StreamLimits.client
        limits.total = 32
        limits.perSource = 32
        streams = StreamTable(tokens: Token.streams, limits: limits)
    }

    /// The port of the socket.
    var port: UInt16 { socket.localEndpoint.port }

    /// Runs until the probe is done, or `deadline`.
    mutating func run(
        _ probe: inout some DoctorProbe & ~Copyable, until deadline: Instant
    ) throws(SystemError) {
        while true {
            let now = MonotonicClock.now
            if let due = probe.timeout, due <= now { probe.handleTimeout(now: now) }
            transmit(&probe, now: now)
            guard !probe.isDone, now < deadline else { return }
            let due = min(probe.timeout ?? deadline, streams.nextTimeout)
            let ready = try poller.wait(until: min(deadline, due))
            for index in 0..<ready { receive(poller.readiness(index), for: &probe) }
            streams.handleTimeout(now: MonotonicClock.now)
            while let event = streams.pollEvent() {
                if case .closed(let endpoint, _) = event { probe.handleClosed(endpoint) }
            }
        }
    }

    private mutating func transmit(_ probe: inout some DoctorProbe & ~Copyable, now: Instant) {
        while let memory = unsafe outgoing.reserve() {
            var writer = unsafe ByteWriter(MutableRawSpan(_unsafeBytes: memory))
            guard let next = probe.pollTransmit(into: &writer, now: now) else { return }
            switch next.destination.transport {
            case .udp:
                outgoing.commit(next.size, to: next.destination)
                outgoing.flush(through: socket)
            case .tcp:
                let bytes = unsafe UnsafeRawBufferPointer(rebasing: memory[..<next.size])
                unsafe streams.send(
                    RawSpan(_unsafeBytes: bytes), to: next.destination, poller: poller, now: now)
            }
        }
    }

    private mutating func receive(
        _ readiness: Poller.Readiness, for probe: inout some DoctorProbe & ~Copyable
    ) {
        let now = MonotonicClock.now
        guard streams.owns(readiness.token) else {
            for index in 0..<received.receive(from: socket) {
                let bytes = unsafe UnsafeRawBufferPointer(received.bytes(index))
                unsafe probe.handle(
                    RawSpan(_unsafeBytes: bytes), from: received.source(index), now: now)
            }
            return
        }
        streams.handle(readiness, poller: poller, now: now)
        while let datagram = streams.nextDatagram(now: now) {
            let bytes = unsafe UnsafeRawBufferPointer(datagram.bytes)
            unsafe probe.handle(
                RawSpan(_unsafeBytes: bytes), from: datagram.source, now: now)
        }
    }
}
