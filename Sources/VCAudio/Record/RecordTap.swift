internal import Synchronization
internal import VCCore

/// Samples on their way from an audio thread to the recorder, in pieces that know their time: one
/// writer, one reader, fixed memory, no lock. What finds it full is dropped: then the disk hangs,
/// and the sound in the devices matters more.
@safe
final class RecordRing: @unchecked Sendable {
    /// Pieces: 0.6 s of blocks of 2.5 ms, 1.3 s of 5 ms, 2.5 s of frames of 10 ms.
    private static let capacity = 256

    struct Piece: BitwiseCopyable {
        /// Samples of a piece at most: 10 ms.
        static var limit: Int { @_noLocks @_noAllocation get { 480 } }

        /// When its first sample was said or heard, in nanoseconds of the boot clock.
        var start: UInt64
        var count: Int
    }

    private let indices = RingIndices(capacity: RecordRing.capacity)
    private let pieces: UnsafeMutablePointer<Piece>
    private let samples = SampleBuffer(count: RecordRing.capacity * Piece.limit)

    init() {
        unsafe pieces = UnsafeMutablePointer<Piece>.allocate(capacity: Self.capacity)
    }

    deinit {
        unsafe pieces.deallocate()
    }

    /// Audio thread: leaves `count` samples, whose first one has its time at `start`.
    @_noLocks @_noAllocation
    func push(_ source: borrowing SampleBuffer, count: Int, start: UInt64) {
        var offset = 0
        while offset < count {
            let slot = indices.slotToWrite()
            guard slot >= 0 else { return }
            let length = min(Piece.limit, count - offset)
            samples.copy(from: source, at: offset, to: slot * Piece.limit, count: length)
            unsafe pieces[slot] = Piece(
                start: start + UInt64(offset) * 62_500 / 3, count: length)
            indices.publish()
            offset += length
        }
    }

    /// Recorder: when the oldest piece began; nil when there is none.
    var nextStart: UInt64? {
        let slot = indices.slotToRead()
        return slot >= 0 ? unsafe pieces[slot].start : nil
    }

    /// Recorder: hands over the oldest piece, which stands in the buffer from the offset on; false
    /// when there is none.
    func pop(_ body: (Piece, _ samples: borrowing SampleBuffer, _ offset: Int) -> Void) -> Bool {
        let slot = indices.slotToRead()
        guard slot >= 0 else { return false }
        unsafe body(pieces[slot], samples, slot * Piece.limit)
        indices.release()
        return true
    }
}

/// Where an audio thread leaves what it has, while somebody records.
final class RecordTap: @unchecked Sendable {
    /// Made by control before the tap is first open, and kept: 0.5 MiB that a call without a
    /// recording does not have.
    private(set) var ring: RecordRing?
    private let isOpen = Atomic<Bool>(false)

    /// Control: opens it, and closes it again.
    func setOpen(_ on: Bool) {
        if on, ring == nil { ring = RecordRing() }
        isOpen.store(on, ordering: .releasing)
    }

    /// Audio thread. `start` is only asked for while it is open: it may have to look at the clock.
    func leave(
        _ samples: borrowing SampleBuffer, count: Int, start: @autoclosure () -> UInt64
    ) {
        guard isOpen.load(ordering: .acquiring) else { return }
        ring?.push(samples, count: count, start: start())
    }
}
