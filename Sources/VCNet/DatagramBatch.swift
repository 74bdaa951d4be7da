internal import CVCLinux
internal import Glibc
public import VCCore

/// The vectors that recvmmsg and sendmmsg work on, allocated once: one buffer, address, iovec and
/// header per datagram. Nothing is allocated per packet.
@safe struct DatagramVectors: ~Copyable {
    /// Above `Limits.datagram`, so that a datagram that is too long is seen to be.
    static let slotBytes = 1_280

    let slots: Int
    let buffers: UnsafeMutableRawPointer
    let addresses: UnsafeMutablePointer<sockaddr_in6>
    let vectors: UnsafeMutablePointer<iovec>
    let headers: UnsafeMutablePointer<vc_mmsghdr>

    init(slots: Int) {
        precondition(slots > 0, "a batch holds at least one datagram")
        self.slots = slots
        unsafe buffers = .allocate(byteCount: slots * Self.slotBytes, alignment: 64)
        unsafe buffers.initializeMemory(
            as: UInt8.self, repeating: 0, count: slots * Self.slotBytes)
        unsafe addresses = .allocate(capacity: slots)
        unsafe addresses.initialize(repeating: sockaddr_in6(), count: slots)
        unsafe vectors = .allocate(capacity: slots)
        unsafe headers = .allocate(capacity: slots)
        for slot in 0..<slots {
            let buffer = unsafe buffers + slot * Self.slotBytes
            unsafe (vectors + slot).initialize(
                to: iovec(iov_base: buffer, iov_len: Self.slotBytes))
            var header = unsafe vc_mmsghdr()
            unsafe header.header.msg_iov = vectors + slot
            unsafe header.header.msg_iovlen = 1
            unsafe header.header.msg_name = UnsafeMutableRawPointer(addresses + slot)
            unsafe header.header.msg_namelen = socklen_t(MemoryLayout<sockaddr_in6>.size)
            unsafe (headers + slot).initialize(to: header)
        }
    }

    func buffer(_ slot: Int) -> UnsafeMutableRawBufferPointer {
        precondition(slot >= 0 && slot < slots, "no such datagram")
        return unsafe UnsafeMutableRawBufferPointer(
            start: buffers + slot * Self.slotBytes, count: Self.slotBytes)
    }

    deinit {
        unsafe headers.deallocate()
        unsafe vectors.deallocate()
        unsafe addresses.deallocate()
        unsafe buffers.deallocate()
    }
}

/// Datagrams as they come from a socket, many per system call.
public struct ReceiveBatch: ~Copyable {
    private let vectors: DatagramVectors
    /// How many datagrams the last `receive` brought.
    public private(set) var count = 0
    /// Rises when the kernel reports an error on receiving, such as an ICMP message for something
    /// that was sent earlier; per received datagram.
    public private(set) var errors: UInt64 = 0

    /// - Parameter slots: datagrams per system call.
    public init(slots: Int = 32) {
        vectors = DatagramVectors(slots: slots)
    }

    /// Whether the last `receive` filled every slot, so that more may be waiting.
    public var isFull: Bool { count == vectors.slots }

    /// Takes what is waiting at `socket`, 0 when nothing is. An error that the network caused is
    /// counted and is no reason to stop.
    @discardableResult
    public mutating func receive(from socket: borrowing UDPSocket) -> Int {
        // The kernel shortened these to the size of the address it wrote.
        var slot = 0
        while slot < count {
            unsafe vectors.headers[slot].header.msg_namelen =
                socklen_t(MemoryLayout<sockaddr_in6>.size)
            slot += 1
        }
        count = 0
        let number = socket.descriptor.number
        do throws(SystemError) {
            let received = try attempt("recvmmsg") {
                unsafe vc_recvmmsg(
                    number, vectors.headers, CUnsignedInt(vectors.slots),
                    CInt(MSG_DONTWAIT))
            }
            count = Int(received ?? 0)
        } catch {
            errors += 1
        }
        return count
    }

