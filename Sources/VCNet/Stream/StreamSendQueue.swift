internal import VCCore

/// The datagrams of one connection that the kernel did not take yet, with their lengths, as the
/// bytes that go into the stream. Bounded: what does not fit is refused, because late voice is
/// worse than lost voice.
@safe struct StreamSendQueue: ~Copyable {
    /// 320 ms of voice at 10 ms a frame; more than that would be heard late.
    static let limit = 32

    private static let capacity = limit * StreamFramer.largestFrame

    /// Allocated when something has to wait for the first time: most connections never need it.
    private var buffer: UnsafeMutableRawPointer?
    /// Where the bytes that wait begin and end.
    private var head = 0
    private var tail = 0
    /// How many bytes of each datagram are left, oldest first, from `first` on in a ring.
    private var sizes = InlineArray<32, UInt16>(repeating: 0)
    private var first = 0
    /// Datagrams that wait, one of them perhaps in part.
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    /// The bytes to write next.
    var pending: UnsafeRawBufferPointer {
        guard let buffer = unsafe buffer else {
            return unsafe UnsafeRawBufferPointer(start: nil, count: 0)
        }
        return unsafe UnsafeRawBufferPointer(start: buffer + head, count: tail - head)
    }

    /// Takes a datagram, of whose frame the kernel has `alreadySent` bytes; false when full.
    mutating func append(_ datagram: UnsafeRawBufferPointer, alreadySent: Int = 0) -> Bool {
        let frame = StreamFramer.headerBytes + datagram.count
        guard count < Self.limit, alreadySent < frame, frame <= StreamFramer.largestFrame else {
            return false
        }
        let rest = frame - alreadySent
        let target = unsafe makeRoom(rest)
        var next = 0
        if alreadySent < 1 {
            unsafe target[next] = UInt8(truncatingIfNeeded: datagram.count >> 8)
            next += 1
        }
        if alreadySent < 2 {
            unsafe target[next] = UInt8(truncatingIfNeeded: datagram.count)
            next += 1
        }
        let from = max(0, alreadySent - StreamFramer.headerBytes)
        unsafe UnsafeMutableRawBufferPointer(rebasing: target[next...])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: datagram[from...]))
        tail += rest
        sizes[(first + count) % Self.limit] = UInt16(rest)
        count += 1
        return true
    }

    /// The kernel took the first `bytes` of what is pending.
    mutating func remove(_ bytes: Int) {
        precondition(bytes >= 0 && bytes <= tail - head, "more than was pending")
        head += bytes
        var left = bytes
        while count > 0, left > 0 {
            let size = Int(sizes[first])
            guard left >= size else {
                sizes[first] = UInt16(size - left)
                break
            }
            left -= size
            first = (first + 1) % Self.limit
            count -= 1
        }
        if head == tail {
            head = 0
            tail = 0
        }
    }

    /// Memory for `bytes` more behind those that wait.
    private mutating func makeRoom(_ bytes: Int) -> UnsafeMutableRawBufferPointer {
        let memory =
            unsafe buffer ?? .allocate(byteCount: Self.capacity, alignment: 16)
        unsafe buffer = memory
        if Self.capacity - tail < bytes {
            unsafe memory.copyMemory(from: memory + head, byteCount: tail - head)
            tail -= head
            head = 0
        }
        return unsafe UnsafeMutableRawBufferPointer(start: memory + tail, count: bytes)
    }

    deinit {
        unsafe buffer?.deallocate()
    }
}
