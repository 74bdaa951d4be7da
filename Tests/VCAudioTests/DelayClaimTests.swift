import ALSATestKit
import Glibc
import Testing
import VCAudio
import VCCore

extension OneByOne {
    /// What a call says of its delay, against what a sound card measures that knows when each
    /// sample was in the air.
    @Suite(.serialized) struct DelayClaimTests {
        /// 6 ms from 1 to 5 kHz.
        private static let pulse: [Float] = (0..<288).map { index in
            let time = Float(index) / 48_000
            let edge = sinf(.pi * Float(index) / 288)
            return 0.6 * edge * edge * sinf(2 * .pi * (1_000 * time + 333_000 * time * time))
        }

        private func seconds() -> Double {
            var time = timespec()
            clock_gettime(CLOCK_MONOTONIC, &time)
            return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
        }

        /// How many samples later than `start` the pulse is in `sound`; nil where it is not.
        private func delay(in sound: [Float]) -> Int? {
            var best: (lag: Int, value: Float) = (0, 0)
            for lag in 0..<(sound.count - Self.pulse.count) {
                var product: Float = 0
                for index in Self.pulse.indices {
                    product += sound[lag + index] * Self.pulse[index]
                }
                if product > best.value { best = (lag, product) }
            }
            let energy = Self.pulse.reduce(0) { $0 + $1 * $1 }
            return best.value > 0.3 * energy ? best.lag : nil
        }

        @Test(
            "mouth_to_ear_ms is what is measured between microphone and loudspeaker, within a ms",
            arguments: Tests.isFull ? [48_000, 44_100] : [44_100],
            Tests.isFull
                ? [FrameDuration.tenMilliseconds, .twentyMilliseconds, .twoAndAHalfMilliseconds]
                : [FrameDuration.tenMilliseconds, .twoAndAHalfMilliseconds])
        func claim(rate: Int, frame: FrameDuration) throws {
            let card = try FixtureCard(rate: rate, isLoop: false)
            card.useHere()
            let loop = try EngineLoop(
                AudioEngine.Configuration(
                    capture: .alsa("microphone"), playback: .alsa("speaker"), gate: .open,
                    encoder: EncoderProfile(frame: frame)))
            letRun(milliseconds: 1_200)
            var pairs: [(measured: Double, claimed: Double)] = []
            for round in 0..<14 {
                // Not a multiple of any frame, so that all their phases are met.
                let start = FixtureCard.sample(at: seconds() + 0.06) + round * 37
                card.say(Self.pulse, at: start)
                letRun(milliseconds: 260)
                let heard = card.heard(from: start, count: 7_200)
                let engine = loop.engine.statistics
                let claimed =
                    engine.captureDelayMilliseconds + engine.decodingMilliseconds
                    + engine.playbackDelayMilliseconds
                    + loop.engine.memberStatistics(slot: 1).bufferMilliseconds
                if let delay = delay(in: heard) { pairs.append((Double(delay) / 48, claimed)) }
            }
            loop.stop()
            let report = Comment(rawValue: "\(pairs)")
            #expect(pairs.count >= 11, report)
            // The claim is an average: where the delay has just changed, it is on its way.
            let differences = pairs.map { abs($0.measured - $0.claimed) }.sorted()
            let middle = differences[differences.count / 2]
            print("off by \(middle) ms: \(report)")
            #expect(middle < 1, report)
        }
    }
}
