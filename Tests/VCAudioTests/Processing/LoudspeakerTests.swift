import Testing
import VCCore

@testable import VCAudio

@Suite("What the loudspeaker plays, for echo cancellation")
struct LoudspeakerTests {
    /// A loudspeaker whose every sample is its number, and a microphone.
    private struct Rig: ~Copyable {
        let ring = LoudspeakerRing()
        var reader: LoudspeakerReader
        let block = SampleBuffer(count: 256)
        let frame = SampleBuffer(count: 480)
        var played = 0
        var random = SplitMix64(seed: 3)
        /// Of the clocks, in ppm, and of the stamps, in milliseconds.
        let drift: Double
        let jitter: Double
        /// How many of a hundred stamps are late, because a thread was held for up to 15 ms.
        let held: Int
        /// Blocks that do not follow what was before, from the next on.
        var breaks = 0

        init(drift: Double = 0, jitter: Double = 0, held: Int = 0) {
            reader = LoudspeakerReader(ring)
            self.drift = drift
            self.jitter = jitter
            self.held = held
        }

        mutating func stamp(_ seconds: Double) -> UInt64 {
            var off = jitter > 0 ? Double.random(in: -jitter...jitter, using: &random) : 0
            if held > 0, Int.random(in: 0..<100, using: &random) < held {
                off += Double.random(in: 0...15, using: &random)
            }
            return UInt64((10 + seconds + off / 1_000) * 1e9)
        }

        /// Plays until the sample that is heard at `seconds`, two blocks ahead.
        mutating func play(until seconds: Double, latency: Double = 0.0107, from start: Double = 0)
        {
            let rate = 48_000 * (1 + drift * 1e-6)
            while start + Double(played) / rate - latency <= seconds {
                for index in 0..<256 { block[index] = Float((played + index) % 10_000) }
                ring.push(
                    block, count: 256, heardAt: stamp(start + Double(played) / rate),
                    isContinuous: breaks == 0)
                breaks = max(0, breaks - 1)
                played += 256
            }
        }

        /// The frame of the microphone that ends at `seconds`.
        mutating func read(at seconds: Double) -> (first: Float, lead: Int) {
            let end = stamp(seconds)
            let lead = reader.read(480, into: frame, frameEnd: end)
            return (frame[0], lead ?? 0)
        }
    }

    @Test("with one clock each sample is read once, as it was played, however stamps jitter")
    func exact() {
        var rig = Rig(jitter: 1)
        var expected: Float?
        var frames = 0
        for number in 1...1_000 {
            let time = Double(number) / 100
            rig.play(until: time)
            let (first, _) = rig.read(at: time)
            if let expected, first != expected {
                Issue.record("frame \(number) begins with \(first), not \(expected)")
                return
            }
            guard expected != nil || first > 0 else { continue }
            var isWhole = true
            for index in 1..<480 where rig.frame[index] != Float((Int(first) + index) % 10_000) {
                isWhole = false
            }
            #expect(isWhole)
            expected = Float((Int(first) + 480) % 10_000)
            frames += 1
        }
        // Of the 1,000, but for those after which it knows how near it can read.
        #expect(frames > 985)
        let drift = rig.reader.driftPPM
        #expect(drift == 0)
    }

    @Test("however stamps jitter, one clock is not taken for two", arguments: [2, 5])
    func oneClock(jitter: Int) {
        for seed in UInt64(1)...14 {
            var rig = Rig(jitter: Double(jitter))
            rig.random = SplitMix64(seed: seed)
            var found = 0.0
            for number in 1...6_000 {
                let time = Double(number) / 100
                rig.play(until: time)
                _ = rig.read(at: time)
                found = max(found, abs(rig.reader.driftPPM))
            }
            #expect(found == 0, "seed \(seed)")
        }
    }

    @Test(
        "the drift of two clocks is found within seconds, to 10 ppm, also on a busy machine",
        arguments: [-100, 30, 300], [0, 3])
    func drift(ppm: Int, held: Int) {
        var errors: [Double] = []
        for seed in UInt64(1)...6 {
            var rig = Rig(drift: Double(ppm), jitter: 0.3, held: held)
            rig.random = SplitMix64(seed: seed)
            for number in 1...1_500 {
                let time = Double(number) / 100
                rig.play(until: time)
                _ = rig.read(at: time)
                guard number == 500, abs(ppm) >= 100 else { continue }
                let found = rig.reader.driftPPM
                #expect(abs(found - Double(ppm)) < (held > 0 ? 60 : 30), "\(found)")
            }
            errors.append(abs(rig.reader.driftPPM - Double(ppm)))
        }
        // Stamps that jitter leave something to chance.
        #expect(errors.reduce(0, +) / Double(errors.count) < 10, "\(errors)")
        #expect((errors.max() ?? 0) < (held > 0 ? 35 : 20), "\(errors)")
    }

