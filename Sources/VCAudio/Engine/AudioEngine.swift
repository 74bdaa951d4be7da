internal import Synchronization
public import VCCore

/// Sound in and sound out of one call: owns the devices, the codec, the jitter buffers and the two
/// audio threads. The network thread and the control thread talk to it through rings, atomics and
/// an eventfd; nothing here waits for them.
///
/// Which method belongs to which thread is told by its section.
public final class AudioEngine: VoicePort, @unchecked Sendable {
    /// What an engine is made from.
    public struct Configuration: Sendable {
        public var capture: DeviceName
        public var playback: DeviceName
        public var gate: VoiceGate.Mode
        /// How voice is encoded to begin with.
        public var encoder: EncoderProfile
        /// What is done to the sound of the microphone. Nothing is done to frames below 10 ms.
        public var processing = ProcessingOptions.none
        /// What opens the microphone where it is opened by voice, and for how long.
        public var voiceGate = VoiceGate()
        /// How the others' packets are waited for.
        public var jitter = JitterSettings()
        /// How long the devices' buffers are.
        public var buffers: DeviceBuffers
        /// Whether what you hear is held below full scale without a rattle.
        public var isLimiting = true
        /// Whether the microphone is closed to begin with.
        public var isMuted = false
        /// Whether all members are made equally loud.
        public var isLeveling = false
        /// Whether nobody else is there to begin with.
        public var isAlone = false
        /// Where the sequence and the time stamps start; random ones tell nobody how long the call
        /// has lasted.
        public var firstSequence: UInt16 = 0
        public var firstTimestamp: UInt32 = 0

        public init(
            capture: DeviceName, playback: DeviceName, gate: VoiceGate.Mode = .voice,
            encoder: EncoderProfile = EncoderProfile()
        ) {
            self.capture = capture
            self.playback = playback
            self.gate = gate
            self.encoder = encoder
            buffers = DeviceBuffers(frame: encoder.frame)
        }
    }

    let shared: EngineShared
    private let configuration: Configuration
    // Control thread only.
    /// How long the end of the threads is waited for, in nanoseconds: two seconds.
    private static let stopPatience: UInt64 = 2_000_000_000

    private var captureThread: AudioThread?
    private var playbackThread: AudioThread?
    var recorder: Recorder?
    /// The devices that are used, or were last.
    public internal(set) var captureName: DeviceName
    public internal(set) var playbackName: DeviceName
    var defaultDevice: DefaultDevice?
    /// The sides that are still to go where the default device has gone.
    var pursuit: DefaultPursuit?
    /// What is known since the start and was not told yet.
    private var untold: [EngineEvent] = []
    /// What is not done to the sound of a microphone, until there is one.
    private var ofMicrophone: [EngineEvent] = []
    private var plugin: Plugin?

    /// Nothing is opened yet.
    ///
    /// - Parameter plugin: what the microphone goes through before it is encoded.
    public init(_ configuration: Configuration, plugin: Plugin? = nil) throws(DeviceError) {
        self.plugin = plugin
        self.configuration = configuration
        captureName = configuration.capture
        playbackName = configuration.playback
        shared = try EngineShared(configuration.buffers)
        shared.isLimiting.store(configuration.isLimiting, ordering: .relaxed)
        shared.isMuted.store(configuration.isMuted, ordering: .relaxed)
        shared.isAlone.store(configuration.isAlone, ordering: .relaxed)
        shared.isAlwaysOpen.store(configuration.gate == .open, ordering: .relaxed)
        shared.isLeveling.store(configuration.isLeveling, ordering: .relaxed)
    }

    deinit {
        stop()
    }

    // MARK: Control thread

    /// Opens both devices and starts the threads; a device that cannot be opened is told at once.
    public func start() throws(DeviceError) {
        precondition(captureThread == nil, "an engine is started once")
        let encoder: OpusEncoder
        do throws(CodecError) {
            encoder = try OpusEncoder(configuration.encoder)
        } catch {
            throw .unavailable(device: "Opus", reason: "\(error)")
        }
        let capture = try configuration.capture.openCapture(shared.buffers)
        let playback = try configuration.playback.openPlayback(shared.buffers)
        if usesDefault { defaultDevice = DefaultDevice() }
        let shared = shared
        let processing = makeProcessing()
        let cancelsEcho = processing != nil && configuration.processing.echoCancellation
        let loudspeaker = cancelsEcho ? LoudspeakerRing() : nil
        let playbackLoop = PlaybackLoop(
            shared: shared, name: configuration.playback, device: playback,
            loudspeaker: loudspeaker)
        let captureLoop = CaptureLoop(
            shared: shared, name: configuration.capture, device: capture,
            chain: CaptureChain(
                processing: processing, ring: loudspeaker,
                insert: plugin.map { PluginInsert($0) }),
            encoder: encoder, gate: configuration.voiceGate,
            sequence: configuration.firstSequence, timestamp: configuration.firstTimestamp)
        playbackThread = try AudioThread(name: "vc-playback") { error in
            shared.tell(EventRecord(kind: .realTime, code: error), of: .playback)
            playbackLoop.run()
        }
        captureThread = try AudioThread(name: "vc-capture") { error in
            shared.tell(EventRecord(kind: .realTime, code: error), of: .capture)
            captureLoop.run()
        }
    }

