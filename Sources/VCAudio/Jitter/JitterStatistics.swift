/// What one member's jitter buffer has seen since its start.
public struct JitterStatistics: Sendable, Equatable, BitwiseCopyable {
    public init() {}

    /// Frames that arrived and belong to the stream, late ones included; divide the next ones by
    /// `received + lost`.
    public var received = 0
    /// Frames that were skipped because they had not come when a later one was played. One that
    /// comes after all is counted as late instead.
    public var lost = 0
    /// Frames that came too late to be played, or only in part.
    public var late = 0
    /// Frames that came twice.
    public var duplicates = 0
    /// Packets that are no Opus frame, or that fit nowhere in the stream.
    public var refused = 0
    /// Frames that came in time and were left out to catch up.
    public var dropped = 0
    /// Frames that came in time and were not decoded, because the machine could not decode all.
    public var skipped = 0
    /// Lost frames that came again as copies behind later ones.
    public var recovered = 0
    /// Packets that arrived with a frame of their own, and those that did not, whatever became of
    /// their frames; and how often one or several in a row did not.
    public var packetsReceived = 0
    public var packetsLost = 0
    public var packetBursts = 0
    /// Arrival less time stamp of the quickest packet of the last two seconds, in samples: only
    /// differences mean something.
    public var quickestTransit = 0
    /// Samples that were made up in place of sound that was not there.
    public var concealedSamples = 0
    /// How often the sound was shortened or lengthened by up to 10 ms.
    public var splices = 0
    /// How often the stream began anew.
    public var restarts = 0
    /// The interarrival jitter of RFC 3550 section 6.4.1, in samples.
    public var jitter: Float = 0
    /// How long frames waited between arrival and the start of their sound, in samples, averaged
    /// over some thirty frames.
    public var waiting: Float = 0
    /// How long packets are waited for at present, over the quickest one, in samples.
    public var target = 0
    /// When the next sample is played, less its time stamp, in samples: only differences mean
    /// something. Stands still while nothing is played.
    public var playoutTransit = 0
    /// Whether a frame was played since the start.
    public var hasPlayed = false

    /// Frames of 10 ms that were made up.
    public var concealed: Int { (concealedSamples + 479) / 480 }
    /// `jitter` in milliseconds.
    public var jitterMilliseconds: Double { Double(jitter) / 48 }
    /// `waiting` in milliseconds.
    public var bufferMilliseconds: Double { Double(waiting) / 48 }
}