    @Test(
        "a loudspeaker far away is read late, so that its echo comes soon after",
        arguments: [
            (0.0107, 430...600), (0.3, 1_900...2_400),
        ])
    func lead(latency: Double, expected: ClosedRange<Int>) {
        var rig = Rig()
        var lead = -1
        for number in 1...200 {
            let time = Double(number) / 100
            rig.play(until: time, latency: latency)
            lead = rig.read(at: time).lead
        }
        #expect(expected.contains(lead), "\(lead) samples")
    }

    @Test("however blocks and frames lie to each other, a near loudspeaker is read at once")
    func nearest() {
        for phase in stride(from: 0.0, to: 256, by: 16) {
            var rig = Rig()
            var leads: Set<Int> = []
            for number in 1...200 {
                let time = Double(number) / 100
                rig.play(until: time, from: phase / 48_000)
                let lead = rig.read(at: time).lead
                if number > 100 { leads.insert(lead) }
            }
            // The newest is heard 512 samples later at least; 64 are for what comes late, and 32
            // are how finely periods of 256 and frames of 480 meet.
            #expect(leads.allSatisfy { (512 - 64 - 48...512).contains($0) }, "\(phase): \(leads)")
        }
    }

    @Test("while nothing is played there is silence, and after a pause it goes on")
    func pause() {
        var rig = Rig()
        for number in 1...100 {
            rig.play(until: Double(number) / 100)
            _ = rig.read(at: Double(number) / 100)
        }
        var silent: Float = 0
        for number in 101...200 {
            _ = rig.read(at: Double(number) / 100)
            // The last of it is still on its way for some frames.
            if number > 110 { silent = max(silent, rig.frame.peak(at: 0, count: 480)) }
        }
        #expect(silent == 0)
        // It plays again, a second late.
        for number in 201...300 {
            rig.play(until: Double(number) / 100, from: 1)
            _ = rig.read(at: Double(number) / 100)
        }
        let heard = rig.frame.peak(at: 0, count: 480)
        #expect(heard > 0)
    }

    @Test("playback that is late now and then costs what is missing, and moves nothing")
    func late() {
        var rig = Rig(drift: 100)
        var leads: [Int] = []
        for number in 1...1_000 {
            let time = Double(number) / 100
            // A thread is held for 15 ms each second.
            let isHeld = number % 100 == 50
            if !isHeld { rig.play(until: time - (number % 100 == 51 ? 0.005 : 0)) }
            leads.append(rig.read(at: time).lead)
            if isHeld {
                #expect(rig.frame.peak(at: 400, count: 80) == 0, "what nobody played yet")
            }
        }
        let (first, last) = (leads[100], leads[999])
        #expect(first > 400 && abs(first - last) < 16, "\(first) became \(last)")
        #expect(leads[100...].allSatisfy { $0 > 400 }, "it began again")
        #expect(abs(rig.reader.driftPPM - 100) < 2)
    }

    @Test("playback that is late often is read later, and its clock stays what it was")
    func lateOften() {
        var rig = Rig(drift: 100)
        var found: [Double] = []
        var lateFrames = 0
        for number in 1...2_000 {
            let time = Double(number) / 100
            // From the fifth second on one thread is 4 ms later than the other in each tenth frame.
            rig.play(until: time, latency: number > 500 && number % 10 == 0 ? 0.006 : 0.0107)
            _ = rig.read(at: time)
            if number > 1_000, rig.frame[479] == 0 { lateFrames += 1 }
            if number > 400 { found.append(rig.reader.driftPPM) }
        }
        #expect(lateFrames < 5, "\(lateFrames)")
        let range = (found.min() ?? 0)...(found.max() ?? 0)
        #expect((80...120).contains(range.lowerBound) && range.upperBound < 120, "\(range)")
    }

