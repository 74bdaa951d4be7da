internal import VCCore

/// Reads from a `LoudspeakerRing`, at the pace of the microphone, what the loudspeaker plays, so
/// that between a sound here and its echo there lies always the same time: as long as possible
/// after it was played where little is known, and at most `longestLead` before it is heard.
///
/// Loudspeaker and microphone may have clocks of their own. How the two drift apart is measured
/// from the time stamps of their buffers, and made good by reading between the samples. Belongs to
/// the capture thread.
public struct LoudspeakerReader: ~Copyable {
    /// Samples kept between us and the newest: playback hands over whole periods, mostly of 256.
    private static var firstReserve: Int { period + 64 }
    /// Samples of a period of playback.
    private static var period: Int { 256 }
    private static var reserveStep: Int { 240 }
    private static var largestReserve: Int { 4_800 }
    /// The most that a sound is read before it is heard, in samples: 50 ms, by which time stamps
    /// may be wrong. What was heard longer ago than that is over.
    static var longestLead: Double { 2_400.0 }
    /// How far back the reader can go, in samples: a second. The longest buffers and the longest
    /// delay of the loudspeaker are half of one.
    private static var history: Int { 48_000 }
    /// A break between two blocks that nobody told of, in nanoseconds: playback was paused.
    private static var breakNanoseconds: UInt64 { 20_000_000 }
    /// When the stamps disagree by more than this with where we read, in samples (40 ms), for so
    /// many windows of distances (200 ms), something was moved without a word.
    private static var jumpSamples: Double { 1_920.0 }
    private static var jumpWindows: Int { 2 }

    private let ring: LoudspeakerRing
    /// Which loudspeaker plays, as the ring counts them.
    private var device = 0
    /// The newest block.
    private var block: LoudspeakerRing.Block?
    /// Where the next frame begins; nil until it is known.
    private var position: Double?
    /// Samples of the ring for each one of the microphone.
    private var ratio = 1.0
    private var distances = DistanceWindow()
    private var drift = DriftEstimator()
    private var reserve = LoudspeakerReader.firstReserve
    private var isDry = false
    /// Rises with each frame for which playback was late, and falls with each for which it was not:
    /// a thread that is held now and then does not matter. One that is late for six frames in a row
    /// (nothing is played any more), or for more than one in fifty, does.
    private var lateness = 0
    private static var latenessOfFrame: Int { 50 }
    private static var latenessLimit: Int { 300 }
    /// Frames since the last anchor. At its start a device takes blocks as it likes, so that to run
    /// dry then says nothing.
    private var framesInStep = 0
    private static var framesToSettle: Int { 50 }
    /// Where periods and frames meet decides how near to the newest can be read, which decides how
    /// long the microphone waits (`NearDelay`). It is looked at first, for 100 ms: after eight
    /// frames of 480 and periods of 256 have met in all ways.
    private static var framesToLook: Int { 10 }
    private var framesLooked = 0
    /// Where the frame would begin, had we not to look first, and the fewest samples that were
    /// there behind it.
    private var candidate = 0.0
    private var fewestLeft = Double.infinity
    private var windowsAstray = 0

    public init(_ ring: LoudspeakerRing) {
        self.ring = ring
    }

    /// How fast the loudspeaker's clock is beside the microphone's, less one, in millionths.
    public var driftPPM: Double { (ratio - 1) * 1e6 }

    /// Forgets where it read: the microphone was paused. The clocks stay what they are.
    public mutating func restart() {
        position = nil
        framesLooked = 0
        framesInStep = 0
        lateness = 0
        distances = DistanceWindow()
        drift = DriftEstimator()
    }

    /// Whether another loudspeaker plays since the last call.
    mutating func takeOtherDevice() -> Bool {
        defer { device = ring.device }
        return device != ring.device
    }

    /// There is another device: nothing is known of when it takes its blocks, nor of its clock.
    public mutating func startOver() {
        restart()
        ratio = 1
        reserve = Self.firstReserve
        isDry = false
    }

