/// The frames that were sent last, to be sent again behind later ones. Memory is taken once.
///
/// A copy on the wire, between the header and the frame of its packet, oldest last:
/// `frames back 1 (1 or 2) | samples back 2 | length 2 | Opus frame`.
@safe struct FrameCopies: ~Copyable {
    /// The frame of now and two before it.
    private static let capacity = 3
    /// Bytes in front of each copy.
    static let headerSize = 5
    /// How far back a copy may lie, in samples: two frames of 20 ms.
    static let farthest: UInt32 = 1_920

    private let bytes: UnsafeMutableRawPointer
    private var counts = InlineArray<3, Int>(repeating: 0)
    private var timestamps = InlineArray<3, UInt32>(repeating: 0)
    private var newest = 0

    init() {
        unsafe bytes = .allocate(
            byteCount: Self.capacity * VoiceHeader.maximumFrame, alignment: 16)
    }

    deinit {
        unsafe bytes.deallocate()
    }

    /// Keeps a frame; the same one again, for another member, changes nothing.
    mutating func keep(_ frame: UnsafeRawBufferPointer, timestamp: UInt32) {
        if counts[newest] > 0, timestamps[newest] == timestamp { return }
        guard frame.count <= VoiceHeader.maximumFrame else { return }
        newest = (newest + 1) % Self.capacity
        counts[newest] = frame.count
        timestamps[newest] = timestamp
        guard let start = frame.baseAddress else { return }
        unsafe place(newest).copyMemory(from: start, byteCount: frame.count)
    }

    /// The frame with this time stamp, if it is still kept.
    func frame(at timestamp: UInt32) -> UnsafeRawBufferPointer? {
        var index = 0
        while index < Self.capacity {
            if counts[index] > 0, timestamps[index] == timestamp {
                return unsafe UnsafeRawBufferPointer(start: place(index), count: counts[index])
            }
            index += 1
        }
        return nil
    }

    private func place(_ index: Int) -> UnsafeMutableRawPointer {
        unsafe bytes + index * VoiceHeader.maximumFrame
    }
}

/// Which frames a member was sent last: only those may be copied to it. (What is whispered to
/// others must not reach it with the next word to all.)
struct SentFrames: BitwiseCopyable {
    private var sequences = InlineArray<2, UInt16>(repeating: 0)
    private var timestamps = InlineArray<2, UInt32>(repeating: 0)
    private var count = 0

    /// Notes a frame that was sent; a talk spurt forgets what was said before it.
    mutating func note(_ header: VoiceHeader) {
        if header.flags & VoiceHeader.startOfTalkSpurt != 0 { count = 0 }
        sequences[1] = sequences[0]
        timestamps[1] = timestamps[0]
        sequences[0] = header.sequence
        timestamps[0] = header.timestamp
        count = min(count + 1, 2)
    }

    /// Forgets all.
    mutating func clear() {
        count = 0
    }

    /// The time stamp of the frame so many sequences before `header`, if it was sent in the same
    /// talk spurt and not too long ago.
    func timestamp(back: UInt16, before header: VoiceHeader) -> UInt32? {
        guard header.flags & VoiceHeader.startOfTalkSpurt == 0 else { return nil }
        var index = 0
        while index < count {
            let distance = header.timestamp &- timestamps[index]
            if header.sequence &- sequences[index] == back, distance > 0,
                distance <= FrameCopies.farthest
            {
                return timestamps[index]
            }
            index += 1
        }
        return nil
    }
}
