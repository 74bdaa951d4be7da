internal import VCCore

/// Coded frames that wait for their time, by sequence; and which sequences were seen lately.
@safe
struct FrameStore: ~Copyable, @unchecked Sendable {
    /// Sequences that are held at once, a power of two: 1.28 s of 10 ms frames.
    static let capacity = 128

    struct Entry: BitwiseCopyable {
        /// The sequence that was seen last in this place, or -1.
        var sequence = -1
        /// Whether its payload still waits.
        var isWaiting = false
        /// Whether it came behind a later frame, and not yet in a packet of its own.
        var isCopy = false
        var isStartOfTalkSpurt = false
        var isEndOfTalkSpurt = false
        /// The time stamp of the first sample.
        var timestamp = 0
        /// Samples of the frame.
        var duration = 0
        /// When it arrived, in samples on the receiver's clock.
        var arrival = 0
        var payloadCount = 0

        /// The time stamp behind the last sample.
        var end: Int { timestamp + duration }
    }

    private let entries: UnsafeMutablePointer<Entry>
    private let payloads: UnsafeMutableRawPointer
    /// The largest sequence that was put in since the last `removeAll`, or -1.
    private(set) var highest = -1
    /// How many frames wait.
    private(set) var waiting = 0

    init() {
        unsafe entries = UnsafeMutablePointer<Entry>.allocate(capacity: Self.capacity)
        unsafe entries.initialize(repeating: Entry(), count: Self.capacity)
        unsafe payloads = UnsafeMutableRawPointer.allocate(
            byteCount: Self.capacity * VoiceFrame.payloadLimit, alignment: 16)
    }

    deinit {
        unsafe entries.deallocate()
        unsafe payloads.deallocate()
    }

    /// Whether `sequence` was put in before.
    func hasSeen(_ sequence: Int) -> Bool {
        unsafe entries[Self.place(of: sequence)].sequence == sequence
    }

    /// Whether `sequence` was put in as a copy; asked again, it was not.
    mutating func takeCopyMark(of sequence: Int) -> Bool {
        let place = Self.place(of: sequence)
        guard unsafe entries[place].sequence == sequence, unsafe entries[place].isCopy else {
            return false
        }
        unsafe entries[place].isCopy = false
        return true
    }

    /// Remembers that `sequence` was seen, without a payload.
    mutating func markSeen(_ sequence: Int) {
        let place = Self.place(of: sequence)
        guard unsafe entries[place].sequence < sequence else { return }
        remove(at: place)
        unsafe entries[place].sequence = sequence
        unsafe entries[place].isCopy = false
    }

    /// Holds `entry` and a copy of its payload. A frame of another sequence in the same place is
    /// 128 older and gives way.
    mutating func insert(_ entry: Entry, payload: RawSpan) {
        forgetUnreachable(below: entry.sequence)
        let place = Self.place(of: entry.sequence)
        remove(at: place)
        unsafe entries[place] = entry
        unsafe entries[place].isWaiting = true
        unsafe entries[place].payloadCount = payload.byteCount
        unsafe copyBytes(payload, to: payloads + place * VoiceFrame.payloadLimit)
        highest = max(highest, entry.sequence)
        waiting += 1
    }

    /// Lets go of what `first` no longer reaches when `sequence` is the highest.
    private mutating func forgetUnreachable(below sequence: Int) {
        guard waiting > 0, sequence > highest else { return }
        var candidate = highest - Self.capacity + 1
        while candidate <= min(highest, sequence - Self.capacity) {
            let place = Self.place(of: candidate)
            if unsafe entries[place].sequence == candidate { remove(at: place) }
            candidate += 1
        }
    }

    /// The first waiting frame from `sequence` on, in order; nil when none waits.
    func first(from sequence: Int) -> Entry? {
        guard waiting > 0 else { return nil }
        var candidate = max(sequence, highest - Self.capacity + 1)
        while candidate <= highest {
            let entry = unsafe entries[Self.place(of: candidate)]
            if entry.isWaiting, entry.sequence == candidate { return entry }
            candidate += 1
        }
        return nil
    }

    /// The end of the newest waiting frame.
    func newestEnd() -> Int? {
        guard waiting > 0, highest >= 0 else { return nil }
        let entry = unsafe entries[Self.place(of: highest)]
        return entry.isWaiting && entry.sequence == highest ? entry.end : nil
    }

    /// The payload of a waiting frame.
    @_lifetime(borrow self)
    func payload(of entry: Entry) -> RawSpan {
        let place = Self.place(of: entry.sequence)
        let bytes = unsafe UnsafeRawBufferPointer(
            start: payloads + place * VoiceFrame.payloadLimit, count: entry.payloadCount)
        return unsafe _overrideLifetime(bytes.bytes, borrowing: self)
    }

    /// Lets the frame go; its sequence stays known.
    mutating func remove(_ entry: Entry) {
        remove(at: Self.place(of: entry.sequence))
    }

    mutating func removeAll() {
        unsafe entries.update(repeating: Entry(), count: Self.capacity)
        waiting = 0
        highest = -1
    }

    private mutating func remove(at place: Int) {
        guard unsafe entries[place].isWaiting else { return }
        unsafe entries[place].isWaiting = false
        waiting -= 1
    }

    private static func place(of sequence: Int) -> Int {
        sequence & (capacity - 1)
    }
}