    @Test("a loudspeaker that begins again is known at once, however short it was silent")
    func xrun() {
        var rig = Rig(drift: 0)
        var before = 0
        for number in 1...300 {
            rig.play(until: Double(number) / 100)
            before = rig.read(at: Double(number) / 100).lead
        }
        // The loudspeaker begins again, and is heard five milliseconds sooner.
        rig.breaks = 1
        var after = 0
        for number in 301...800 {
            rig.play(until: Double(number) / 100, from: -0.005)
            after = rig.read(at: Double(number) / 100).lead
        }
        #expect(abs(before - after) <= 48, "\(before) became \(after)")
        let drift = rig.reader.driftPPM
        #expect(drift == 0)
    }

    @Test("after a microphone that stood still, what was heard meanwhile is not read")
    func stall() {
        var rig = Rig()
        for number in 1...100 {
            rig.play(until: Double(number) / 100)
            _ = rig.read(at: Double(number) / 100)
        }
        // A third of a second, all of which is still there to be read.
        rig.play(until: 1.33)
        let (_, lead) = rig.read(at: 1.33)
        #expect(lead == 0 && rig.frame.peak(at: 0, count: 480) == 0, "nothing, until it is known")
        for number in 134...200 {
            rig.play(until: Double(number) / 100)
            let (_, lead) = rig.read(at: Double(number) / 100)
            #expect(lead >= 0)
        }
    }

    @Test("a microphone that sleeps for minutes costs nothing but the newest of what is played")
    func sleep() {
        var rig = Rig()
        rig.play(until: 60)
        rig.reader.restart()
        rig.play(until: 60.5)
        var heard: Float = 0
        for number in 0..<100 {
            let time = 61 + Double(number) / 100
            rig.play(until: time)
            _ = rig.read(at: time)
            heard = rig.frame.peak(at: 0, count: 480)
        }
        #expect(heard > 0)
    }

    @Test("time stamps of any kind are survived")
    func nonsense() {
        let ring = LoudspeakerRing()
        var reader = LoudspeakerReader(ring)
        let block = SampleBuffer(count: 256)
        let frame = SampleBuffer(count: 480)
        var random = SplitMix64(seed: 9)
        for _ in 0..<20_000 {
            let stamp = random.next() >> UInt64.random(in: 0...63, using: &random)
            ring.push(block, count: Int.random(in: 0...256, using: &random), heardAt: stamp)
            let lead = reader.read(480, into: frame, frameEnd: random.next()) ?? 0
            if abs(lead) > 48_000 {
                Issue.record("\(lead)")
                return
            }
        }
    }

    @Test("that another loudspeaker plays is told once")
    func otherDevice() {
        let ring = LoudspeakerRing()
        var reader = LoudspeakerReader(ring)
        let before = reader.takeOtherDevice()
        ring.noteDevice()
        let (first, second) = (reader.takeOtherDevice(), reader.takeOtherDevice())
        #expect(!before && first && !second)
    }

    @Test("a microphone is held back by what is missing, faded in, and not for a moment's jitter")
    func nearDelay() {
        var delay = NearDelay()
        let frame = SampleBuffer(count: 480)
        var sample = 0
        func next() -> (first: Float, last: Float) {
            for index in 0..<480 { frame[index] = Float(sample + index) }
            sample += 480
            delay.process(frame, at: 0)
            return (frame[0], frame[479])
        }
        for _ in 0..<9 { delay.note(missing: 300) }
        delay.note(missing: 20)
        for _ in 0..<3 { #expect(next().first == Float(sample - 480)) }
        #expect(delay.samples == 0)
        for missing in 300..<310 { delay.note(missing: missing) }
        #expect(delay.samples == 300)
        let faded = next()
        #expect(faded.first == Float(sample - 480))
        #expect(abs(faded.last - Float(sample - 1 - 300)) < 2)
        let delayed = next()
        #expect(delayed.first == Float(sample - 480 - 300))
        // It stays, and has an end.
        for _ in 0..<50 { delay.note(missing: -100) }
        #expect(delay.samples == 300)
        for _ in 0..<50 { delay.note(missing: 100_000) }
        #expect(delay.samples == NearDelay.longest)
        // With another device it goes, faded out.
        _ = next()
        delay.startOver()
        #expect(delay.samples == 0)
        #expect(abs(next().last - Float(sample - 1)) < 4)
        #expect(next().first == Float(sample - 480))
    }
}
