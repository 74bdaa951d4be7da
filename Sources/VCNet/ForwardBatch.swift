internal import CVCLinux
internal import Glibc
public import VCCore

/// Datagrams on their way through a server: received many per system call, changed where they lie,
/// and sent on from there, many per system call. Several of one batch to one destination go to the
/// kernel as one (UDP_SEGMENT), which saves its way through the network stack for all but the
/// first.
///
///     receive ─▶ bytes, source ─▶ forward (or not), for each ─▶ flush ─▶ receive
///
/// Nothing is allocated per datagram.
@safe public struct ForwardBatch: ~Copyable {
    /// Datagrams per system call.
    public static let slots = 64
    /// What one train may hold: below the 65,507 bytes of a UDP datagram.
    private static let trainBytes = 60_000

    /// A datagram that goes on, and the one that follows it in its train.
    private struct Queued {
        var slot: Int32
        var next: Int32
        var length: Int32
    }

    /// Datagrams to one destination that are all as long as the first one, but for the last one.
    private struct Train {
        var first: Int32
        var last: Int32
        var count: Int32
        var segmentBytes: Int32
        var bytes: Int32
        /// Whether a shorter one ended it.
        var isClosed: Bool
    }

    /// The train that datagrams to a destination can still join.
    private struct OpenTrain {
        var key: Int32
        var train: Int32
        var turn: UInt32
    }

    private let received: DatagramVectors
    private let outgoing: OutgoingVectors
    /// How many datagrams the last `receive` brought.
    public private(set) var count = 0
    private var queued: [Queued]
    private var queuedCount = 0
    private var trains: [Train]
    private var trainCount = 0
    private var open: [OpenTrain]
    /// Tells the entries of `open` of this batch from older ones.
    private var turn: UInt32 = 1
    private var usesSegments = true
    /// Datagrams that the kernel took.
    public private(set) var sent: UInt64 = 0
    /// Those of them that went with another one to the same destination. Per `sent`.
    public private(set) var joined: UInt64 = 0
    /// Datagrams that the kernel refused. Per `sent`.
    public private(set) var refused: UInt64 = 0
    /// Datagrams dropped because the send buffer was full. Per `sent`.
    public private(set) var dropped: UInt64 = 0

    public init() {
        let slots = Self.slots
        received = DatagramVectors(slots: slots)
        outgoing = OutgoingVectors(slots: slots)
        queued = Array(repeating: Queued(slot: 0, next: -1, length: 0), count: slots)
        trains = Array(
            repeating: Train(
                first: 0, last: 0, count: 0, segmentBytes: 0, bytes: 0, isClosed: false),
            count: slots)
        var places = 1
        while places < 2 * slots { places *= 2 }
        open = Array(repeating: OpenTrain(key: 0, train: 0, turn: 0), count: places)
    }

    /// Whether the last `receive` filled every slot, so that more may be waiting.
    public var isFull: Bool { count == received.slots }

    /// Takes what is waiting at `socket`, 0 when nothing is.
    ///
    /// - Parameter waiting: sleeps until there is something, if `UDPSocket.setWaiting` was called.
    @discardableResult
    public mutating func receive(
        from socket: borrowing UDPSocket, waiting: Bool = false
    ) -> Int {
        var slot = 0
        // The kernel shortened these to the size of the address it wrote.
        while slot < count {
            unsafe received.headers[slot].header.msg_namelen =
                socklen_t(MemoryLayout<sockaddr_in6>.size)
            slot += 1
        }
        let number = socket.descriptor.number
        let taken = unsafe vc_recvmmsg(
            number, received.headers, CUnsignedInt(received.slots),
            waiting ? CInt(MSG_WAITFORONE) : CInt(MSG_DONTWAIT))
        // An error is what the network said to something that was sent earlier.
        count = max(0, Int(taken))
        return count
    }

    /// The bytes of datagram `index`, to be changed in place. At most 1,280: a longer one is cut,
    /// and is longer than any of ours either way.
    public func bytes(_ index: Int) -> UnsafeMutableRawBufferPointer {
        precondition(index < count, "no such datagram")
        let length = unsafe min(Int(received.headers[index].length), DatagramVectors.slotBytes)
        return unsafe UnsafeMutableRawBufferPointer(rebasing: received.buffer(index)[..<length])
    }

