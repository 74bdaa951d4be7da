internal import VCCore
internal import Synchronization

/// What the room hears of one member.
public struct MemberStatistics: Sendable, Equatable {
    public var received = 0
    public var lost = 0
    public var late = 0
    /// Frames of 10 ms that were made up.
    public var concealed = 0
    public var duplicates = 0
    /// Packets that were no frame or fitted nowhere.
    public var refused = 0
    /// Frames that were left out to catch up.
    public var dropped = 0
    /// Frames that were not decoded, because the machine could not decode all who talked.
    public var skipped = 0
    public var splices = 0
    /// Lost frames that came again as copies behind later ones.
    public var recovered = 0
    /// Packets with a frame of their own that arrived, that did not, and how often one or several
    /// in a row did not.
    public var packetsReceived = 0
    public var packetsLost = 0
    public var packetBursts = 0
    /// Arrival less time stamp of the quickest packet lately, in samples: only differences mean
    /// something.
    public var quickestTransit = 0
    /// RFC 3550's interarrival jitter.
    public var jitterMilliseconds = 0.0
    /// How long sound waits between arrival and playback, without the device.
    public var bufferMilliseconds = 0.0
    /// Whether the member's first sound was played out.
    public var hasPlayed = false
    /// Whether the member is being heard now.
    public var isSounding = false
    /// Whether what it says is only for some.
    public var isWhispering = false

    public init() {}
}

/// Everything about one member, for three threads: the network pushes frames, playback takes them,
/// control looks and sets. Lives at a fixed address.
struct MemberSlot: ~Copyable {
    /// Frames on their way to playback: as many as a jitter buffer holds.
    static let ringCapacity = FrameStore.capacity
    /// With so many on their way playback is late, and copies of old frames are not what it needs:
    /// the rest is for the new ones.
    static let ringCapacityForCopies = ringCapacity / 4

    /// Made by control before `isActive` is first set, and kept.
    var ring: FrameRing?
    /// Playback's own, made with the ring.
    var jitter: JitterBuffer?
    /// Playback's own: the gain at the end of the last block.
    var appliedGain: Float = 1
    /// Playback's own: makes it as loud as the others.
    var leveler = Leveler()

    let isActive = Atomic<Bool>(false)
    let wantsReset = Atomic<Bool>(false)
    /// Somebody else has the slot now: what was counted is not theirs.
    let isTakenAnew = Atomic<Bool>(false)
    /// So many frames of `ring` are those of who had the slot before. Only playback may take them
    /// out, when it sees `isTakenAnew`.
    let formerFrames = Atomic<Int>(0)
    /// The bits of a Float factor.
    let gain = Atomic<UInt32>(Float(1).bitPattern)

    private let received = Atomic<Int>(0)
    private let lost = Atomic<Int>(0)
    private let late = Atomic<Int>(0)
    private let concealed = Atomic<Int>(0)
    private let duplicates = Atomic<Int>(0)
    private let refused = Atomic<Int>(0)
    private let dropped = Atomic<Int>(0)
    private let skipped = Atomic<Int>(0)
    private let splices = Atomic<Int>(0)
    private let recovered = Atomic<Int>(0)
    private let packetsReceived = Atomic<Int>(0)
    private let packetsLost = Atomic<Int>(0)
    private let packetBursts = Atomic<Int>(0)
    private let quickestTransit = Atomic<Int>(0)
    private let jitterSamples = Atomic<UInt32>(0)
    private let waitingSamples = Atomic<UInt32>(0)
    private let hasPlayed = Atomic<Bool>(false)
    private let isSounding = Atomic<Bool>(false)
    private let lastLevel = Atomic<UInt8>(127)
    private let isWhispering = Atomic<Bool>(false)

    /// How loud the member is, in -dBov (RFC 6464); 127 while it says nothing.
    var level: UInt8 { lastLevel.load(ordering: .relaxed) }

    /// Playback: what the newest frame tells; returns whether it whispers now and did not before,
    /// or the other way round.
    func publish(level: UInt8, isWhispering whispers: Bool) -> Bool {
        lastLevel.store(level, ordering: .relaxed)
        guard isWhispering.load(ordering: .relaxed) != whispers else { return false }
        isWhispering.store(whispers, ordering: .relaxed)
        return true
    }

    /// Playback: it says nothing now. Whether it whispered stays, while its last word is told.
    func publishSilence() {
        lastLevel.store(Level.silence, ordering: .relaxed)
    }

    /// Playback: publishes what the jitter buffer has counted. Returns whether the member's sound
    /// began or ended, or was the first one.
    func publish(_ statistics: JitterStatistics, isSounding sounds: Bool) -> Bool {
        received.store(statistics.received, ordering: .relaxed)
        lost.store(statistics.lost, ordering: .relaxed)
        late.store(statistics.late, ordering: .relaxed)
        concealed.store(statistics.concealed, ordering: .relaxed)
        duplicates.store(statistics.duplicates, ordering: .relaxed)
        refused.store(statistics.refused, ordering: .relaxed)
        dropped.store(statistics.dropped, ordering: .relaxed)
        skipped.store(statistics.skipped, ordering: .relaxed)
        splices.store(statistics.splices, ordering: .relaxed)
        recovered.store(statistics.recovered, ordering: .relaxed)
        packetsReceived.store(statistics.packetsReceived, ordering: .relaxed)
        packetsLost.store(statistics.packetsLost, ordering: .relaxed)
        packetBursts.store(statistics.packetBursts, ordering: .relaxed)
        quickestTransit.store(statistics.quickestTransit, ordering: .relaxed)
        jitterSamples.store(statistics.jitter.bitPattern, ordering: .relaxed)
        waitingSamples.store(statistics.waiting.bitPattern, ordering: .relaxed)
        let isNews =
            hasPlayed.load(ordering: .relaxed) != statistics.hasPlayed
            || isSounding.load(ordering: .relaxed) != sounds
        guard isNews else { return false }
        hasPlayed.store(statistics.hasPlayed, ordering: .relaxed)
        isSounding.store(sounds, ordering: .relaxed)
        return true
    }

    /// Control: what was published last.
    var statistics: MemberStatistics {
        var result = MemberStatistics()
        result.received = received.load(ordering: .relaxed)
        result.lost = lost.load(ordering: .relaxed)
        result.late = late.load(ordering: .relaxed)
        result.concealed = concealed.load(ordering: .relaxed)
        result.duplicates = duplicates.load(ordering: .relaxed)
        result.refused = refused.load(ordering: .relaxed)
        result.dropped = dropped.load(ordering: .relaxed)
        result.skipped = skipped.load(ordering: .relaxed)
        result.splices = splices.load(ordering: .relaxed)
        result.recovered = recovered.load(ordering: .relaxed)
        result.packetsReceived = packetsReceived.load(ordering: .relaxed)
        result.packetsLost = packetsLost.load(ordering: .relaxed)
        result.packetBursts = packetBursts.load(ordering: .relaxed)
        result.quickestTransit = quickestTransit.load(ordering: .relaxed)
        let jitter = Float(bitPattern: jitterSamples.load(ordering: .relaxed))
        let waiting = Float(bitPattern: waitingSamples.load(ordering: .relaxed))
        result.jitterMilliseconds = Double(jitter) / 48
        result.bufferMilliseconds = Double(waiting) / 48
        result.hasPlayed = hasPlayed.load(ordering: .relaxed)
        result.isSounding = isSounding.load(ordering: .relaxed)
        result.isWhispering = isWhispering.load(ordering: .relaxed)
        return result
    }
}
