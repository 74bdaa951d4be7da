/// How much the host forwards from each member to each other one, so that nobody spends its upload:
/// voice of the shortest frames, and not much more. In memory that is allocated once.
@safe struct ForwardAllowance: ~Copyable {
    /// Packets a second from one member to another.
    static let packetsPerSecond = 250.0
    /// 600 kbit/s.
    static let bytesPerSecond = 75_000.0

    private struct Bucket {
        var packets = ForwardAllowance.packetsPerSecond
        var bytes = ForwardAllowance.bytesPerSecond
        var filled = Instant.zero
    }

    private static let width = Limits.members + 1
    private let buckets: UnsafeMutablePointer<Bucket>

    init() {
        let count = ForwardAllowance.width * ForwardAllowance.width
        unsafe buckets = .allocate(capacity: count)
        unsafe buckets.initialize(repeating: Bucket(), count: count)
    }

    deinit {
        unsafe buckets.deallocate()
    }

    /// Whether a packet of `size` bytes may go from one number to another; each has a full second's
    /// worth at once.
    mutating func take(from sender: Int, to target: Int, size: Int, now: Instant) -> Bool {
        precondition((1...Limits.members).contains(sender))
        precondition((1...Limits.members).contains(target))
        let bucket = unsafe buckets + (sender * ForwardAllowance.width + target)
        let elapsed = unsafe max(0, (now - bucket.pointee.filled).inMilliseconds / 1_000)
        let packets = unsafe bucket.pointee.packets + elapsed * ForwardAllowance.packetsPerSecond
        let bytes = unsafe bucket.pointee.bytes + elapsed * ForwardAllowance.bytesPerSecond
        unsafe bucket.pointee.packets = min(packets, ForwardAllowance.packetsPerSecond)
        unsafe bucket.pointee.bytes = min(bytes, ForwardAllowance.bytesPerSecond)
        unsafe bucket.pointee.filled = max(now, bucket.pointee.filled)
        guard unsafe bucket.pointee.packets >= 1, unsafe bucket.pointee.bytes >= Double(size) else {
            return false
        }
        unsafe bucket.pointee.packets -= 1
        unsafe bucket.pointee.bytes -= Double(size)
        return true
    }
}
