/// Watches how far the delay is from its target, and how much of it is really to spare.
///
/// Times and delays are in samples (48 kHz).
struct LevelControl {
    /// One decision, and at most one splice, in this time: 100 ms.
    static let interval = 4_800
    /// In speech nothing is done for less than this: 6 ms. Lengthening stays below it, so that the
    /// two never chase each other.
    static let shortenThreshold = 288
    /// How far below the target a splice may lead, 2 ms, when no packet needed it lately: a pitch
    /// period is 3 to 10 ms, and what is above the target by less would stay there.
    static let overshoot = 96
    /// In speech the sound is lengthened when this much is missing: 5 ms.
    static let lengthenThreshold = 240
    /// Less than this is never added: 4 ms, more than the estimate moves by when one packet in a
    /// while is slow, so that it does not lengthen what it has just shortened.
    static let smallestLengthening = 192
    /// In a pause less than this is not taken out: 1.25 ms.
    static let smallestInPause = 60
    /// What a splice leaves between the arrival of a packet and its use: 1 ms.
    static let spareTime = 48
    /// Intervals that the spare time is remembered for at least; twice that at most.
    static let spareIntervals = 4

    private var intervalStart = Int.min
    private var lowestLevel = Int.max
    private var spare = Int.max
    private var previousSpare = Int.max
    private var intervalsOfSpare = 0

    /// Samples to take out (positive) or to add (negative) at the next good place.
    private(set) var wanted = 0
    /// The part of it that leads just to the target: in a pause more would be too much. Zero when
    /// that is too little to be worth it.
    private(set) var exact = 0
    /// Intervals for which a splice has been wanted.
    private(set) var patience = 0

    /// Notes that a frame was there `time` before it was needed.
    mutating func noteSpare(_ time: Int) {
        spare = min(spare, time)
    }

    /// Notes the delay at the start of a block, and decides once in 100 ms.
    mutating func noteLevel(_ level: Int, target: Int, at time: Int) {
        if intervalStart == Int.min { intervalStart = time }
        lowestLevel = min(lowestLevel, level)
        guard time - intervalStart >= Self.interval else { return }
        decide(excess: lowestLevel - target)
        intervalStart = time
        lowestLevel = Int.max
        intervalsOfSpare += 1
        if intervalsOfSpare >= Self.spareIntervals {
            intervalsOfSpare = 0
            previousSpare = spare
            spare = Int.max
        }
    }

    /// Notes that the delay has jumped: what was seen is worth nothing now.
    mutating func restart(at time: Int) {
        intervalStart = time
        lowestLevel = Int.max
        wanted = 0
        exact = 0
        patience = 0
    }

    private mutating func decide(excess: Int) {
        let toSpare = min(spare, previousSpare)
        var next = 0
        if excess + Self.overshoot >= Splice.shortest, excess > 0, toSpare != Int.max {
            let most = min(excess + Self.overshoot, toSpare - Self.spareTime)
            if most >= Splice.shortest { next = min(most, Splice.longest) }
        } else if excess <= -Self.smallestLengthening {
            next = max(excess, -Splice.longest)
        }
        patience = next != 0 && (next > 0) == (wanted > 0) && wanted != 0 ? patience + 1 : 0
        wanted = next
        exact = next > 0 && excess < Self.smallestInPause ? 0 : next > 0 ? min(next, excess) : next
    }

    /// Whether a splice at `candidate` is worth being made now.
    func accepts(_ candidate: Splice.Candidate) -> Bool {
        if candidate.isQuiet { return exact != 0 }
        guard wanted >= Self.shortenThreshold || wanted <= -Self.lengthenThreshold else {
            return false
        }
        // First wait for a vowel, then take what comes: after a second anything is better than the
        // delay.
        return candidate.likeness >= (patience < 5 ? 0.85 : patience < 10 ? 0.5 : -1)
    }
}