    /// Fills `target` with `count` samples for the frame of the microphone that ends at `end`
    /// (nanoseconds of the boot clock): silence where nothing is played, and then nil. How many
    /// samples later than that frame they are heard, as far as the stamps can be believed.
    public mutating func read(
        _ count: Int, into target: borrowing SampleBuffer, frameEnd end: UInt64
    ) -> Int? {
        fetchBlocks()
        let newest = ring.end
        defer { letGo(newest) }
        guard let block else {
            target.clear(at: 0, count: count)
            return nil
        }
        let nanoseconds = Double(Int64(bitPattern: end &- block.heardAt))
        let since = nanoseconds * Double(Limits.sampleRate) / 1e9
        let heardNow = Double(block.start - count) + since
        if position == nil { look(newest: newest, count: count, heardNow: heardNow) }
        guard let start = position else {
            target.clear(at: 0, count: count)
            return nil
        }
        let known = min(count, Int((Double(newest - 3) - start) / ratio))
        noteLateness(known < count)
        guard start >= Double(ring.start + 1), start > heardNow - Self.longestLead,
            lateness < Self.latenessLimit
        else {
            isDry = isDry || framesInStep >= Self.framesToSettle
            restart()
            target.clear(at: 0, count: count)
            return nil
        }
        // What comes too late is missed; what follows keeps its place.
        copy(max(0, known), from: start, into: target)
        target.clear(at: max(0, known), count: count - max(0, known))
        position = start + Double(count) * ratio
        if isDry, reserve < Self.largestReserve { reserve += Self.reserveStep }
        isDry = false
        framesInStep += 1
        compare(heardNow - start)
        return Int(max(-Self.jumpSamples, min(Double(Self.history), start - heardNow)))
    }

    private mutating func fetchBlocks() {
        while let next = ring.nextBlock() {
            if let block {
                let expected = UInt64(next.start - block.start) * 62_500 / 3
                let gap = Int64(bitPattern: next.heardAt &- block.heardAt &- expected)
                if !next.isContinuous || gap.magnitude > Self.breakNanoseconds { beginAgain() }
            }
            block = next
        }
    }

    /// After a break between the samples.
    private mutating func beginAgain() {
        restart()
        isDry = false
    }

    private mutating func noteLateness(_ isLate: Bool) {
        lateness = isLate ? lateness + Self.latenessOfFrame : max(0, lateness - 1)
    }

    /// Chooses where to read: what is heard far from now at once, else as near to the newest as
    /// can be, when that is known.
    private mutating func look(newest: Int, count: Int, heardNow: Double) {
        let latest = Double(newest - reserve - count)
        let wanted = (heardNow + Self.longestLead).rounded()
        guard latest < wanted else {
            // What is heard now was never played: the first block is still on its way.
            guard wanted >= 1 || ring.start > 0 else { return }
            position = max(Double(ring.start + 1), wanted)
            return
        }
        candidate = framesLooked == 0 ? latest : candidate + Double(count) * ratio
        let left = Double(newest) - candidate - Double(count)
        guard left >= 0 else {
            // That is no jitter: nothing is played any more.
            framesLooked = 0
            return
        }
        fewestLeft = framesLooked == 0 ? left : min(fewestLeft, left)
        framesLooked += 1
        guard framesLooked >= Self.framesToLook else { return }
        framesLooked = 0
        let spare = (fewestLeft - Double(reserve - Self.period)).rounded(.down)
        position = max(Double(ring.start + 1), candidate + spare)
    }

    private mutating func compare(_ distance: Double) {
        guard distances.note(distance) else { return }
        if drift.count > 0, abs(distances.median - drift.mean) > Self.jumpSamples {
            windowsAstray += 1
            drift.note(nil)
            if windowsAstray >= Self.jumpWindows { beginAgain() }
            return
        }
        windowsAstray = 0
        drift.note(distances.typical)
        if let slope = drift.takeSlope() {
            ratio += slope / Double(DistanceWindow.count * ProcessingOptions.frameSamples)
        }
    }

    private func letGo(_ newest: Int) {
        let needed = position.map { Int($0) - 2 } ?? newest
        ring.release(before: min(needed, newest - Self.history))
    }

    private func copy(_ count: Int, from start: Double, into target: borrowing SampleBuffer) {
        let first = Int(start)
        var index = 0
        if ratio == 1, start == Double(first) {
            while index < count {
                target[index] = ring.sample(first + index)
                index += 1
            }
            return
        }
        while index < count {
            let place = start + Double(index) * ratio
            // It is never below zero.
            let whole = Int(place)
            target[index] = between(whole, Float(place - Double(whole)))
            index += 1
        }
    }

    /// The sound `part` of a sample after sample `number`: the cubic through the four around it
    /// (Lagrange), right to -60 dB up to 4 kHz, beyond which speech has little.
    private func between(_ number: Int, _ part: Float) -> Float {
        let before = part + 1
        let after = part - 1
        let beyond = part - 2
        return -part * after * beyond / 6 * ring.sample(number - 1)
            + before * after * beyond / 2 * ring.sample(number)
            - before * part * beyond / 2 * ring.sample(number + 1)
            + before * part * after / 6 * ring.sample(number + 2)
    }
}
