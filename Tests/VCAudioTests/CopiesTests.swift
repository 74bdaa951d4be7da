import Testing
import VCAudio
import VCAudioTestKit
import VCCore

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

    @Test(
        "a packet that its copy overtook is neither lost nor there twice",
        arguments: [[1], [1, 2]])
    func overtaken(backs: [Int]) throws {
        let voice = try VoicePackets(count: 100, pauses: false)
        var run = try JitterRun()
        for frame in 0..<1_000 {
            while run.time < frame * 480 + 480 { _ = run.play() }
            // Each tenth changes places with the one behind it.
            let swapped = frame % 10 == 8 ? frame + 1 : frame % 10 == 9 ? frame - 1 : frame
            for (back, flags) in backs.reversed().map({ ($0, FrameFlags.copy) }) + [(0, [])]
            where swapped >= back {
                run.receive(
                    voice.packets[(swapped - back) % 100], sequence: swapped - back,
                    timestamp: (swapped - back) * 480, arrival: frame * 480 + 480,
                    flags: flags)
            }
        }
        let statistics = run.buffer.statistics
        let report = Comment(rawValue: "\(statistics)")
        #expect(statistics.packetsReceived == 1_000, report)
        #expect(statistics.packetsLost == 0, report)
        #expect(statistics.duplicates == 0, report)
    }

    @Test(
        "a stream that begins anew is taken up at its third packet",
        arguments: [[], [1], [1, 2]])
    func beginsAnew(backs: [Int]) throws {
        let voice = try VoicePackets(count: 100, pauses: false)
        var run = try JitterRun()
        for frame in 0..<400 {
            while run.time < frame * 480 + 480 { _ = run.play() }
            // The sender slept for three seconds, of which its time stamps know nothing.
            let pause = frame < 200 ? 0 : 144_000
            for (back, flags) in backs.reversed().map({ ($0, FrameFlags.copy) }) + [(0, [])]
            where frame >= back {
                run.receive(
                    voice.packets[(frame - back) % 100], sequence: frame - back,
                    timestamp: (frame - back) * 480, arrival: frame * 480 + 480 + pause,
                    flags: flags)
            }
            if frame == 199 { run.time += 144_000 }
        }
        let statistics = run.buffer.statistics
        let isSounding = run.buffer.isSounding
        let report = Comment(rawValue: "\(statistics)")
        #expect(statistics.restarts == 2, report)
        #expect(statistics.packetsReceived >= 397, report)
        #expect(isSounding)
    }

    @Test("copies that nobody needs change nothing: no delay, no jitter, no duplicate")
    func needless() throws {
        let plain = try run(lossPercent: 0, backs: [])
        let both = try run(lossPercent: 0, backs: [1, 2])
        #expect(plain == both)
    }
}
