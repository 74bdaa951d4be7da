/// What happens to the sound of the microphone between the device and the encoder: high-pass, echo
/// cancellation, noise suppression and gain control, then a plugin, then the limiter. Belongs to
/// the capture thread, but for its making.
public struct CaptureChain: ~Copyable {
    private var processing: MicrophoneProcessing?
    private var loudspeaker: LoudspeakerReader?
    private var nearDelay = NearDelay()
    private var insert: PluginInsert?
    private var limiter = Limiter()
    private let isOff: Bool
    /// How many samples later sound comes out than it goes in.
    public private(set) var delay: Int
    private let processingDelay: Int
    private let neededLead: Int
    /// How much later than its stamps say what is played is heard, in nanoseconds.
    private let lateness: UInt64
    private var toldBypass = false
    /// Whether the sound is a microphone's: a file hears no loudspeaker, and need not wait for it.
    var isMicrophone = true
    /// Whether it is the sound of a room. What is not stays as it is.
    var hasRoom = true
    private let played = SampleBuffer(count: ProcessingOptions.frameSamples)

    /// - Parameters:
    ///   - processing: nil where the sound is to stay as it is.
    ///   - ring: what is played; nil without echo cancellation.
    ///   - insert: a plugin behind the processing.
    public init(
        processing: consuming MicrophoneProcessing?, ring: LoudspeakerRing?,
        insert: consuming PluginInsert?
    ) {
        isOff = processing == nil && insert == nil
        self.processing = processing
        processingDelay = self.processing?.delay ?? 0
        delay = processingDelay
        neededLead = self.processing?.neededLead ?? 0
        let extra = self.processing?.options.echoDelayMilliseconds ?? 0
        lateness = UInt64(clamping: extra) * 1_000_000
        self.insert = insert
        loudspeaker = ring.map { LoudspeakerReader($0) }
    }

    /// How fast the loudspeaker's clock was found to be beside the microphone's, less one, in
    /// millionths.
    public mutating func driftPPM() -> Double { loudspeaker?.driftPPM ?? 0 }

    /// The microphone was paused.
    public mutating func restart() {
        loudspeaker?.restart()
    }

    /// There is another microphone or loudspeaker.
    mutating func startOver() {
        loudspeaker?.startOver()
        nearDelay.startOver()
    }

    /// Whether the plugin was left out since the last call, because it took too long.
    mutating func takeBypass() -> Bool {
        guard insert?.isBypassed ?? false, !toldBypass else { return false }
        toldBypass = true
        return true
    }

    /// Changes the first `count` samples, the last of which was heard at `end` (nanoseconds of the
    /// boot clock). Whether there is voice in them; nil where nobody looks for that.
    public mutating func process(
        _ samples: borrowing SampleBuffer, count: Int, end: UInt64
    ) -> Bool? {
        guard !isOff else { return nil }
        let hasVoice = filter(samples, count: count, end: end)
        insert?.process(samples, count: count)
        delay = insert?.delay ?? 0
        if hasRoom { delay += processingDelay + nearDelay.samples }
        limiter.process(samples, count: count)
        return hasVoice
    }

    private mutating func filter(
        _ samples: borrowing SampleBuffer, count: Int, end: UInt64
    ) -> Bool? {
        guard processing != nil, hasRoom, count.isMultiple(of: ProcessingOptions.frameSamples)
        else { return nil }
        var hasVoice: Bool?
        var offset = 0
        while offset < count {
            let left = count - offset - ProcessingOptions.frameSamples
            let lead = hear(end: end &- UInt64(left) * 62_500 / 3)
            if loudspeaker != nil { nearDelay.process(samples, at: offset) }
            let found = processing?.process(
                samples, at: offset, echoDelayMilliseconds: max(0, lead) / 48)
            if let found = found ?? nil { hasVoice = hasVoice ?? false || found }
            offset += ProcessingOptions.frameSamples
        }
        return hasVoice
    }

    /// How many samples before its echo the loudspeaker's sound is known now.
    private mutating func hear(end: UInt64) -> Int {
        guard loudspeaker != nil, isMicrophone else { return 0 }
        if loudspeaker?.takeOtherDevice() ?? false { startOver() }
        let lead = loudspeaker?.read(
            ProcessingOptions.frameSamples, into: played, frameEnd: end &- lateness)
        processing?.hearLoudspeaker(played, at: 0)
        guard let lead = lead ?? nil else { return 0 }
        nearDelay.note(missing: neededLead - lead)
        return lead + nearDelay.samples
    }
}
