internal import CVCLinux
internal import Glibc
public import VCCore

/// The vectors that recvmmsg and sendmmsg work on, allocated once: one buffer, address, iovec and
/// header per datagram. Nothing is allocated per packet.
@safe struct DatagramVectors: ~Copyable {
    /// Above `Limits.datagram`, so that a datagram that is too long is seen to be.
    static let slotBytes = 1_280
    private static let controlBytes = Int(VC_PACKET_INFO_BYTES)

    let slots: Int
    let buffers: UnsafeMutableRawPointer
    let addresses: UnsafeMutablePointer<sockaddr_in6>
    let vectors: UnsafeMutablePointer<iovec>
    let headers: UnsafeMutablePointer<vc_mmsghdr>
    /// Where local addresses come and go; nil where nobody asks for them.
    let controls: UnsafeMutableRawPointer?

    init(slots: Int, hasLocalAddresses: Bool = false) {
        precondition(slots > 0, "a batch holds at least one datagram")
        self.slots = slots
        unsafe buffers = .allocate(byteCount: slots * Self.slotBytes, alignment: 64)
        unsafe buffers.initializeMemory(
            as: UInt8.self, repeating: 0, count: slots * Self.slotBytes)
        unsafe addresses = .allocate(capacity: slots)
        unsafe addresses.initialize(repeating: sockaddr_in6(), count: slots)
        unsafe vectors = .allocate(capacity: slots)
        unsafe headers = .allocate(capacity: slots)
        unsafe controls =
            hasLocalAddresses
            ? .allocate(byteCount: slots * Self.controlBytes, alignment: 16) : nil
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

    /// Makes room for the local address that the kernel will tell, if somebody asks for it.
    func expectLocalAddress(_ slot: Int) {
        guard let controls = unsafe controls else { return }
        unsafe headers[slot].header.msg_control = controls + slot * Self.controlBytes
        unsafe headers[slot].header.msg_controllen = Self.controlBytes
    }

    /// The local address that datagram `slot` came to, with port 0.
    func localAddress(_ slot: Int) -> Endpoint? {
        guard unsafe controls != nil else { return nil }
        var words: (UInt64, UInt64) = (0, 0)
        let isThere = unsafe withUnsafeMutableBytes(of: &words) { words in
            unsafe vc_packet_destination(
                &headers[slot].header, words.baseAddress?.assumingMemoryBound(to: UInt8.self))
        }
        guard isThere == 1 else { return nil }
        return Endpoint(high: UInt64(bigEndian: words.0), low: UInt64(bigEndian: words.1), port: 0)
    }

    /// Has datagram `slot` leave from the address of `local`; nil leaves that to the kernel.
    func setLocalAddress(_ slot: Int, _ local: Endpoint?, isDualStack: Bool) {
        guard let controls = unsafe controls, let local else {
            unsafe headers[slot].header.msg_control = nil
            unsafe headers[slot].header.msg_controllen = 0
            return
        }
        let words = (local.high.bigEndian, local.low.bigEndian)
        unsafe withUnsafeBytes(of: words) { words in
            unsafe vc_set_packet_source(
                &headers[slot].header, controls + slot * Self.controlBytes,
                words.baseAddress?.assumingMemoryBound(to: UInt8.self), isDualStack ? 1 : 0)
        }
    }

    deinit {
        unsafe controls?.deallocate()
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

    /// - Parameters:
    ///   - slots: datagrams per system call.
    ///   - readsDestinations: whether `destination` tells something, of sockets that report it.
    public init(slots: Int = 32, readsDestinations: Bool = false) {
        vectors = DatagramVectors(slots: slots, hasLocalAddresses: readsDestinations)
        for slot in 0..<slots { vectors.expectLocalAddress(slot) }
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
            vectors.expectLocalAddress(slot)
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

    /// At which of this machine's addresses datagram `index` came in, with port 0. Nil unless both
    /// the socket and the batch were made for that.
    public func destination(_ index: Int) -> Endpoint? {
        precondition(index < count, "no such datagram")
        return vectors.localAddress(index)
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

    /// The local address of each datagram; empty where none is ever chosen.
    private var sources: [Endpoint?] = []

    /// - Parameters:
    ///   - slots: datagrams per system call.
    ///   - choosesSources: whether `commit` may be given a local address.
    public init(slots: Int = 32, choosesSources: Bool = false) {
        vectors = DatagramVectors(slots: slots, hasLocalAddresses: choosesSources)
        if choosesSources { sources = Array(repeating: nil, count: slots) }
    }

    /// Whether `flush` has to come before the next `reserve`.
    public var isFull: Bool { count == vectors.slots }

    /// The memory of the next datagram, or nil when the batch is full. Nothing is taken until
    /// `commit`.
    public func reserve() -> UnsafeMutableRawBufferPointer? {
        isFull ? nil : unsafe vectors.buffer(count)
    }

    /// Takes the first `length` bytes of what `reserve` gave as a datagram to `destination`.
    ///
    /// - Parameter source: the local address that it leaves from, whatever its port; nil leaves
    ///   that to the kernel.
    public mutating func commit(
        _ length: Int, to destination: Endpoint, from source: Endpoint? = nil
    ) {
        precondition(source == nil || !sources.isEmpty, "a batch that chooses no sources")
        if !sources.isEmpty { sources[count] = source }
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
        if !sources.isEmpty { useSources(isDualStack: socket.isDualStack) }
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

    private func useSources(isDualStack: Bool) {
        for slot in 0..<count {
            vectors.setLocalAddress(slot, sources[slot], isDualStack: isDualStack)
        }
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
