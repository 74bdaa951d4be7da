public import VCCore

/// Turns one member's packets, as they arrive, into sound without holes, as soon as that can be
/// had. A pure machine: time comes in with every call, and the same calls give the same samples.
///
///             first frame due                  nothing to play for 100 ms,
///              (target reached)                 or the talk spurt ended
///     silent ------------------> playing ------------------------------> silent
///                                 |  ^ decode, conceal, splice, drop
///                                 +--+
///
/// It works on samples, not on frames: sound is decoded when it is asked for, so that what is
/// added to the delay of the network is the target, to the sample. The target is the delay that
/// `DelayEstimator` asks for plus one block, because all samples of a block are needed at its
/// start.
///
/// The delay is steered back to the target at all times. In pauses the step is free; in speech it
/// is one pitch period, at most each 100 ms, and only when more than 6 ms are gained; far above the
/// target the surplus is cut off. Clock drift between two sound cards is corrected by the same
/// step.
///
/// Nothing is allocated after `init`.
public struct JitterBuffer: ~Copyable {
    enum State: BitwiseCopyable {
        /// Nothing is being played; the next frame starts a talk spurt when it is due.
        case silent
        /// Sound goes on without a hole.
        case playing
    }

    /// The most samples of one block.
    public static let blockLimit = Mixer.blockLimit
    /// The target is never longer: 200 ms. What comes later than that is not worth waiting for.
    static let longestTarget = 9_600
    /// The target is never shorter: 2.5 ms, the estimator's finest step.
    static let shortestTarget = 120

    public internal(set) var statistics = JitterStatistics()

    var decoder: OpusDecoder
    var store = FrameStore()
    var queue = SampleQueue()
    var estimator = DelayEstimator()
    var timeline = StreamTimeline()
    /// What the decoder gave, on its way into the queue.
    let decoded = SampleBuffer(count: OpusDecoder.frameLimit)
    /// What would have come next, to be blended into what comes instead.
    let tail = SampleBuffer(count: OpusDecoder.concealmentStep)
    var hasTail = false
    var extender = PitchExtension()
    /// Samples of the extension that were put in between, so that the stream stood still.
    var insertedRun = 0
    var noise = ComfortNoise()
    /// Samples of nothing but noise.
    var noiseRun = 0

    var state = State.silent
    /// The sequence of the next frame to play.
    var nextSequence = 0
    /// The time stamp of the next sample to decode, while playing.
    var decodePosition = 0
    /// The time stamp behind what the decoder was given or has made up.
    var decoderPosition = 0
    /// Frames decoded since the decoder went over a loss, up to `framesToRecover`.
    var framesSinceLoss = JitterBuffer.framesToRecover
    /// Whether the decoder has made something up since the last frame.
    var isDecoderConcealing = false
    /// Whether the frame decoded last ended its talk spurt.
    var hasEnded = false
    /// Samples made up in a row.
    var concealedRun = 0
    /// The gain of the sample played last; the next real ones rise from it.
    var resumeGain: Float = 0
    /// Whether the sound stopped because packets did, and not because the talk spurt ended.
    var isStarved = false

    /// Nanoseconds of the receiver's clock that count as zero samples.
    private var origin: UInt64 = 0
    private var hasOrigin = false
    /// The clock never goes back.
    private var latest = 0
    /// The transit of the packet before, for the interarrival jitter.
    private var previousTransit = 0

    /// Samples of the newest frame. Transits are those that frames of this length have: a longer
    /// frame leaves later, because it has to be said first.
    private var frameLength = 0
    private var newestSequence = Int.min
    /// The newest sequence that came in a packet of its own.
    private var newestPacket = 0

    /// Frames in a row that came too late, and the quickest of them.
    var lateRun = 0
    var lateRunTransit = 0
    var control = LevelControl()
    /// The size of the block asked for last, in samples.
    var block = 256

    let settings: JitterSettings

    public init(_ settings: JitterSettings = JitterSettings()) throws(CodecError) {
        decoder = try OpusDecoder()
        self.settings = settings
    }

    /// Forgets the stream, keeps the statistics.
    public mutating func reset() {
        timeline.reset()
        restart(at: 0)
        queue.removeAll()
    }

    /// Forgets the counts as well: somebody else's stream begins.
    public mutating func startOver() {
        reset()
        statistics = JitterStatistics()
    }

    /// Whether the next block may hold sound.
    public var isSounding: Bool {
        state == .playing || queue.count > 0 || store.waiting > 0 || isNoiseAudible
    }

    // MARK: Packets in

