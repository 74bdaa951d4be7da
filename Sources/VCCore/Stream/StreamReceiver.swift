/// The receiving half of the reliable stream: puts segments into order, joins messages, and says
/// what it has.
struct StreamReceiver {
    private struct Segment {
        let flags: UInt8
        let payload: [UInt8]
    }

    private var nextExpected: UInt32 = 0
    /// What came early: slot n holds sequence nextExpected + n. Slot 0 is always empty.
    private var early: [Segment?] = Array(repeating: nil, count: StreamSender.window + 1)
    private var partial: [UInt8] = []
    private var messages: [[UInt8]] = []
    private(set) var owesAcknowledgement = false
    /// Whether a message went over the limit. Nothing is taken after it: a part of it is missing,
    /// and what follows must not be joined to the rest.
    private(set) var isBroken = false

    /// A segment. False when the other side broke the protocol: a message above the limit.
    mutating func handle(sequence: UInt32, flags: UInt8, payload: RawSpan, limit: Int) -> Bool {
        guard !isBroken else { return false }
        // Every segment is answered, also a repeated one: its acknowledgement was lost.
        owesAcknowledgement = true
        let distance = Int(sequence &- nextExpected)
        guard distance < early.count else { return true }
        let bytes = unsafe payload.withUnsafeBytes { unsafe Array($0) }
        if distance > 0 {
            early[distance] = early[distance] ?? Segment(flags: flags, payload: bytes)
            return true
        }
        guard append(Segment(flags: flags, payload: bytes), limit: limit) else { return false }
        while let segment = early[0] {
            guard append(segment, limit: limit) else { return false }
        }
        return true
    }

    /// What was received, and that it is said.
    mutating func acknowledge() -> StreamPacket.Acknowledgement {
        owesAcknowledgement = false
        var later: UInt64 = 0
        for index in 1..<early.count where early[index] != nil {
            later |= 1 << UInt64(index - 1)
        }
        return StreamPacket.Acknowledgement(nextExpected: nextExpected, later: later)
    }

    /// The next whole message, in the order in which it was sent.
    mutating func pollMessage() -> [UInt8]? {
        messages.isEmpty ? nil : messages.removeFirst()
    }

    private mutating func append(_ segment: Segment, limit: Int) -> Bool {
        nextExpected &+= 1
        early.removeFirst()
        early.append(nil)
        guard partial.count + segment.payload.count <= limit else {
            isBroken = true
            owesAcknowledgement = false
            partial = []
            return false
        }
        partial += segment.payload
        if segment.flags & StreamPacket.isLast != 0 {
            messages.append(partial)
            partial = []
        }
        return true
    }
}
