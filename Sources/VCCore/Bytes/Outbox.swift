/// A datagram that a server sends; its bytes went elsewhere.
public struct OutgoingDatagram: Equatable, Sendable {
    public let destination: Endpoint
    /// Which of the server's own addresses it has to come from; nil leaves that to the kernel.
    public let source: Endpoint?
    /// In bytes.
    public let count: Int
    /// Whether it leaves by the second port.
    public let fromSecondPort: Bool

    public init(
        destination: Endpoint, source: Endpoint? = nil, count: Int, fromSecondPort: Bool = false
    ) {
        self.destination = destination
        self.source = source
        self.count = count
        self.fromSecondPort = fromSecondPort
    }
}

/// Datagrams of a server that wait for its shell, in memory that is allocated once.
@safe public struct Outbox: ~Copyable {
    /// One input causes at most one output, so this is a whole receive batch and as much again.
    static let capacity = 64

    private let memory: UnsafeMutableRawBufferPointer
    private var entries: [OutgoingDatagram]
    private var head = 0
    public private(set) var count = 0

    public init() {
        unsafe memory = .allocate(byteCount: Self.capacity * Limits.datagram, alignment: 16)
        unsafe memory.initializeMemory(as: UInt8.self, repeating: 0)
        entries = Array(
            repeating: OutgoingDatagram(
                destination: Endpoint(high: 0, low: 0, port: 0), count: 0),
            count: Self.capacity)
    }

    /// Adds what `write` writes.
    ///
    /// - Returns: its size, or nil when there is no room.
    public mutating func append(
        to destination: Endpoint, from source: Endpoint? = nil, fromSecondPort: Bool = false,
        _ write: (inout ByteWriter) -> Void
    ) -> Int? {
        guard count < Self.capacity else { return nil }
        let index = (head + count) % Self.capacity
        var writer = unsafe ByteWriter(slot(index).mutableBytes)
        write(&writer)
        precondition(!writer.overflowed, "our own messages fit into a datagram")
        entries[index] = OutgoingDatagram(
            destination: destination, source: source, count: writer.count,
            fromSecondPort: fromSecondPort)
        count += 1
        return writer.count
    }

    /// Takes the oldest one.
    public mutating func pop(into writer: inout ByteWriter) -> OutgoingDatagram? {
        guard count > 0 else { return nil }
        let entry = entries[head]
        let bytes = unsafe UnsafeRawBufferPointer(rebasing: slot(head)[..<entry.count])
        unsafe writer.write(bytes: bytes.bytes)
        head = (head + 1) % Self.capacity
        count -= 1
        return entry
    }

    private func slot(_ index: Int) -> UnsafeMutableRawBufferPointer {
        let start = index * Limits.datagram
        return unsafe UnsafeMutableRawBufferPointer(
            rebasing: memory[start..<start + Limits.datagram])
    }

    deinit {
        unsafe memory.deallocate()
    }
}