    /// Takes in a frame that arrived at `frame.instant`.
    public mutating func receive(_ frame: VoiceFrame, payload: RawSpan) {
        guard let duration = OpusDecoder.sampleCount(of: payload) else {
            statistics.refused += 1
            return
        }
        let arrival = time(of: frame.instant)
        let isCopy = frame.flags.contains(.copy)
        let sequence: Int
        let timestamp: Int
        switch timeline.place(
            sequence: frame.sequence, timestamp: frame.timestamp, arrival: arrival,
            isCopy: isCopy)
        {
        case .refused:
            statistics.refused += 1
            return
        case .restarted(let first, let stamp):
            sequence = first
            timestamp = stamp
            restart(at: first)
            statistics.restarts += 1
            newestPacket = isCopy ? first : first - 1
        case .placed(let number, let stamp):
            sequence = number
            timestamp = stamp
        }
        guard !store.hasSeen(sequence) else {
            if !isCopy { noteSecond(sequence) }
            return
        }
        if !isCopy { countPacket(sequence) }
        if sequence > newestSequence { followFrameLength(duration, sequence: sequence) }
        let transit = arrival - timestamp - duration + frameLength
        // A copy that is needed counts as a slow packet: so the delay becomes what copies need
        // when frames are lost, and only then.
        measure(transit: transit, arrival: arrival, isCopy: isCopy)
        if isCopy {
            guard sequence >= nextSequence else { return }
            statistics.recovered += 1
        }
        statistics.received += 1
        guard sequence >= nextSequence else {
            // It was given up for lost when a later frame was played.
            statistics.lost = max(0, statistics.lost - 1)
            store.markSeen(sequence)
            noteLate(transit: transit, arrival: arrival)
            return
        }
        if isStarved, !isCopy {
            isStarved = false
            estimator.rebase(transit: transit, arrival: arrival)
        }
        store.insert(
            FrameStore.Entry(
                sequence: sequence,
                isCopy: isCopy, isStartOfTalkSpurt: frame.flags.contains(.startOfTalkSpurt),
                isEndOfTalkSpurt: frame.flags.contains(.endOfTalkSpurt),
                timestamp: timestamp, duration: duration, arrival: arrival),
            payload: payload)
    }

    // MARK: Sound out

    /// Fills the first `count` samples of `output` with what is due at `now`; false, and `output`
    /// is left alone, when that is silence.
    public mutating func pull(
        into output: borrowing SampleBuffer, count: Int, at now: Instant
    ) -> Bool {
        precondition(count > 0 && count <= Self.blockLimit, "a block")
        guard isSounding else { return false }
        block = count
        let time = time(of: now)
        statistics.target = target
        steer(at: time)
        // Every step adds samples, moves on in the stream or ends the talk spurt. The bound is for
        // streams that are made to run through the store without a sample.
        var steps = 0
        while queue.count < count, steps < Self.stepLimit {
            advance(at: time, needed: count - queue.count)
            steps += 1
        }
        if queue.count < count { queue.appendSilence(count - queue.count) }
        splice(at: time)
        if state == .playing { statistics.playoutTransit = time - decodePosition + queue.count }
        queue.take(count, into: output)
        return true
    }

    /// The delay that is aimed at, over the quickest packet, in samples.
    var target: Int {
        max(settings.delay.lowerBound, min(settings.delay.upperBound, estimator.delay + block))
    }

    /// The delay of the next sample to be played, over the quickest packet, in samples.
    func level(at time: Int) -> Int {
        time - estimator.base - decodePosition + queue.count
    }

    /// Steps within one block: all frames of the store may have to be passed over.
    private static let stepLimit = 2 * FrameStore.capacity

    // MARK: Time

    /// `instant` in samples since the first call. Time that goes back stands still.
    mutating func time(of instant: Instant) -> Int {
        if !hasOrigin {
            hasOrigin = true
            origin = instant.nanoseconds
        }
        guard instant.nanoseconds >= origin else { return latest }
        // 48 samples are 1,000,000 ns; held below what the multiplication can take (six years).
        let elapsed = min(instant.nanoseconds - origin, UInt64(Int64.max) / 64)
        latest = max(latest, Int(elapsed * 6 / 125_000))
        return latest
    }

    /// How long the frame took, were it as long as the newest one.
    func transit(of entry: FrameStore.Entry) -> Int {
        entry.arrival - entry.end + frameLength
    }

    /// What was learnt about the network is kept when the sender goes over to other frames.
    private mutating func followFrameLength(_ duration: Int, sequence: Int) {
        newestSequence = sequence
        if frameLength > 0, duration != frameLength {
            estimator.shift(by: duration - frameLength)
            previousTransit += duration - frameLength
        }
        frameLength = duration
    }

    /// Counts a packet whose frame we have: its copy overtook it, or it came twice.
    private mutating func noteSecond(_ sequence: Int) {
        if store.takeCopyMark(of: sequence) {
            countPacket(sequence)
        } else {
            statistics.duplicates += 1
        }
    }

    /// Counts a packet, and those that are missing in front of it.
    private mutating func countPacket(_ sequence: Int) {
        statistics.packetsReceived += 1
        if sequence <= newestPacket {
            // It was overtaken, and had been taken for lost.
            statistics.packetsLost = max(0, statistics.packetsLost - 1)
            return
        }
        let missing = sequence - newestPacket - 1
        newestPacket = sequence
        guard missing > 0 else { return }
        statistics.packetsLost += missing
        statistics.packetBursts += 1
    }

    private mutating func measure(transit: Int, arrival: Int, isCopy: Bool) {
        defer {
            estimator.update(transit: transit, arrival: arrival)
            statistics.quickestTransit = estimator.base
        }
        guard !isCopy else { return }
        if statistics.packetsReceived > 1 {
            let difference = Float(min(48_000, abs(transit - previousTransit)))
            statistics.jitter += (difference - statistics.jitter) / 16
        }
        previousTransit = transit
    }

    private mutating func restart(at sequence: Int) {
        store.removeAll()
        newestSequence = Int.min
        frameLength = 0
        estimator.reset()
        control = LevelControl()
        decoder.reset()
        state = .silent
        nextSequence = sequence
        hasEnded = false
        isStarved = false
        forgetSeam()
        framesSinceLoss = Self.framesToRecover
        isDecoderConcealing = false
        lateRun = 0
        noise = ComfortNoise()
        noiseRun = 0
    }
}
