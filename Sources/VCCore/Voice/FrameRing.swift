internal import Synchronization

/// Coded frames on their way from one thread to another: one writer, one reader, fixed slots
/// allocated once, no lock. A frame that finds the ring full is dropped and counted: the reader is
/// stuck then, and a writer that waits for it would be stuck too.
@safe
public final class FrameRing: @unchecked Sendable {
    private struct Slot {
        var frame: VoiceFrame
        var payloadCount: Int
    }

    private let indices: RingIndices
    private let slots: UnsafeMutablePointer<Slot>
    private let payloads: UnsafeMutableRawPointer
    private let overflows = Atomic<UInt64>(0)

    /// A ring of `capacity` frames, a power of two.
    public init(capacity: Int) {
        indices = RingIndices(capacity: capacity)
        unsafe slots = UnsafeMutablePointer<Slot>.allocate(capacity: capacity)
        unsafe payloads = UnsafeMutableRawPointer.allocate(
            byteCount: capacity * VoiceFrame.payloadLimit, alignment: 16)
    }

    deinit {
        unsafe slots.deallocate()
        unsafe payloads.deallocate()
    }

    /// How many frames wait.
    public var count: Int {
        @_noLocks @_noAllocation get { indices.count }
    }

    /// How many frames were dropped since the start, because the ring was full or the payload
    /// larger than `VoiceFrame.payloadLimit`.
    public var dropped: UInt64 {
        @_noLocks @_noAllocation get { overflows.load(ordering: .relaxed) }
    }

    /// How many frames were taken in since the start. Any thread may ask; what the writer does
    /// meanwhile comes on top.
    public var pushed: Int {
        @_noLocks @_noAllocation get { indices.published }
    }

    /// Writer: appends a frame with a copy of its payload; false when it was dropped.
    @_noLocks @_noAllocation
    @discardableResult
    public func push(_ frame: VoiceFrame, payload: RawSpan) -> Bool {
        let slot = indices.slotToWrite()
        guard slot >= 0, payload.byteCount <= VoiceFrame.payloadLimit else {
            overflows.wrappingAdd(1, ordering: .relaxed)
            return false
        }
        unsafe slots[slot] = Slot(frame: frame, payloadCount: payload.byteCount)
        let target = unsafe payloads + slot * VoiceFrame.payloadLimit
        unsafe copyBytes(payload, to: target)
        indices.publish()
        return true
    }

    /// Reader: hands the oldest frame and its payload to `body`, then frees its slot; false when
    /// there is none. Allocates nothing and takes no lock; what `body` does is its own affair, so
    /// the checker cannot vouch for it.
    @discardableResult
    public func pop(_ body: (VoiceFrame, RawSpan) -> Void) -> Bool {
        let slot = indices.slotToRead()
        guard slot >= 0 else { return false }
        let header = unsafe slots[slot]
        let bytes = unsafe UnsafeRawBufferPointer(
            start: payloads + slot * VoiceFrame.payloadLimit, count: header.payloadCount)
        body(header.frame, unsafe bytes.bytes)
        indices.release()
        return true
    }

    /// Reader: drops what is left of the first `count` frames that were ever pushed.
    @_noLocks @_noAllocation
    public func drop(first count: Int) {
        while indices.released < count, indices.slotToRead() >= 0 { indices.release() }
    }
}

/// Copies all bytes of `source` to `target`, which has room for them.
@_semantics("no_performance_analysis")
public func copyBytes(_ source: RawSpan, to target: UnsafeMutableRawPointer) {
    unsafe source.withUnsafeBytes { bytes in
        guard let start = bytes.baseAddress else { return }
        unsafe target.copyMemory(from: start, byteCount: bytes.count)
    }
}
