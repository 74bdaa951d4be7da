/// Datagrams that wait for the socket, in memory that is allocated once. When it is full a datagram
/// is dropped and counted: everything in it is repeated by its owner.
@safe struct TransmitQueue: ~Copyable {
    static let capacity = 64

    private let storage: UnsafeMutableRawBufferPointer
    private var sizes: [64 of Int] = .init(repeating: 0)
    private var destinations: [64 of Endpoint] = .init(
        repeating: Endpoint(high: 0, low: 0, port: 0))
    private var hops: [64 of UInt8] = .init(repeating: 0)
    private var head = 0
    private(set) var count = 0
    /// Datagrams that found no place. Rises only when a shell does not drain the queue.
    private(set) var dropped: UInt64 = 0

    init() {
        unsafe storage = .allocate(
            byteCount: TransmitQueue.capacity * Limits.datagram, alignment: 16)
    }

    deinit {
        unsafe storage.deallocate()
    }

    /// The memory of the next datagram, to be made in place and committed; nil when full.
    @unsafe mutating func reserve() -> UnsafeMutableRawBufferPointer? {
        guard count < TransmitQueue.capacity else {
            dropped += 1
            return nil
        }
        return unsafe buffer((head + count) % TransmitQueue.capacity)
    }

    /// Queues what was made in the reserved memory; `hops` is its time to live, 0 the usual one.
    mutating func commit(_ size: Int, to destination: Endpoint, hops: UInt8 = 0) {
        precondition(count < TransmitQueue.capacity && size <= Limits.datagram)
        let slot = (head + count) % TransmitQueue.capacity
        sizes[slot] = size
        destinations[slot] = destination
        self.hops[slot] = hops
        count += 1
    }

    /// Adds a copy of `bytes`.
    mutating func push(_ bytes: RawSpan, to destination: Endpoint) {
        guard bytes.byteCount <= Limits.datagram, let buffer = unsafe reserve() else { return }
        unsafe bytes.withUnsafeBytes { unsafe buffer.copyMemory(from: $0) }
        commit(bytes.byteCount, to: destination)
    }

    /// Moves the oldest datagram into `target`, which has room for `Limits.datagram` bytes.
    @unsafe mutating func pop(into target: UnsafeMutableRawBufferPointer) -> Transmit? {
        guard count > 0 else { return nil }
        let size = sizes[head]
        unsafe target.copyMemory(
            from: UnsafeRawBufferPointer(rebasing: buffer(head)[..<size]))
        defer {
            head = (head + 1) % TransmitQueue.capacity
            count -= 1
        }
        return Transmit(
            destination: destinations[head], size: size, hops: hops[head] == 0 ? nil : hops[head])
    }

    @unsafe private func buffer(_ slot: Int) -> UnsafeMutableRawBufferPointer {
        let start = slot * Limits.datagram
        return unsafe UnsafeMutableRawBufferPointer(
            rebasing: storage[start..<start + Limits.datagram])
    }
}

/// A datagram on its way out of a machine.
public struct Transmit: Equatable, Sendable, BitwiseCopyable {
    public let destination: Endpoint
    /// In bytes.
    public let size: Int
    /// The time to live (hop limit) it must have; nil is the system's usual one.
    public let hops: UInt8?

    public init(destination: Endpoint, size: Int, hops: UInt8? = nil) {
        self.destination = destination
        self.size = size
        self.hops = hops
    }
}