    /// The bytes of datagram `index`, to be read or opened in place. At most 1,280: a longer one
    /// is cut, and is longer than any of ours either way.
    public func bytes(_ index: Int) -> UnsafeMutableRawBufferPointer {
        precondition(index < count, "no such datagram")
        let length = unsafe min(Int(vectors.headers[index].length), DatagramVectors.slotBytes)
        return unsafe UnsafeMutableRawBufferPointer(rebasing: vectors.buffer(index)[..<length])
    }

    /// Who sent datagram `index`.
    public func source(_ index: Int) -> Endpoint {
        precondition(index < count, "no such datagram")
        return unsafe UnsafeMutableRawPointer(vectors.addresses + index)
            .withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe Endpoint($0) }
            ?? .anyAddress(port: 0)
    }
}

/// Datagrams on their way to a socket, many per system call. What the network refuses is counted
/// and left; what does not fit the kernel's buffer is dropped, because late voice is worse than
/// lost voice.
public struct SendBatch: ~Copyable {
    private let vectors: DatagramVectors
    /// How many datagrams are committed and not flushed.
    public private(set) var count = 0
    /// Datagrams that the kernel took.
    public private(set) var sent: UInt64 = 0
    /// Datagrams refused by the kernel: unreachable, prohibited, no address of that family. Per
    /// `sent`.
    public private(set) var refused: UInt64 = 0
    /// Datagrams dropped because the send buffer was full. Per `sent`.
    public private(set) var dropped: UInt64 = 0

    /// - Parameter slots: datagrams per system call.
    public init(slots: Int = 32) {
        vectors = DatagramVectors(slots: slots)
    }

    /// Whether `flush` has to come before the next `reserve`.
    public var isFull: Bool { count == vectors.slots }

    /// The memory of the next datagram, or nil when the batch is full. Nothing is taken until
    /// `commit`.
    public func reserve() -> UnsafeMutableRawBufferPointer? {
        isFull ? nil : unsafe vectors.buffer(count)
    }

    /// Takes the first `length` bytes of what `reserve` gave as a datagram to `destination`.
    public mutating func commit(_ length: Int, to destination: Endpoint) {
        precondition(!isFull, "commit without reserve")
        precondition(length >= 0 && length <= DatagramVectors.slotBytes, "longer than its slot")
        unsafe vectors.vectors[count].iov_len = length
        unsafe vectors.addresses[count] = destination.socketAddress6
        count += 1
    }

    /// Hands everything to the kernel.
    public mutating func flush(through socket: borrowing UDPSocket) {
        guard count > 0 else { return }
        if !socket.isDualStack { useIPv4Addresses() }
        let number = socket.descriptor.number
        var next = 0
        while next < count {
            do throws(SystemError) {
                let taken = try attempt("sendmmsg") {
                    unsafe vc_sendmmsg(
                        number, vectors.headers + next, CUnsignedInt(count - next),
                        CInt(MSG_DONTWAIT))
                }
                guard let taken, taken > 0 else {
                    dropped += UInt64(count - next)
                    break
                }
                sent += UInt64(taken)
                next += Int(taken)
            } catch {
                // sendmmsg reports an error only for the first datagram of the call.
                refused += 1
                next += 1
            }
        }
        count = 0
    }

    /// Rewrites the addresses for an AF_INET socket; the kernel refuses those that are IPv6.
    private func useIPv4Addresses() {
        for slot in 0..<count {
            let mapped = unsafe vectors.addresses[slot]
            let address = unsafe UnsafeMutableRawPointer(vectors.addresses + slot)
            if let plain = Endpoint(mapped).socketAddress4 {
                unsafe address.storeBytes(of: plain, as: sockaddr_in.self)
                unsafe vectors.headers[slot].header.msg_namelen =
                    socklen_t(MemoryLayout<sockaddr_in>.size)
            } else {
                unsafe vectors.headers[slot].header.msg_namelen =
                    socklen_t(MemoryLayout<sockaddr_in6>.size)
            }
        }
    }
}