    /// Without it the call goes on with the sound as it is.
    private func makeProcessing() -> MicrophoneProcessing? {
        guard configuration.processing != .none,
            configuration.encoder.frame.sampleCount >= ProcessingOptions.frameSamples
        else { return nil }
        do throws(ProcessingError) {
            let processing = try MicrophoneProcessing(configuration.processing)
            ofMicrophone = configuration.processing.ignored.map { .ignored($0) }
            tellOfMicrophone()
            return processing
        } catch {
            ofMicrophone = [.unprocessed(error)]
            tellOfMicrophone()
            return nil
        }
    }

    /// Tells, once there is a microphone, what is not done to its sound.
    func tellOfMicrophone() {
        guard captureName.hasRoom, !ofMicrophone.isEmpty else { return }
        untold += ofMicrophone
        ofMicrophone = []
        shared.controlWake.signal()
    }

    /// Ends the threads, closes the devices and finishes the files. A thread that waits for a
    /// sound server that hangs is left to itself, after two seconds.
    public func stop() {
        shared.isStopping.store(true, ordering: .releasing)
        shared.captureWake.signal()
        shared.playbackWake.signal()
        _ = stopRecording()
        let deadline = Pace.now() + Self.stopPatience
        _ = captureThread?.join(until: deadline)
        _ = playbackThread?.join(until: deadline)
        captureThread = nil
        playbackThread = nil
    }

    /// Closes or opens the microphone. Muted, nothing is captured or encoded.
    public func setMuted(_ isMuted: Bool) {
        shared.isMuted.store(isMuted, ordering: .relaxed)
        shared.captureWake.signal()
    }

    /// Hears nobody, or everybody again.
    public func setDeafened(_ isDeafened: Bool) {
        shared.isDeafened.store(isDeafened, ordering: .relaxed)
        // What is heard now fades out; what comes then begins anew.
        if !isDeafened {
            for slot in 0..<Limits.members { reset(slot: slot) }
        }
        shared.wakePlayback()
    }

    /// Tells whether nobody else is in the room: then the devices rest.
    public func setAlone(_ isAlone: Bool) {
        shared.isAlone.store(isAlone, ordering: .relaxed)
        shared.captureWake.signal()
        shared.wakePlayback()
    }

    /// Sends always, or only what may be speech.
    public func setGate(_ mode: VoiceGate.Mode) {
        shared.isAlwaysOpen.store(mode == .open, ordering: .relaxed)
    }

    /// Encodes in another way from the next frame on. Time stamps and sequence go on.
    public func setEncoding(_ profile: EncoderProfile) throws(CodecError) {
        shared.encoders.offer(try EncoderBox(profile))
    }

    /// Makes the member in `slot` heard or not. Slots are 0..<`Limits.members`.
    public func setActive(_ isActive: Bool, slot: Int) throws(CodecError) {
        let member = unsafe member(slot)
        if isActive, unsafe member.pointee.ring == nil {
            unsafe member.pointee.jitter = try JitterBuffer(configuration.jitter)
            unsafe member.pointee.ring = FrameRing(capacity: MemberSlot.ringCapacity)
        }
        if isActive {
            let former = unsafe member.pointee.ring?.pushed ?? 0
            unsafe member.pointee.formerFrames.store(former, ordering: .relaxed)
            unsafe member.pointee.isTakenAnew.store(true, ordering: .releasing)
            // How loud the one before was made says nothing about this one.
            unsafe member.pointee.gain.store(Float(1).bitPattern, ordering: .relaxed)
        }
        unsafe member.pointee.isActive.store(isActive, ordering: .releasing)
        shared.notePending(slot: slot)
    }

    /// Forgets the stream of the member in `slot`: another one begins.
    public func reset(slot: Int) {
        unsafe member(slot).pointee.wantsReset.store(true, ordering: .releasing)
        shared.notePending(slot: slot)
    }

    /// Makes the member in `slot` louder or softer, in dB. Held between -60 and 20.
    public func setGain(decibels: Float, slot: Int) {
        let held = decibels.isFinite ? max(-60, min(20, decibels)) : 0
        let factor = Mixer.factor(decibels: held)
        unsafe member(slot).pointee.gain.store(factor.bitPattern, ordering: .relaxed)
    }

