internal import Synchronization

/// Hands something from the control thread to an audio thread, and what it replaces back, so that
/// memory is neither allocated nor freed on the media path, nor a device opened or closed. Without
/// a lock: each way is one place that holds one thing or none.
@safe
final class Handover<Box: AnyObject & Sendable>: Sendable {
    /// Retained references as numbers; 0 is none.
    private let offered = Atomic<UInt>(0)
    private let returned = Atomic<UInt>(0)

    deinit {
        discard(offered.load(ordering: .relaxed))
        discard(returned.load(ordering: .relaxed))
    }

    /// Control: this one from now on.
    func offer(_ box: Box) {
        discard(returned.exchange(0, ordering: .acquiring))
        discard(offered.exchange(Self.retain(box), ordering: .acquiringAndReleasing))
    }

    /// Control: lets go of what was given back.
    func collect() {
        discard(returned.exchange(0, ordering: .acquiring))
    }

    /// Whether there is something to take.
    var isOffered: Bool { offered.load(ordering: .relaxed) != 0 }

    /// Audio thread: what was offered since the last call, if there is something.
    func take() -> Box? {
        guard isOffered else { return nil }
        return Self.release(offered.exchange(0, ordering: .acquiringAndReleasing))
    }

    /// Audio thread: this one is not needed any more.
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
