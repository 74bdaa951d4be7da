internal import CVCLinux
internal import Glibc
internal import VCCore

/// One TCP connection of a `StreamTable`.
///
///     connecting ──> open ──> closed, with its reason
///          └──────────────────────┘
final class StreamConnection {
    enum State: Equatable {
        case connecting
        case open
        /// The descriptor is closed; the place is free once the owner knows.
        case closed(StreamCloseReason)
    }

    /// What became of a datagram.
    enum Sending {
        case taken
        /// It does not fit the queue.
        case dropped
        case broken(CInt)
    }

    /// Both ends answer within a second while a path works; ten lost segments in a row mean that it
    /// does not.
    private static let userTimeoutMilliseconds: CInt = 5_000
    private static let keepaliveSeconds: (idle: CInt, interval: CInt) = (15, 5)
    private static let keepaliveProbes: CInt = 3
    /// What the kernel may hold that was never sent. Above this it refuses, so that what is late
    /// waits in our queue, where it is bounded, and not in the kernel's megabytes.
    private static let unsentBytes: CInt = 4_096

    let remote: Endpoint
    private(set) var state: State
    /// When the last datagram came, or the connection began.
    private(set) var lastReceived: Instant
    private(set) var hasReceived = false
    /// Whether the poller watches it for writing.
    var isWatchedForWriting: Bool
    private var descriptor: FileDescriptor?
    private var framer = StreamFramer()
    private var queue = StreamSendQueue()

    init(_ descriptor: consuming FileDescriptor, remote: Endpoint, state: State, now: Instant) {
        Self.configure(descriptor)
        self.descriptor = consume descriptor
        self.remote = remote
        self.state = state
        lastReceived = now
        isWatchedForWriting = state == .connecting
    }

    /// The descriptor's number, -1 once it is closed.
    var descriptorNumber: CInt {
        switch descriptor {
        case .some(let descriptor): descriptor.number
        case .none: -1
        }
    }

    /// Whether the poller has to watch it for writing.
    var wantsToWrite: Bool {
        switch state {
        case .connecting: true
        case .open: !queue.isEmpty
        case .closed: false
        }
    }

    /// The connection was accepted or refused; nil when neither is known yet.
    func finishConnecting() -> CInt? {
        var code: CInt = 0
        var size = socklen_t(MemoryLayout<CInt>.size)
        guard unsafe getsockopt(descriptorNumber, SOL_SOCKET, SO_ERROR, &code, &size) == 0 else {
            return errno
        }
        if code == EINPROGRESS { return nil }
        if code == 0 { state = .open }
        return code
    }

    func close(_ reason: StreamCloseReason) {
        descriptor = nil
        queue = StreamSendQueue()
        state = .closed(reason)
    }

    /// Reads once. Nil when something came, or nothing that matters; else why the connection is to
    /// be closed.
    func read() -> StreamCloseReason? {
        let space = unsafe framer.space()
        guard unsafe !space.isEmpty else { return nil }
        let number = descriptorNumber
        do throws(SystemError) {
            let count = try attempt("recv") {
                unsafe recv(number, space.baseAddress, space.count, 0)
            }
            guard let count else { return nil }
            if count == 0 { return .remote }
            framer.commit(count)
            return nil
        } catch {
            return .failed(error.code)
        }
    }

    /// The next datagram of what was read.
    func next(
        now: Instant
    ) throws(StreamFramer.BadLength) -> UnsafeMutableRawBufferPointer? {
        guard let datagram = try unsafe framer.next() else { return nil }
        lastReceived = now
        hasReceived = true
        return unsafe datagram
    }

    /// Hands a datagram to the kernel, or to the queue when the kernel is full.
    func send(_ datagram: UnsafeRawBufferPointer) -> Sending {
        guard state == .open, queue.isEmpty else { return unsafe enqueue(datagram, alreadySent: 0) }
        var header = UInt16(truncatingIfNeeded: datagram.count).bigEndian
        let number = descriptorNumber
        do throws(SystemError) {
            let written = try attempt("sendmsg") {
                unsafe vc_send_pair(
                    number, &header, StreamFramer.headerBytes, datagram.baseAddress,
                    datagram.count)
            }
            let frame = StreamFramer.headerBytes + datagram.count
            if written == frame { return .taken }
            return unsafe enqueue(datagram, alreadySent: written ?? 0)
        } catch {
            return .broken(error.code)
        }
    }

    /// Writes what waits. Returns errno when the connection broke.
    func flush() -> CInt? {
        let number = descriptorNumber
        while !queue.isEmpty {
            let pending = unsafe queue.pending
            do throws(SystemError) {
                let written = try attempt("send") {
                    unsafe Glibc.send(
                        number, pending.baseAddress, pending.count, CInt(MSG_NOSIGNAL))
                }
                guard let written else { return nil }
                queue.remove(written)
            } catch {
                return error.code
            }
        }
        return nil
    }

    private func enqueue(_ datagram: UnsafeRawBufferPointer, alreadySent: Int) -> Sending {
        unsafe queue.append(datagram, alreadySent: alreadySent) ? .taken : .dropped
    }

    private static func configure(_ descriptor: borrowing FileDescriptor) {
        let tcp = CInt(IPPROTO_TCP)
        InternetSocket.set(TCP_NODELAY, of: descriptor, level: tcp, to: 1)
        InternetSocket.set(TCP_NOTSENT_LOWAT, of: descriptor, level: tcp, to: unsentBytes)
        InternetSocket.set(
            TCP_USER_TIMEOUT, of: descriptor, level: tcp, to: userTimeoutMilliseconds)
        InternetSocket.set(SO_KEEPALIVE, of: descriptor, level: SOL_SOCKET, to: 1)
        InternetSocket.set(TCP_KEEPIDLE, of: descriptor, level: tcp, to: keepaliveSeconds.idle)
        InternetSocket.set(
            TCP_KEEPINTVL, of: descriptor, level: tcp, to: keepaliveSeconds.interval)
        InternetSocket.set(TCP_KEEPCNT, of: descriptor, level: tcp, to: keepaliveProbes)
    }
}
