import CVCLinux
import Glibc
import Synchronization
import Testing

@testable import VCAudio

extension OneByOne {
    /// A recorder whose clock is the machine's, and a long time ahead after it slept.
    @Suite(.serialized) struct RecordSleepTests {
        private final class Clock: Sendable {
            private let ahead = Atomic<UInt64>(0)

            var now: UInt64 { vc_boottime_nanoseconds() + ahead.load(ordering: .relaxed) }

            func sleep(minutes: UInt64) {
                ahead.wrappingAdd(minutes * 60_000_000_000, ordering: .relaxed)
            }
        }

        /// Half a second of 0.25 of each side, at the pace of the clock.
        private func talk(_ taps: [RecordTap], _ clock: Clock) {
            let samples = SampleBuffer(count: 480)
            for index in 0..<480 { samples[index] = 0.25 }
            for _ in 0..<50 {
                let now = clock.now
                for tap in taps { tap.leave(samples, count: 480, start: now) }
                // At the pace of a microphone, because the recorder's thread works in real time.
                usleep(10_000)
            }
        }

        @Test("what waited in both rings while the disk hung is all written")
        func backlog() throws {
            // Two seconds at once.
            let track = try record(passing: 2_000) { said, heard, start in
                for tap in [said, heard] { leave(200, from: start, in: tap) }
            }
            let both = track.count { $0 > 0.4 }
            let one = track.count { $0 > 0.2 && $0 < 0.3 }
            #expect(both > 90_000 && one < 2_000, "\(both) of both sides, \(one) of one")
        }

        @Test("that the machine slept is seen by a sound from after it, too")
        func soundAfterSleep() throws {
            // The recorder's own look at the clock comes later.
            let track = try record(passing: 301_000) { said, _, start in
                leave(50, from: start, in: said)
                leave(50, from: start + 300_000_000_000, in: said)
            }
            let sounding = track.count { $0 > 0.2 }
            #expect(track.count < 144_000 && sounding > 40_000, "\(track.count), \(sounding)")
        }

        /// What is written of what `body` leaves in the taps of said and heard, while time stands
        /// still; then so many milliseconds pass.
        private func record(
            passing milliseconds: UInt64, _ body: (RecordTap, RecordTap, _ start: UInt64) -> Void
        ) throws -> [Float] {
            let directory = try TemporaryDirectory()
            let path = directory.path + "/call.wav"
            let start = vc_boottime_nanoseconds()
            let time = Moment(start)
            let (said, heard) = (RecordTap(), RecordTap())
            let recorder = try Recorder(
                path: path, said: said, heard: heard, clock: { time.now }, tell: {})
            body(said, heard, start)
            letRun(milliseconds: 300)
            time.pass(milliseconds: milliseconds)
            #expect(recorder.stop() == nil)
            return try WAV.read(path)
        }

        /// A time that passes when the test says so.
        private final class Moment: Sendable {
            private let nanoseconds: Atomic<UInt64>

            init(_ start: UInt64) { nanoseconds = Atomic(start) }

            var now: UInt64 { nanoseconds.load(ordering: .relaxed) }

            func pass(milliseconds: UInt64) {
                nanoseconds.wrappingAdd(milliseconds * 1_000_000, ordering: .relaxed)
            }
        }

        /// So many pieces of 10 ms, one behind the other.
        private func leave(_ pieces: Int, from start: UInt64, in tap: RecordTap) {
            let samples = SampleBuffer(count: 480)
            for index in 0..<480 { samples[index] = 0.25 }
            for piece in 0..<pieces {
                tap.leave(samples, count: 480, start: start + UInt64(piece) * 10_000_000)
            }
        }

        @Test(
            "a machine that sleeps in a recorded call leaves a second of silence in the file",
            arguments: [true, false])
        func sleep(isHeard: Bool) throws {
            let directory = try TemporaryDirectory()
            let path = directory.path + "/call.wav"
            let clock = Clock()
            let (said, heard) = (RecordTap(), RecordTap())
            let recorder = try Recorder(
                path: path, said: said, heard: heard, clock: { clock.now }, tell: {})
            talk([said, heard], clock)
            clock.sleep(minutes: 5)
            if isHeard { talk([said, heard], clock) } else { letRun(milliseconds: 500) }
            #expect(recorder.stop() == nil)
            let track = try WAV.read(path)
            // Twice what was said, the second, and what a busy machine adds to it.
            #expect(track.count > 80_000 && track.count < 144_000, "\(track.count)")
            let sounding = track.count { $0 > 0.4 }
            #expect(sounding > (isHeard ? 40_000 : 20_000), "both sides at once: \(sounding)")
        }
    }
}
