/// The sending half of the reliable stream: cuts messages into segments, keeps them until the other
/// side has them in order, and sends again what is lost.
struct StreamSender {
    /// Segments under way at most; the acknowledgement's bits cover one more than that.
    static let window = 64
    /// Bytes that wait for the other side at most: over an hour of typing.
    static let maximumQueuedBytes = 1 << 20
    /// Acknowledged segments above a hole after which it is sent again at once (RFC 5681's three).
    private static let reorderThreshold = 3

    private struct Segment {
        let flags: UInt8
        let message: UInt64
        let payload: [UInt8]
        var sentAt: Instant?
        var sends = 0
        var isReceived = false
        var isDue = false
    }

    /// Segments from `firstSequence` on; the first is the oldest without acknowledgement.
    private var segments: [Segment] = []
    private var firstSequence: UInt32 = 0
    private var queuedBytes = 0
    private var timer = RetransmissionTimer()
    private var deadline: Instant?
    private var delivered: [UInt64] = []

    /// Whether everything was acknowledged.
    var isIdle: Bool { segments.isEmpty }

    /// The messages that are not acknowledged, oldest first.
    var undelivered: [UInt64] {
        segments.filter { $0.flags & StreamPacket.isLast != 0 }.map(\.message)
    }

    /// Queues a message. False when too much waits already: nothing was queued then.
    mutating func queue(_ bytes: [UInt8], message: UInt64) -> Bool {
        guard queuedBytes + bytes.count <= StreamSender.maximumQueuedBytes else { return false }
        queuedBytes += bytes.count
        var start = 0
        repeat {
            let end = min(start + StreamPacket.maximumPayload, bytes.count)
            segments.append(
                Segment(
                    flags: end == bytes.count ? StreamPacket.isLast : 0, message: message,
                    payload: Array(bytes[start..<end])))
            start = end
        } while start < bytes.count
        return true
    }

    /// The next segment that should go out now, marked as sent.
    mutating func next(now: Instant) -> (sequence: UInt32, flags: UInt8, payload: [UInt8])? {
        for index in segments.indices.prefix(StreamSender.window) {
            guard !segments[index].isReceived, segments[index].sends == 0 || segments[index].isDue
            else { continue }
            segments[index].isDue = false
            segments[index].sends += 1
            segments[index].sentAt = now
            if deadline == nil { deadline = now + timer.timeout }
            return (
                firstSequence &+ UInt32(index), segments[index].flags, segments[index].payload
            )
        }
        return nil
    }

    /// Whether `next` would return a segment.
    var hasWork: Bool {
        segments.prefix(StreamSender.window).contains {
            !$0.isReceived && ($0.sends == 0 || $0.isDue)
        }
    }

    mutating func handle(_ acknowledgement: StreamPacket.Acknowledgement, now: Instant) {
        let advance = Int(acknowledgement.nextExpected &- firstSequence)
        let sent = segments.prefix(StreamSender.window).prefix { $0.sends > 0 }.count
        // An old acknowledgement wraps to a huge number here and is dropped with the impossible.
        guard advance <= sent else { return }
        let later = (0..<64).filter { acknowledgement.later & (1 << UInt64($0)) != 0 }
            .map { advance + 1 + $0 }.filter { $0 < sent }
        let news = (Array(0..<advance) + later).filter { !segments[$0].isReceived }
        measure(news, now: now)
        for index in news { segments[index].isReceived = true }
        removeFirst(advance)
        resendHoles()
        guard advance > 0 else { return }
        timer.restoreTimeout()
        deadline = segments.contains { $0.sends > 0 } ? now + timer.timeout : nil
    }

    mutating func handleTimeout(now: Instant) {
        guard let due = deadline, now >= due else { return }
        // Only the oldest hole is sent again: its acknowledgement tells about the others.
        if let index = segments.indices.first(where: {
            segments[$0].sends > 0 && !segments[$0].isReceived
        }) {
            segments[index].isDue = true
            timer.backOff()
            deadline = now + timer.timeout
        } else {
            deadline = nil
        }
    }

    /// A path is back after an outage: everything under way goes out again at once.
    mutating func pathReturned(now: Instant) {
        for index in segments.indices where segments[index].sends > 0 {
            segments[index].isDue = !segments[index].isReceived
        }
        timer.restoreTimeout()
        if deadline != nil { deadline = now + timer.timeout }
    }

    var timeout: Instant? { deadline }

    /// The next message whose last segment the other side has in order.
    mutating func pollDelivered() -> UInt64? {
        delivered.isEmpty ? nil : delivered.removeFirst()
    }

    /// Takes the round trip of what was sent last of `news`: the acknowledgement of the others may
    /// have been lost, or have waited for a hole to be filled.
    private mutating func measure(_ news: [Int], now: Instant) {
        // Karn: an acknowledgement of what was sent twice says nothing about the round trip.
        guard news.allSatisfy({ segments[$0].sends == 1 }),
            let sentAt = news.compactMap({ segments[$0].sentAt }).max()
        else { return }
        timer.measured(now - sentAt)
    }

    private mutating func removeFirst(_ count: Int) {
        for segment in segments.prefix(count) {
            queuedBytes -= segment.payload.count
            if segment.flags & StreamPacket.isLast != 0 { delivered.append(segment.message) }
        }
        segments.removeFirst(count)
        firstSequence &+= UInt32(count)
    }

    private mutating func resendHoles() {
        var later = 0
        for index in segments.indices.prefix(StreamSender.window).reversed() {
            if segments[index].isReceived {
                later += 1
            } else if later >= StreamSender.reorderThreshold, segments[index].sends == 1 {
                segments[index].isDue = true
            }
        }
    }
}
