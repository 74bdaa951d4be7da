public import VCCore
public import VCNet

/// Which port of a signaling server could not be opened, and why.
public struct SignalPortError: Error, Equatable, Sendable {
    public let transport: Transport
    public let reason: SocketError
}

/// The sockets of a signaling server: the main port, the second one for STUN, and connections.
struct SignalPorts: ~Copyable {
    /// How the poller names them.
    enum Token {
        static let main: UInt64 = 0
        static let second: UInt64 = 1
        static let streams = (16 as UInt64)..<2_048
    }

    private static let standardSTUNPort: UInt16 = 3478
    /// Where any port will do, so many are tried until one is free for UDP and for TCP.
    private static let portAttempts = 16
    /// Full datagrams that may wait while the server is busy: 3,300.
    private static let receiveBufferBytes = 4 << 20

    private let main: UDPSocket
    private let second: UDPSocket
    private(set) var received: ReceiveBatch
    private var fromMain: SendBatch
    private var fromSecond: SendBatch
    var streams: StreamTable
    let tcpEndpoints: [Endpoint]

    /// Opens all of them and has `poller` watch them.
    ///
    /// - Parameters:
    ///   - local: the main port, over UDP and TCP.
    ///   - second: the second one; nil is 3478 (RFC 8489 section 18) or, if that is taken, any.
    ///   - tcp: where connections are taken beside that.
    init(
        _ local: Endpoint, second secondPort: UInt16?, tcp: [Endpoint], poller: borrowing Poller
    ) throws(SignalPortError) {
        var main = try Self.open(local)
        let second = try Self.openSecond(local, secondPort)
        var streams = StreamTable(tokens: Token.streams, limits: .server)
        var endpoints: [Endpoint] = []
        for attempt in 1...Self.portAttempts {
            do throws(SocketError) {
                let endpoint = local.with(port: main.localEndpoint.port)
                endpoints.append(try streams.listen(at: endpoint, poller: poller))
                break
            } catch {
                // A port that the kernel chose for UDP may be somebody's for TCP.
                guard local.port == 0, case .portInUse = error, attempt < Self.portAttempts else {
                    throw SignalPortError(transport: .tcp, reason: error)
                }
                main = try Self.open(local)
            }
        }
        do throws(SystemError) {
            try poller.add(main.descriptorNumber, token: Token.main)
            try poller.add(second.descriptorNumber, token: Token.second)
        } catch {
            throw SignalPortError(transport: .udp, reason: .system(error))
        }
        for endpoint in tcp {
            do throws(SocketError) {
                endpoints.append(try streams.listen(at: endpoint, poller: poller))
            } catch {
                throw SignalPortError(transport: .tcp, reason: error)
            }
        }
        // Bound to one address, everything leaves from there anyhow.
        received = ReceiveBatch(readsDestinations: local.isAnyAddress)
        fromMain = SendBatch(choosesSources: local.isAnyAddress)
        fromSecond = SendBatch(choosesSources: local.isAnyAddress)
        tcpEndpoints = endpoints
        self.streams = streams
        self.main = main
        self.second = second
    }

    /// Where the protocol is served.
    var endpoint: Endpoint { main.localEndpoint }
    /// The port of the second STUN socket.
    var secondPort: UInt16 { second.localEndpoint.port }
    /// When `handleTimeout` is needed.
    var timeout: Instant { streams.nextTimeout }

    mutating func handleTimeout(_ now: Instant) {
        streams.handleTimeout(now: now)
        while streams.pollEvent() != nil {}
    }

    /// Takes what waits at one of the ports into `received`.
    mutating func receive(onSecondPort: Bool) -> Int {
        onSecondPort ? received.receive(from: second) : received.receive(from: main)
    }

    /// Sends the next datagram of the service, or puts it where `flush` finds it.
    mutating func transmitNext(
        of service: inout SignalService, _ poller: borrowing Poller, _ now: Instant
    ) -> Bool {
        if fromMain.isFull { fromMain.flush(through: main) }
        // The machine says which way only once it has written; copied if it is the second port.
        guard let memory = unsafe fromMain.reserve() else { return false }
        var writer = unsafe ByteWriter(memory.mutableBytes)
        guard let transmit = service.pollTransmit(into: &writer) else { return false }
        let datagram = unsafe UnsafeRawBufferPointer(rebasing: memory[..<transmit.count])
        if transmit.destination.transport == .tcp {
            unsafe streams.send(datagram.bytes, to: transmit.destination, poller: poller, now: now)
        } else if transmit.fromSecondPort {
            unsafe sendFromSecond(datagram, transmit)
        } else {
            fromMain.commit(transmit.count, to: transmit.destination, from: transmit.source)
        }
        return true
    }

    mutating func flush() {
        fromMain.flush(through: main)
        fromSecond.flush(through: second)
    }

    @unsafe private mutating func sendFromSecond(
        _ datagram: UnsafeRawBufferPointer, _ transmit: OutgoingDatagram
    ) {
        if fromSecond.isFull { fromSecond.flush(through: second) }
        guard let target = unsafe fromSecond.reserve() else { return }
        unsafe target.copyMemory(from: datagram)
        fromSecond.commit(transmit.count, to: transmit.destination, from: transmit.source)
    }

    private static func open(_ local: Endpoint) throws(SignalPortError) -> UDPSocket {
        do throws(SocketError) {
            return try UDPSocket(
                bindingTo: local, receiveBufferBytes: receiveBufferBytes,
                reportsDestinations: local.isAnyAddress)
        } catch {
            throw SignalPortError(transport: .udp, reason: error)
        }
    }

    private static func openSecond(
        _ local: Endpoint, _ port: UInt16?
    ) throws(SignalPortError) -> UDPSocket {
        if let port { return try open(local.with(port: port)) }
        do throws(SignalPortError) {
            return try open(local.with(port: standardSTUNPort))
        } catch {
            return try open(local.with(port: 0))
        }
    }
}
