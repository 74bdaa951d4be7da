internal import Glibc
public import VCCore

/// Datagrams over TCP, each behind its length (2 bytes, big-endian), as an event loop sees them:
/// endpoints with transport TCP to send to and to receive from.
///
/// The owner keeps a range of the poller's tokens for it:
///
///     readiness with a token of ours -> handle -> nextDatagram, … nil
///     after that and after handleTimeout: pollEvent, … nil; nextTimeout
///
/// Once a connection stands, nothing is allocated per datagram.
public struct StreamTable: ~Copyable {
    /// Connections accepted per readiness, so that a flood of them leaves time for datagrams.
    static let acceptsPerTurn = 16
    /// Idle connections are looked for at most this often.
    static let sweepInterval = Duration.seconds(1)
    private static let connectTimeout = Duration.seconds(5)

    /// What the table has done.
    public internal(set) var counters = StreamCounters()
    /// When `handleTimeout` is next needed.
    public internal(set) var nextTimeout = Instant.distantFuture

    let limits: StreamLimits
    let tokens: Range<UInt64>
    private var listeners: [StreamListener] = []
    /// Place number -> connection; places of closed ones are free once their event is polled.
    var places: [StreamConnection?]
    var freePlaces: [Int]
    var placeOf: [Endpoint: Int] = [:]
    var perSource: [SourcePrefix: Int] = [:]
    var opened: [Endpoint] = []
    var closedPlaces: [Int] = []
    private var reconnects = ReconnectSchedule()
    /// The connection that `nextDatagram` reads from.
    private var current: StreamConnection?

    /// - Parameter tokens: at least `limits.total` and one for each listener.
    public init(tokens: Range<UInt64>, limits: StreamLimits) {
        precondition(tokens.count > limits.total, "too few tokens for this many connections")
        self.tokens = tokens
        self.limits = limits
        places = Array(repeating: nil, count: limits.total)
        freePlaces = Array((0..<limits.total).reversed())
        closedPlaces.reserveCapacity(limits.total)
    }

    /// Connections that stand or are being made.
    public var count: Int { placeOf.count }

    /// Whether `handle` is what a readiness with this token is for.
    public func owns(_ token: UInt64) -> Bool { tokens.contains(token) }

    /// Whether datagrams can pass to `endpoint` now.
    public func isOpen(_ endpoint: Endpoint) -> Bool {
        connection(to: endpoint)?.state == .open
    }

    // MARK: Connections

    /// Accepts connections at `local`, port 0 for one of the kernel's choice. Returns where.
    public mutating func listen(
        at local: Endpoint, poller: borrowing Poller
    ) throws(SocketError) -> Endpoint {
        let token = tokens.lowerBound + UInt64(limits.total + listeners.count)
        precondition(tokens.contains(token), "too few tokens for this many listeners")
        let listener = try StreamListener(at: local)
        do throws(SystemError) {
            try poller.add(listener.descriptorNumber, token: token)
        } catch {
            throw .system(error)
        }
        listeners.append(listener)
        return listener.localEndpoint
    }

    /// Begins a connection, unless there is one; `opened` or `closed` tells how it went. What is
    /// sent before waits. False when the limits forbid it, or it failed less than a second ago.
    @discardableResult
    public mutating func connect(
        to remote: Endpoint, poller: borrowing Poller, now: Instant
    ) -> Bool {
        precondition(remote.transport == .tcp, "only connections go through a table of streams")
        guard placeOf[remote] == nil else { return true }
        guard hasRoom(for: remote), reconnects.allows(remote, now: now) else { return false }
        reconnects.note(remote, now: now)
        guard let descriptor = Self.beginConnecting(to: remote) else { return false }
        return insert(
            StreamConnection(descriptor, remote: remote, state: .connecting, now: now),
            poller: poller, now: now)
    }

    /// Closes a connection. What the kernel has taken still goes out.
    public mutating func close(_ remote: Endpoint) {
        if let place = placeOf[remote] { close(place, .asked) }
    }

    /// Closes every connection; listeners stay.
    public mutating func closeAll() {
        for place in places.indices { close(place, .asked) }
    }

