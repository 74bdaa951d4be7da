internal import VCCore
internal import Synchronization

/// Something about the devices that the people in the call should know.
public enum EngineEvent: Sendable, Equatable {
    public enum Side: Sendable, Equatable {
        case capture
        case playback
    }

    /// The device is gone or hangs; the call goes on, and it is tried again and again.
    case deviceLost(Side, reason: String)
    /// The device is a file that cannot be read or written any further; the call goes on without
    /// it, and it is not opened again by itself.
    case fileFailed(Side, reason: String)
    /// Sound goes through the device again.
    case deviceBack(Side)
    /// The device was reopened with a longer or shorter buffer.
    case deviceChanged(Side)
    /// The device that was asked for, or that the system has chosen, is in use now.
    case deviceSwitched(Side)
    /// The microphone has given nothing but zeros for ten seconds.
    case microphoneSilent
    /// The microphone gives sound after all.
    case microphoneHeard
    /// The machine cannot decode all who talk in time: so many of them, the softest, are not heard.
    case overloaded(leftOut: Int)
    /// The recording has ended, because it could not be written any further.
    case recordingFailed(reason: String)
    /// The microphone is not processed as it was asked for, and why.
    case unprocessed(ProcessingError)
    /// The library that processes the microphone does not act on what was asked for.
    case ignored(ProcessingOptions.Level)
    /// The plugin took longer than there is time, and is left out from now on.
    case pluginBypassed
    /// The thread runs with real-time priority, or why it does not.
    case realTime(Side, granted: Bool, reason: String)
}

/// An event as a number, so that an audio thread can leave it without making a string.
struct EventRecord: BitwiseCopyable {
    enum Kind: UInt8, BitwiseCopyable {
        case lost
        case stalled
        case failed
        case back
        case changed
        case switched
        case silent
        case heard
        case realTime
        case overloaded
        case bypassed
    }

    var kind: Kind
    /// An errno value, a count, or 0.
    var code: Int32 = 0

    /// - Parameter failure: what an event of the kind `failed` is about.
    func event(of side: EngineEvent.Side, failure: DeviceError? = nil) -> EngineEvent {
        switch kind {
        case .lost: .deviceLost(side, reason: errorText(code))
        case .stalled: .deviceLost(side, reason: "it stopped without an error")
        case .failed: EngineEvent(failure, of: side)
        case .back: .deviceBack(side)
        case .changed: .deviceChanged(side)
        case .switched: .deviceSwitched(side)
        case .silent: .microphoneSilent
        case .heard: .microphoneHeard
        case .bypassed: .pluginBypassed
        case .overloaded: .overloaded(leftOut: Int(code))
        case .realTime:
            .realTime(side, granted: code == 0, reason: Self.reason(priority: code))
        }
    }
}

extension EngineEvent {
    fileprivate init(_ failure: DeviceError?, of side: Side) {
        let reason = failure.map { "\($0)" } ?? "it failed"
        let isFinal = failure?.isFinal ?? false
        self = isFinal ? .fileFailed(side, reason: reason) : .deviceLost(side, reason: reason)
    }
}

extension EventRecord {
    /// Why a thread has no real-time priority; below zero it has the next best.
    fileprivate static func reason(priority code: Int32) -> String {
        if code == 0 { return "" }
        return code < 0 ? "nice -11; real time: \(errorText(-code))" : errorText(code)
    }
}

/// Events on their way from one audio thread to the control thread. When nobody fetches them the
/// newest are dropped.
@safe
final class EventRing: @unchecked Sendable {
    private static let capacity = 32
    private let indices = RingIndices(capacity: EventRing.capacity)
    private let slots: UnsafeMutablePointer<EventRecord>

    init() {
        unsafe slots = UnsafeMutablePointer<EventRecord>.allocate(capacity: Self.capacity)
    }

    deinit {
        unsafe slots.deallocate()
    }

    func push(_ record: EventRecord) {
        let slot = indices.slotToWrite()
        guard slot >= 0 else { return }
        unsafe slots[slot] = record
        indices.publish()
    }

    func pop() -> EventRecord? {
        let slot = indices.slotToRead()
        guard slot >= 0 else { return nil }
        defer { indices.release() }
        return unsafe slots[slot]
    }
}
