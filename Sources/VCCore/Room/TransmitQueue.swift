/// Datagrams that wait for the socket, in memory that is allocated once. When it is full a datagram
/// is dropped and counted: everything in it is repeated by its owner.
@safe struct TransmitQueue: ~Copyable {
    static let capacity = 64

    private let storage: UnsafeMutableRawBufferPointer
    private var sizes: [TransmitQueue.capacity of Int] = .init(repeating: 0)
    private var destinations: [TransmitQueue.capacity of Endpoint] = .init(
        repeating: Endpoint(high: 0, low: 0, port: 0))
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

    /// Adds a datagram that `body` makes in place: it returns the size, or nil to add nothing.
    mutating func push(
        to destination: Endpoint, _ body: (UnsafeMutableRawBufferPointer) -> Int?
    ) {
        guard count < TransmitQueue.capacity else {
            dropped += 1
            return
        }
        let slot = (head + count) % TransmitQueue.capacity
        guard let size = unsafe body(buffer(slot)) else { return }
        sizes[slot] = size
        destinations[slot] = destination
        count += 1
    }

    /// Adds a copy of `bytes`.
    mutating func push(_ bytes: RawSpan, to destination: Endpoint) {
        guard bytes.byteCount <= Limits.datagram else { return }
        push(to: destination) { buffer in
            unsafe bytes.withUnsafeBytes { unsafe buffer.copyMemory(from: $0) }
            return bytes.byteCount
        }
    }

    /// Moves the oldest datagram into `target`, which has room for `Limits.datagram` bytes.
    @unsafe mutating func pop(into target: UnsafeMutableRawBufferPointer) -> (Endpoint, Int)? {
        guard count > 0 else { return nil }
        let size = sizes[head]
        unsafe target.copyMemory(
            from: UnsafeRawBufferPointer(rebasing: buffer(head)[..<size]))
        defer {
            head = (head + 1) % TransmitQueue.capacity
            count -= 1
        }
        return (destinations[head], size)
    }

    @unsafe private func buffer(_ slot: Int) -> UnsafeMutableRawBufferPointer {
        let start = slot * Limits.datagram
        return unsafe UnsafeMutableRawBufferPointer(
            rebasing: storage[start..<start + Limits.datagram])
    }
}
