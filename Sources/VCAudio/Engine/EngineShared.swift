internal import Synchronization
internal import VCCore

/// What the threads of an engine share: flags and numbers, each written by one side.
@safe
final class EngineShared: @unchecked Sendable {
    /// Frames on their way to the network: 320 ms of 10 ms frames.
    private static let captureRingCapacity = 32

    /// How long the devices' buffers are to be.
    let buffers: DeviceBuffers

    // Written by control.
    let isStopping = Atomic<Bool>(false)
    let isMuted = Atomic<Bool>(false)
    let isDeafened = Atomic<Bool>(false)
    let isAlone = Atomic<Bool>(false)
    let isAlwaysOpen = Atomic<Bool>(false)
    /// Whether all members are made equally loud.
    let isLeveling = Atomic<Bool>(false)
    /// Whether the mix goes through the limiter; else what is too loud is cut off.
    let isLimiting = Atomic<Bool>(true)
    /// An `EqualizerSetting`, packed.
    let equalizer = Atomic<UInt64>(0)
    /// The `RoomTone.Kind` that is to be played next, or 0. Taken by playback.
    let tone = Atomic<UInt8>(0)
    /// For a recording: what we say, and what we hear.
    let said = RecordTap()
    let heard = RecordTap()
    /// Encoders on their way to the capture thread, and devices to both.
    let encoders = Handover<EncoderBox>()
    let captureDevices = Handover<CaptureBox>()
    let playbackDevices = Handover<PlaybackBox>()

    // Written by the capture thread.
    let isTalking = Atomic<Bool>(false)
    let captureLevel = Atomic<UInt8>(127)
    let captureXruns = Atomic<Int>(0)
    let captureDelayMicroseconds = Atomic<Int>(0)
    let encoded = Atomic<Int>(0)
    let captureEvents = EventRing()
    /// What belongs to an event that is more than a number: here the audio thread offers.
    let captureFailures = Handover<DeviceFailure>()
    let captured = FrameRing(capacity: EngineShared.captureRingCapacity)

    // Written by the playback thread.
    let playbackXruns = Atomic<Int>(0)
    let playbackDelayMicroseconds = Atomic<Int>(0)
    let decodingMicroseconds = Atomic<Int>(0)
    /// Set while playback sleeps; whoever clears it wakes it.
    let isPlaybackResting = Atomic<Bool>(false)
    let playbackEvents = EventRing()
    let playbackFailures = Handover<DeviceFailure>()

    /// Signalled for each frame in `captured`.
    let captureReady: EventSignal
    let captureWake: EventSignal
    let playbackWake: EventSignal
    /// Signalled by the audio threads when control should look.
    let controlWake: EventSignal

    /// Bit n: something came for the member in slot n, or control wants something of it. Set by the
    /// network and control, taken by playback: so nobody looks at members that say nothing.
    let pending = Atomic<UInt32>(0)
    /// One for each member that the room can have.
    let members: UnsafeMutablePointer<MemberSlot>

    init(_ buffers: DeviceBuffers) throws(DeviceError) {
        self.buffers = buffers
        captureReady = try EventSignal()
        captureWake = try EventSignal()
        playbackWake = try EventSignal()
        controlWake = try EventSignal()
        unsafe members = UnsafeMutablePointer<MemberSlot>.allocate(capacity: Limits.members)
        for index in 0..<Limits.members {
            unsafe (members + index).initialize(to: MemberSlot())
        }
    }

    deinit {
        unsafe members.deinitialize(count: Limits.members)
        unsafe members.deallocate()
    }

    /// Whether nobody would hear what the microphone gives.
    var isCaptureResting: Bool {
        isMuted.load(ordering: .relaxed) || isAlone.load(ordering: .relaxed)
    }

    /// Leaves an event for control.
    func tell(_ record: EventRecord, of side: EngineEvent.Side) {
        switch side {
        case .capture: captureEvents.push(record)
        case .playback: playbackEvents.push(record)
        }
        controlWake.signal()
    }

    /// Leaves for control that a device failed. The sentence of one that is rare is made here: a
    /// thread without a device is late for nothing.
    func tell(_ error: DeviceError, of side: EngineEvent.Side) {
        switch error {
        case .lost(_, let code): tell(EventRecord(kind: .lost, code: code), of: side)
        case .stalled: tell(EventRecord(kind: .stalled), of: side)
        case .unavailable, .unreadableFile, .unwritableFile, .unknownEnding,
            .unknownRecordingEnding, .notAPlaybackDevice:
            failures(of: side).offer(DeviceFailure(error))
            tell(EventRecord(kind: .failed), of: side)
        }
    }

    func failures(of side: EngineEvent.Side) -> Handover<DeviceFailure> {
        switch side {
        case .capture: captureFailures
        case .playback: playbackFailures
        }
    }

    /// Has playback look at the member in `slot`.
    func notePending(slot: Int) {
        pending.bitwiseOr(1 << UInt32(slot), ordering: .sequentiallyConsistent)
    }

    func wakePlayback() {
        if isPlaybackResting.exchange(false, ordering: .sequentiallyConsistent) {
            playbackWake.signal()
        }
    }
}