    /// Readable when `pollEvent` has something, or a member or we began or ended to speak. Read
    /// eight bytes from it, then look.
    public var controlReady: Int32 { shared.controlWake.descriptor }

    /// What happened to the devices since the last call, or nil.
    public func pollEvent() -> EngineEvent? {
        if !untold.isEmpty { return untold.removeFirst() }
        if let record = shared.captureEvents.pop() {
            if record.kind == .switched { shared.captureDevices.collect() }
            return event(record, of: .capture)
        }
        if let record = shared.playbackEvents.pop() {
            if record.kind == .switched { shared.playbackDevices.collect() }
            return event(record, of: .playback)
        }
        return failedRecording()
    }

    private func event(_ record: EventRecord, of side: EngineEvent.Side) -> EngineEvent {
        let failure = record.kind == .failed ? shared.failures(of: side).take() : nil
        return record.event(of: side, failure: failure?.error)
    }

    public var statistics: EngineStatistics {
        EngineStatistics(
            captureXruns: shared.captureXruns.load(ordering: .relaxed),
            playbackXruns: shared.playbackXruns.load(ordering: .relaxed),
            captureLevel: shared.captureLevel.load(ordering: .relaxed),
            captureDelayMilliseconds:
                Double(shared.captureDelayMicroseconds.load(ordering: .relaxed)) / 1_000,
            playbackDelayMilliseconds:
                Double(shared.playbackDelayMicroseconds.load(ordering: .relaxed)) / 1_000,
            decodingMilliseconds:
                Double(shared.decodingMicroseconds.load(ordering: .relaxed)) / 1_000,
            isTalking: shared.isTalking.load(ordering: .relaxed),
            framesEncoded: shared.encoded.load(ordering: .relaxed),
            framesDropped: Int(clamping: shared.captured.dropped))
    }

    public func memberStatistics(slot: Int) -> MemberStatistics {
        let member = unsafe member(slot)
        // Until playback has looked, the counts are those of who had the slot before.
        if unsafe member.pointee.isTakenAnew.load(ordering: .acquiring) {
            return MemberStatistics()
        }
        return unsafe member.pointee.statistics
    }

    /// How loud the member in `slot` is, in -dBov (RFC 6464): 0 the loudest, 127 silence. Its
    /// frames tell, so that nothing is computed for it. Allocates nothing; our own is
    /// `statistics.captureLevel`.
    public func level(slot: Int) -> UInt8 {
        unsafe member(slot).pointee.level
    }

    // MARK: Network thread

    /// Readable while `capturedFrames` may hold a frame. Read eight bytes from it, then pop.
    public var captureReady: Int32 { shared.captureReady.descriptor }

    /// What is to be sent. The network thread is its only reader.
    public var capturedFrames: FrameRing { shared.captured }

    /// Hands over a frame of the member in `slot` that arrived at `frame.instant` (the boot clock).
    /// False when it was dropped: the slot is not active, or playback is stuck.
    @discardableResult
    public func receive(_ frame: VoiceFrame, payload: RawSpan, slot: Int) -> Bool {
        let member = unsafe member(slot)
        guard unsafe member.pointee.isActive.load(ordering: .acquiring),
            let ring = unsafe member.pointee.ring
        else { return false }
        // Nobody listens: there is no need to wake anybody either.
        guard !shared.isDeafened.load(ordering: .relaxed) else { return true }
        if frame.flags.contains(.copy), ring.count >= MemberSlot.ringCapacityForCopies {
            return false
        }
        let isPushed = ring.push(frame, payload: payload)
        shared.notePending(slot: slot)
        shared.wakePlayback()
        return isPushed
    }

    private func member(_ slot: Int) -> UnsafeMutablePointer<MemberSlot> {
        precondition((0..<Limits.members).contains(slot), "no such member slot")
        return unsafe shared.members + slot
    }
}

/// What an engine has counted and measured.
public struct EngineStatistics: Sendable, Equatable {
    /// How often captured sound was lost, or the loudspeaker ran dry, because the machine was busy.
    public let captureXruns: Int
    public let playbackXruns: Int
    /// The loudness of the last frame in -dBov (RFC 6464); 127 while muted.
    public let captureLevel: UInt8
    /// From the microphone to the ring: the device's buffer, the frame and the codec's look-ahead.
    public let captureDelayMilliseconds: Double
    /// From the write of the mix to the loudspeaker.
    public let playbackDelayMilliseconds: Double
    /// From the device's wish for samples to the write: decoding, mixing and all that.
    public let decodingMilliseconds: Double
    /// Whether frames are being sent.
    public let isTalking: Bool
    /// Frames that were handed to the network, and those that found it stuck.
    public let framesEncoded: Int
    public let framesDropped: Int
}
