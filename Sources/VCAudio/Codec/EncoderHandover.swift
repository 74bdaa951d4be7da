internal import Synchronization

/// Hands an encoder from the control thread to the capture thread, and the one that it replaces
/// back, so that memory is neither allocated nor freed on the media path. Without a lock: each way
/// is one place that holds one encoder or none.
@safe
final class EncoderHandover: Sendable {
    /// An encoder at a place of its own.
    final class Box: @unchecked Sendable {
        var encoder: OpusEncoder

        init(_ profile: EncoderProfile) throws(CodecError) {
            encoder = try OpusEncoder(profile)
        }
    }

    /// Retained references as numbers; 0 is none.
    private let offered = Atomic<UInt>(0)
    private let returned = Atomic<UInt>(0)

    deinit {
        discard(offered.load(ordering: .relaxed))
        discard(returned.load(ordering: .relaxed))
    }

    /// Control: this one from the next frame on.
    func offer(_ box: Box) {
        discard(returned.exchange(0, ordering: .acquiring))
        discard(offered.exchange(Self.retain(box), ordering: .acquiringAndReleasing))
    }

    /// Capture: the encoder that was offered since the last call, if there is one.
    func take() -> Box? {
        guard offered.load(ordering: .relaxed) != 0 else { return nil }
        return Self.release(offered.exchange(0, ordering: .acquiringAndReleasing))
    }

    /// Capture: this one is not needed any more.
    func giveBack(_ box: Box) {
        discard(returned.exchange(Self.retain(box), ordering: .acquiringAndReleasing))
    }

    private func discard(_ number: UInt) {
        _ = Self.release(number)
    }

    private static func retain(_ box: Box) -> UInt {
        unsafe UInt(bitPattern: Unmanaged.passRetained(box).toOpaque())
    }

    private static func release(_ number: UInt) -> Box? {
        guard let pointer = unsafe UnsafeRawPointer(bitPattern: number) else { return nil }
        return unsafe Unmanaged<Box>.fromOpaque(pointer).takeRetainedValue()
    }
}