    /// Who sent datagram `index`.
    public func source(_ index: Int) -> Endpoint {
        precondition(index < count, "no such datagram")
        let address = unsafe received.addresses[index]
        if address.sin6_family == sa_family_t(AF_INET6) { return Endpoint(address) }
        return unsafe UnsafeRawPointer(received.addresses + index)
            .withMemoryRebound(to: sockaddr_in.self, capacity: 1) { unsafe Endpoint($0.pointee) }
    }

    /// Sends datagram `index`, as it is when `flush` comes, to `destination`.
    ///
    /// - Parameter key: the same for all datagrams to this destination, and for no others.
    public mutating func forward(_ index: Int, to destination: Endpoint, key: Int32) {
        precondition(index < count && queuedCount < received.slots, "no such datagram")
        let length = unsafe Int32(received.headers[index].length)
        let number = Int32(queuedCount)
        queued[queuedCount] = Queued(slot: Int32(index), next: -1, length: length)
        queuedCount += 1
        let place = Int(truncatingIfNeeded: key) & (open.count - 1)
        let entry = open[place]
        if usesSegments, entry.turn == turn, entry.key == key,
            join(number, length, Int(entry.train))
        {
            return
        }
        trains[trainCount] = Train(
            first: number, last: number, count: 1, segmentBytes: length, bytes: length,
            isClosed: false)
        unsafe outgoing.addresses[trainCount] = destination.socketAddress6
        open[place] = OpenTrain(key: key, train: Int32(trainCount), turn: turn)
        trainCount += 1
    }

    private mutating func join(_ number: Int32, _ length: Int32, _ train: Int) -> Bool {
        guard !trains[train].isClosed, length <= trains[train].segmentBytes,
            Int(trains[train].bytes + length) <= Self.trainBytes
        else { return false }
        queued[Int(trains[train].last)].next = number
        trains[train].last = number
        trains[train].count += 1
        trains[train].bytes += length
        trains[train].isClosed = length < trains[train].segmentBytes
        return true
    }

    /// Hands everything to the kernel.
    public mutating func flush(through socket: borrowing UDPSocket) {
        guard trainCount > 0 else { return }
        layOut(isDualStack: socket.isDualStack)
        let number = socket.descriptor.number
        var next = 0
        while next < trainCount {
            let taken = unsafe vc_sendmmsg(
                number, outgoing.headers + next, CUnsignedInt(trainCount - next),
                CInt(MSG_DONTWAIT))
            if taken > 0 {
                for train in next..<next + Int(taken) { countSent(train) }
                next += Int(taken)
                continue
            }
            let code = errno
            if code == EINTR { continue }
            if code == EAGAIN {
                for train in next..<trainCount { dropped += UInt64(trains[train].count) }
                break
            }
            // sendmmsg reports an error only for the first message of the call.
            if trains[next].count > 1 {
                sendSingly(next, number)
            } else {
                refused += 1
            }
            next += 1
        }
        queuedCount = 0
        trainCount = 0
        turn &+= 1
    }

    private mutating func countSent(_ train: Int) {
        let count = UInt64(trains[train].count)
        sent += count
        joined += count - 1
    }

    /// Fills the vectors: the datagrams of a train stand one after the other.
    private func layOut(isDualStack: Bool) {
        var vector = 0
        for train in 0..<trainCount {
            let first = vector
            var number = trains[train].first
            while number >= 0 {
                let entry = queued[Int(number)]
                unsafe outgoing.vectors[vector].iov_base =
                    received.buffers + Int(entry.slot) * DatagramVectors.slotBytes
                unsafe outgoing.vectors[vector].iov_len = Int(entry.length)
                vector += 1
                number = entry.next
            }
            outgoing.prepare(
                train, vectors: first..<vector, segmentBytes: Int(trains[train].segmentBytes),
                isDualStack: isDualStack)
        }
    }

    /// A train that the kernel refuses: perhaps this way out cannot cut it (EIO), or one of its
    /// datagrams is longer than the path allows.
    private mutating func sendSingly(_ train: Int, _ number: CInt) {
        if errno == EIO { usesSegments = false }
        let count = Int(trains[train].count)
        let first = unsafe outgoing.headers[train].header.msg_iov
        unsafe outgoing.headers[train].header.msg_control = nil
        unsafe outgoing.headers[train].header.msg_controllen = 0
        unsafe outgoing.headers[train].header.msg_iovlen = 1
        for index in 0..<count {
            unsafe outgoing.headers[train].header.msg_iov = first.map { unsafe $0 + index }
            if unsafe vc_sendmmsg(number, outgoing.headers + train, 1, CInt(MSG_DONTWAIT)) == 1 {
                sent += 1
            } else {
                refused += 1
            }
        }
    }
}