    // MARK: Datagrams

    /// Sends `datagram`, 1 to 1,200 bytes, or lets it wait while the other end is slow; false when
    /// it was dropped: too much waits, there is no connection, or it just broke.
    @discardableResult
    public mutating func send(
        _ datagram: RawSpan, to remote: Endpoint, poller: borrowing Poller, now: Instant
    ) -> Bool {
        guard (1...Limits.datagram).contains(datagram.byteCount) else { return false }
        if placeOf[remote] == nil, limits.connectsOnSend {
            connect(to: remote, poller: poller, now: now)
        }
        guard let place = placeOf[remote], let connection = places[place] else { return false }
        let sending = unsafe datagram.withUnsafeBytes { unsafe connection.send($0) }
        switch sending {
        case .taken:
            counters.sent += 1
            watch(place, connection, poller)
            return true
        case .dropped:
            counters.dropped += 1
            return false
        case .broken(let code):
            close(place, .failed(code))
            return false
        }
    }

    /// Takes what a readiness with one of our tokens says. Afterwards `nextDatagram` is to be
    /// called until it gives nil.
    public mutating func handle(
        _ readiness: Poller.Readiness, poller: borrowing Poller, now: Instant
    ) {
        current = nil
        let number = Int(readiness.token - tokens.lowerBound)
        guard number < limits.total else {
            if number - limits.total < listeners.count {
                accept(from: listeners[number - limits.total], poller: poller, now: now)
            }
            return
        }
        guard let connection = places[number] else { return }
        if connection.state == .connecting {
            guard let code = connection.finishConnecting() else { return }
            guard code == 0 else { return close(number, .failed(code)) }
            opened.append(connection.remote)
        }
        guard connection.state == .open else { return }
        if readiness.isWritable, let code = connection.flush() {
            return close(number, .failed(code))
        }
        watch(number, connection, poller)
        guard readiness.isReadable else { return }
        if let reason = connection.read() { return close(number, reason) }
        current = connection
    }

    /// The next datagram that came; its bytes are valid until the table is used again.
    public mutating func nextDatagram(now: Instant) -> StreamDatagram? {
        guard let connection = current else { return nil }
        do throws(StreamFramer.BadLength) {
            if connection.state == .open, let bytes = try unsafe connection.next(now: now) {
                counters.received += 1
                return unsafe StreamDatagram(bytes: bytes, source: connection.remote)
            }
        } catch {
            counters.badLengths += 1
            if let place = placeOf[connection.remote] { close(place, .badLength) }
        }
        current = nil
        return nil
    }

    // MARK: Events and time

    /// What happened to a connection, oldest first. To be polled until nil: a closed connection
    /// counts against the limit until its end was told.
    public mutating func pollEvent() -> StreamEvent? {
        if !opened.isEmpty { return .opened(opened.removeFirst()) }
        guard !closedPlaces.isEmpty else { return nil }
        let place = closedPlaces.removeFirst()
        guard let connection = places[place], case .closed(let reason) = connection.state else {
            return nil
        }
        places[place] = nil
        freePlaces.append(place)
        return .closed(connection.remote, reason)
    }

    /// Closes what has been silent for too long.
    public mutating func handleTimeout(now: Instant) {
        guard now >= nextTimeout else { return }
        var earliest = Instant.distantFuture
        for place in places.indices {
            guard let connection = places[place] else { continue }
            let (deadline, reason) = deadline(of: connection)
            if now < deadline {
                earliest = min(earliest, deadline)
            } else {
                if reason == .idle { counters.idle += 1 }
                close(place, reason)
            }
        }
        nextTimeout =
            earliest == .distantFuture ? earliest : max(earliest, now + Self.sweepInterval)
    }

    private func deadline(of connection: StreamConnection) -> (Instant, StreamCloseReason) {
        switch connection.state {
        case .closed: (.distantFuture, .asked)
        case .connecting: (connection.lastReceived + Self.connectTimeout, .connectTimeout)
        case .open:
            (
                connection.lastReceived
                    + (connection.hasReceived ? limits.idle : limits.firstDatagram), .idle
            )
        }
    }
}
