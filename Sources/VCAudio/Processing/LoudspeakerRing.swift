internal import Synchronization
internal import VCCore

/// What is played, on its way from the playback thread to the capture thread, which takes it out of
/// the microphone again. Without a lock; when capture does not fetch it, the newest is dropped.
@safe
public final class LoudspeakerRing: @unchecked Sendable {
    /// 1.4 s: the longest way from here through a loudspeaker into the microphone is half a second.
    static let capacity = 65_536
    /// Blocks of it, mostly of 256 samples: 0.6 s at least.
    private static let blockCapacity = 256

    /// A block of samples that was handed to the loudspeaker.
    struct Block: BitwiseCopyable {
        /// The number of its first sample, counted over all that were taken in.
        var start: Int
        /// When that one is heard, in nanoseconds of the boot clock.
        var heardAt: UInt64
        /// Whether it is heard right behind the block before.
        var isContinuous: Bool
    }

    private let samples = SampleBuffer(count: LoudspeakerRing.capacity)
    private let written = Atomic<Int>(0)
    private let released = Atomic<Int>(0)
    private let devices = Atomic<Int>(0)
    private let indices = RingIndices(capacity: LoudspeakerRing.blockCapacity)
    private let blocks: UnsafeMutablePointer<Block>

    public init() {
        unsafe blocks = UnsafeMutablePointer<Block>.allocate(capacity: Self.blockCapacity)
    }

    deinit {
        unsafe blocks.deallocate()
    }

    // MARK: Playback thread

    /// Takes in the first `count` samples of `source`, the first of which is heard at `heardAt`
    /// (nanoseconds of the boot clock).
    ///
    /// - Parameter isContinuous: whether that is right behind what was taken in before: false after
    ///   an xrun, or with another device.
    public func push(
        _ source: borrowing SampleBuffer, count: Int, heardAt: UInt64, isContinuous: Bool = true
    ) {
        let start = written.load(ordering: .relaxed)
        let slot = indices.slotToWrite()
        guard slot >= 0, count > 0,
            count <= Self.capacity - (start - released.load(ordering: .acquiring))
        else { return }
        let place = start & (Self.capacity - 1)
        let first = min(count, Self.capacity - place)
        samples.copy(from: source, at: 0, to: place, count: first)
        samples.copy(from: source, at: first, to: 0, count: count - first)
        unsafe blocks[slot] = Block(
            start: start, heardAt: heardAt, isContinuous: isContinuous)
        written.store(start + count, ordering: .releasing)
        indices.publish()
    }

    /// From now on another device plays.
    func noteDevice() { devices.wrappingAdd(1, ordering: .relaxed) }

    // MARK: Capture thread

    /// Which device plays: the first, the second, and so on.
    var device: Int { devices.load(ordering: .relaxed) }

    /// The oldest block that was not fetched yet.
    func nextBlock() -> Block? {
        let slot = indices.slotToRead()
        guard slot >= 0 else { return nil }
        defer { indices.release() }
        return unsafe blocks[slot]
    }

    /// How many samples were taken in so far.
    var end: Int { written.load(ordering: .acquiring) }
    /// The oldest that can still be read.
    var start: Int { released.load(ordering: .relaxed) }

    /// The sample with a number from `start` up to `end`.
    func sample(_ number: Int) -> Float {
        samples[number & (Self.capacity - 1)]
    }

    /// Lets go of all samples before `number`.
    func release(before number: Int) {
        guard number > released.load(ordering: .relaxed) else { return }
        released.store(number, ordering: .releasing)
    }
}
