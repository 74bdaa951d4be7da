internal import VCCore

/// Cuts a stream of bytes into datagrams, each behind its length (2 bytes, big-endian). Works in
/// one buffer that is allocated once.
///
///     space -> the socket writes there -> commit -> next, next, … nil -> space -> …
@safe public struct StreamFramer: ~Copyable {
    /// The stream is none of ours: a length of 0, or above `Limits.datagram`.
    public struct BadLength: Error, Equatable, Sendable {
        public let length: Int
    }

    /// Bytes before each datagram.
    public static let headerBytes = 2
    /// The most that one datagram takes in the stream.
    public static let largestFrame = headerBytes + Limits.datagram
    /// About thirty voice packets per system call, and always room for a whole frame.
    private static let capacity = 4_096

    private let buffer: UnsafeMutableRawPointer
    /// Where the next frame starts.
    private var start = 0
    /// Where the received bytes end.
    private var end = 0

    public init() {
        unsafe buffer = .allocate(byteCount: Self.capacity, alignment: 16)
    }

    /// Memory for the bytes that come next, never empty once `next` has given nil. What `next` gave
    /// before is not valid any more.
    public mutating func space() -> UnsafeMutableRawBufferPointer {
        if start == end {
            start = 0
            end = 0
        } else if Self.capacity - start < Self.largestFrame {
            unsafe buffer.copyMemory(from: buffer + start, byteCount: end - start)
            end -= start
            start = 0
        }
        return unsafe UnsafeMutableRawBufferPointer(
            start: buffer + end, count: Self.capacity - end)
    }

    /// The first `count` bytes of `space` were received.
    public mutating func commit(_ count: Int) {
        precondition(count >= 0 && count <= Self.capacity - end, "more than there was space for")
        end += count
    }

    /// The next whole datagram, to be read or opened in place until `space` is called; nil when
    /// more bytes have to come first.
    public mutating func next() throws(BadLength) -> UnsafeMutableRawBufferPointer? {
        let available = end - start
        guard available >= Self.headerBytes else { return nil }
        let length = Int(
            UInt16(bigEndian: unsafe buffer.loadUnaligned(fromByteOffset: start, as: UInt16.self)))
        guard length >= 1, length <= Limits.datagram else { throw BadLength(length: length) }
        guard available >= Self.headerBytes + length else { return nil }
        let datagram = unsafe UnsafeMutableRawBufferPointer(
            start: buffer + start + Self.headerBytes, count: length)
        start += Self.headerBytes + length
        return unsafe datagram
    }

    deinit {
        unsafe buffer.deallocate()
    }
}
