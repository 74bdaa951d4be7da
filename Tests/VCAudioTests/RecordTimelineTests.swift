import CAllocationCounter
import Glibc
import Testing

@testable import VCAudio

@Suite struct RecordTimelineTests {
    private func ramp(_ start: Int, _ count: Int) -> SampleBuffer {
        let buffer = SampleBuffer(count: count)
        for index in 0..<count {
            buffer[index] = sinf(2 * .pi * 500 * Float(start + index) / 48_000)
        }
        return buffer
    }

    @Test(
        "a sound card whose clock is off is followed for ten minutes without a break of the sound",
        arguments: [-200.0, 0, 200])
    func drift(ppm: Double) {
        var timeline = RecordTimeline(origin: 1_000_000)
        let block = SampleBuffer(count: 4_800)
        var position = 0
        var worstStep: Float = 0
        var last: Float = 0
        var furthest = 0
        for piece in 0..<60_000 {
            // Times are told with an error of up to 3 ms, as devices do.
            let wobble = Double(piece * 7_919 % 6_000) - 3_000
            let elapsed = Double(position) / 48_000 * (1 + ppm * 1e-6) + wobble * 1e-6 + 0.01
            let place = timeline.place(
                .said, at: 1_000_000 + UInt64(elapsed * 1e9), count: 480)
            let exact = Int(Double(position) * (1 + ppm * 1e-6)) + 480
            furthest = max(furthest, abs(place.position - exact))
            let sound = ramp(position, 480)
            timeline.add(sound, at: 0, count: 480, place: place)
            position += 480
            // The beginning has no sample before it.
            while timeline.take(until: place.position - 9_600, atMost: 4_800, into: block) == 4_800
            {
                guard timeline.taken > 14_400 else { continue }
                for index in 0..<4_800 {
                    if index > 0 || timeline.taken > 19_200 {
                        worstStep = max(worstStep, abs(block[index] - last))
                    }
                    last = block[index]
                }
            }
        }
        #expect(furthest < 480, "within 10 ms, \(furthest)")
        // At 500 Hz a step is 0.066; where a sample is left out it is twice that.
        #expect(worstStep < 0.14, "\(worstStep)")
    }

    @Test("a side that was interrupted goes on where the clock says, and both sides add up")
    func interruption() {
        var timeline = RecordTimeline(origin: 0)
        let one = SampleBuffer(count: 480)
        for index in 0..<480 { one[index] = 0.25 }
        func add(_ side: RecordTimeline.Side, at milliseconds: UInt64) {
            let place = timeline.place(side, at: milliseconds * 1_000_000, count: 480)
            timeline.add(one, at: 0, count: 480, place: place)
        }
        add(.said, at: 0)
        add(.said, at: 10)
        add(.heard, at: 10)
        add(.said, at: 500)
        let track = SampleBuffer(count: 48_000)
        #expect(timeline.take(until: 48_000, atMost: 48_000, into: track) == 48_000)
        #expect(track[0] == 0.25 && track[479] == 0.25)
        #expect(track[480] == 0.5 && track[959] == 0.5)
        #expect(track[960] == 0 && track[23_999] == 0)
        #expect(track[24_000] == 0.25 && track[24_480] == 0)
        // What comes when its time was written is left out, and so is what lies far ahead.
        add(.said, at: 400)
        add(.heard, at: 9_000)
        #expect(timeline.take(until: 96_000, atMost: 48_000, into: track) == 48_000)
        #expect(track.peak(at: 0, count: 48_000) == 0)
    }

    @Test("hours for which the machine slept are cut out, and what follows is in step")
    func sleep() {
        let second: UInt64 = 1_000_000_000
        let hours = 8 * 3_600 * second
        var timeline = RecordTimeline(origin: 5 * second)
        timeline.note(6 * second)
        #expect(timeline.place(.said, at: 6 * second, count: 480).position == 48_000)
        // A minute in which nobody said a word is one.
        timeline.note(66 * second)
        #expect(timeline.position(of: 66 * second) == 61 * 48_000)
        let morning = 66 * second + hours
        timeline.note(morning)
        #expect(timeline.position(of: morning) == 62 * 48_000)
        // What was on its way when it fell asleep, and what is said and heard after it.
        #expect(timeline.place(.said, at: 66 * second, count: 480).position == 61 * 48_000)
        let said = timeline.place(.said, at: morning + second, count: 480).position
        let heard = timeline.place(.heard, at: morning + second + 20_000_000, count: 480).position
        #expect(said == 63 * 48_000 && heard == said + 960)
        // It sleeps again, and what is heard is the first to tell.
        let noon = morning + hours
        #expect(timeline.place(.heard, at: noon, count: 480).position == heard + 48_000)
        #expect(timeline.position(of: noon + second) == heard + 96_000)
        #expect(timeline.position(of: morning) == 62 * 48_000)
    }

    @Test("the audio threads allocate nothing for a recording, nor wait for a disk that hangs")
    func ring() {
        let tap = RecordTap()
        let samples = SampleBuffer(count: 960)
        tap.leave(samples, count: 960, start: 0)
        #expect(tap.ring == nil)
        tap.setOpen(true)
        tap.leave(samples, count: 960, start: 0)
        let before = vc_allocation_count()
        for frame in 0..<1_000 {
            tap.leave(samples, count: 960, start: UInt64(frame) * 20_000_000)
        }
        #expect(vc_allocation_count() == before)
        var kept = 0
        while tap.ring?.pop({ piece, _, _ in kept += piece.count }) ?? false {}
        #expect(kept == 256 * 480, "the newest are dropped: \(kept)")
    }
}
