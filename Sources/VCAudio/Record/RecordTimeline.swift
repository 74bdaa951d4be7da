/// Puts what was said and what was heard together on one track, by their times. The sound cards'
/// clocks differ from ours and from each other: a side that has drifted by some milliseconds is
/// moved by a sample with each piece, and a side that was interrupted goes on where the clock says.
/// While the machine sleeps nobody says anything: those hours are cut out.
///
/// Times are nanoseconds, positions samples since the start.
struct RecordTimeline: ~Copyable {
    enum Side: Int {
        case said = 0
        case heard = 1
    }

    /// Pieces that are so far from where the one before ended do not follow it: 40 ms.
    private static let jump = 1_920
    /// A drift of less is left alone, because times are known no better: 5 ms.
    private static let slack = 240
    /// Of how many pieces the drift is the average.
    private static let smoothing = 64
    /// How much can wait for the rest of it: 2 s.
    static let window = 96_000
    /// Where nobody told what time it was for longer than this, the machine slept: a minute, in
    /// nanoseconds. Eight hours of silence would be 2.8 GB of a WAV file.
    static let longestSilence: UInt64 = 60_000_000_000
    /// What is left of the time for which it slept: a second, so that what was under way when it
    /// fell asleep has ended before what follows, and both lie within the window.
    static let seam: UInt64 = 1_000_000_000

    /// Where a piece goes.
    struct Place: Equatable {
        var position: Int
        /// 1: its first sample is left out, -1: it is doubled, so that its neighbours still meet.
        var left = 0
    }

    /// One side of the sound.
    private struct Lane {
        /// Where the next piece goes if it follows the last one.
        var next: Int?
        var drift = 0
    }

    /// The time of position 0, as it would be had the machine never slept.
    private var origin: UInt64
    /// The same before the machine slept last, and when that was.
    private var formerOrigin: UInt64
    private var sleep: UInt64 = 0
    /// The latest time that was told.
    private var latest: UInt64
    private let mixed = SampleBuffer(count: RecordTimeline.window)
    private var lanes = (Lane(), Lane())
    /// All before this position is taken, nothing before it is taken any more.
    private(set) var taken = 0

    /// Begins at `origin`.
    init(origin: UInt64) {
        self.origin = origin
        formerOrigin = origin
        latest = origin
    }

    /// Is told what time it is, several times a second unless the machine sleeps.
    mutating func note(_ time: UInt64) {
        guard time > latest else { return }
        let silence = time - latest
        if silence > Self.longestSilence {
            formerOrigin = origin
            origin += silence - Self.seam
            sleep = latest + silence / 2
        }
        latest = time
    }

    /// The position of a time; 0 for what was before the start.
    func position(of time: UInt64) -> Int {
        let origin = time < sleep ? formerOrigin : origin
        return time > origin ? Int((time - origin) / 1_000 * 6 / 125) : 0
    }

    /// Where a piece of `count` samples from `time` on belongs.
    mutating func place(_ side: Side, at time: UInt64, count: Int) -> Place {
        note(time)
        return switch side {
        case .said: Self.place(&lanes.0, at: position(of: time), count: count)
        case .heard: Self.place(&lanes.1, at: position(of: time), count: count)
        }
    }

    private static func place(_ lane: inout Lane, at position: Int, count: Int) -> Place {
        guard let next = lane.next, abs(position - next) <= jump else {
            lane = Lane(next: position + count)
            return Place(position: position)
        }
        // In 1/64 samples, so that small differences are not lost.
        lane.drift += position - next - lane.drift / smoothing
        let left = lane.drift > slack * smoothing ? -1 : lane.drift < -slack * smoothing ? 1 : 0
        lane.next = next - left + count
        return Place(position: next - left, left: left)
    }

    /// Adds `count` samples of `source` from `offset` on at `place`, which lies within the window
    /// behind what was taken; what does not is left out.
    mutating func add(
        _ source: borrowing SampleBuffer, at offset: Int, count: Int, place: Place
    ) {
        for index in min(0, place.left)..<count where index != place.left - 1 {
            let position = place.position + index
            guard position >= taken, position < taken + Self.window else { continue }
            mixed[position % Self.window] += source[offset + max(0, index)]
        }
    }

    /// Takes up to `count` samples that lie before `end`; how many.
    mutating func take(until end: Int, atMost count: Int, into target: borrowing SampleBuffer)
        -> Int
    {
        let length = max(0, min(count, end - taken))
        for index in 0..<length {
            let slot = (taken + index) % Self.window
            target[index] = mixed[slot]
            mixed[slot] = 0
        }
        taken += length
        return length
    }
}
