import Testing
import VCAudio
import VCAudioTestKit
import VCCore

extension OneByOne {
    @Suite(.serialized) struct CopiesTests {
        /// 30 s of frames, of which the random ones are lost; each packet carries copies of the
        /// frames so far back.
        private func run(lossPercent: Int, backs: [Int]) throws -> JitterStatistics {
            let voice = try VoicePackets(count: 100, pauses: false)
            var run = try JitterRun()
            var random = SplitMix64(seed: 5)
            for frame in 0..<3_000 {
                while run.time < frame * 480 + 480 { _ = run.play() }
                guard Int.random(in: 0..<100, using: &random) >= lossPercent else { continue }
                for back in backs.reversed() where frame >= back {
                    run.receive(
                        voice.packets[(frame - back) % 100], sequence: frame - back,
                        timestamp: (frame - back) * 480, arrival: frame * 480 + 480,
                        flags: .copy)
                }
                run.receive(
                    voice.packets[frame % 100], sequence: frame, timestamp: frame * 480,
                    arrival: frame * 480 + 480)
            }
            return run.buffer.statistics
        }

        @Test("a tenth of the packets is lost and nearly every frame is heard, n-1 in the next one")
        func tenth() throws {
            let plain = try run(lossPercent: 10, backs: [])
            let copied = try run(lossPercent: 10, backs: [1])
            let both = try run(lossPercent: 10, backs: [1, 2])
            let report = Comment(rawValue: "\(plain.concealed) \(copied) \(both)")
            #expect(plain.concealed > 250, report)
            // Two in a row: one in a hundred.
            #expect(copied.concealed < 60, report)
            #expect(both.concealed < 20, report)
            #expect(copied.recovered > 220, report)
        }

        @Test("what the network lost is counted, whatever copies have mended")
        func counts() throws {
            let plain = try run(lossPercent: 10, backs: [])
            let both = try run(lossPercent: 10, backs: [1, 2])
            #expect(plain.packetsLost > 250)
            #expect(both.packetsLost == plain.packetsLost)
            #expect(both.packetBursts == plain.packetBursts)
            #expect(both.packetsReceived == plain.packetsReceived)
            #expect(both.lost < 20)
        }

        @Test("copies that nobody needs change nothing: no delay, no jitter, no duplicate")
        func needless() throws {
            let plain = try run(lossPercent: 0, backs: [])
            let both = try run(lossPercent: 0, backs: [1, 2])
            #expect(plain == both)
        }
    }
}
