import Testing
import VCAudio
import VCAudioTestKit
import VCCore

/// What becomes of a member that the machine has no time to decode.
@Suite(.serialized) struct SkipTests {
    private func talk(
        blocks: Int, skipping: Range<Int>
    ) throws -> (sound: [Float], JitterStatistics) {
        let voice = try VoicePackets(count: 400, pauses: false)
        var buffer = try JitterBuffer()
        let output = SampleBuffer(count: JitterBuffer.blockLimit)
        var sound: [Float] = []
        var next = 0
        for block in 0..<blocks {
            let time = block * 240
            while (next + 1) * 480 <= time {
                let packet = voice.packets[next % 400]
                buffer.receive(
                    VoiceFrame(
                        sequence: UInt16(next), timestamp: UInt32(next * 480),
                        instant: JitterRun.instant((next + 1) * 480)),
                    payload: packet.span.bytes)
                next += 1
            }
            let now = JitterRun.instant(time)
            let sounds =
                skipping.contains(block)
                ? buffer.skip(into: output, count: 240, at: now)
                : buffer.pull(into: output, count: 240, at: now)
            for index in 0..<240 { sound.append(sounds ? output[index] : 0) }
        }
        return (sound, buffer.statistics)
    }

    @Test("who is left out dies away and comes back without a click, at the same delay")
    func fades() throws {
        for start in 400..<404 {
            let (plain, _) = try talk(blocks: 1_000, skipping: 0..<0)
            let (sound, statistics) = try talk(blocks: 1_000, skipping: start..<600)
            let steps = zip(plain, plain.dropFirst()).map { abs($0 - $1) }.max() ?? 0
            let around = zip(sound, sound.dropFirst()).map { abs($0 - $1) }.max() ?? 0
            #expect(around <= steps * 1.3, "\(around) where \(steps) is usual")
            let silence = sound[(start + 1) * 240..<600 * 240].allSatisfy { $0 == 0 }
            #expect(silence)
            #expect(statistics.skipped >= 95 && statistics.skipped <= 101)
            #expect(statistics.lost == 0)
            #expect(statistics.late <= 1, "the frame of which the rest is played")
            #expect(statistics.concealedSamples == 0)
            // A quarter of a second later it is what it would have been.
            let again = 600 * 240 + 12_000
            let difference = (again..<again + 48_000).map { abs(sound[$0] - plain[$0]) }.max()
            #expect((difference ?? 1) < 0.02)
        }
    }

    @Test("who is left out and then not heard of any more is over, without the room's noise")
    func failsUnheard() throws {
        var random = SplitMix64(seed: 3)
        // A room at -63 dBFS.
        let voice = try VoicePackets(count: 600) { position in
            VoiceSignal.sample(at: position)
                + Float.random(in: -0.0012...0.0012, using: &random)
        }
        var run = try JitterRun(block: 240)
        let count = 500
        let flights = (0..<count).map { Flight(frame: $0, arrival: $0 * 480 + 480) }
        run.run(flights, packets: voice.packets, until: (count - 20) * 480)
        let talks = run.buffer.isSounding
        #expect(talks)
        var next = count - 20
        while run.time < (count + 100) * 480 {
            while next < count, flights[next].arrival <= run.time {
                run.receive(
                    voice.packets[next], sequence: 65_500 + next,
                    timestamp: 4_294_900_000 + next * 480, arrival: run.time)
                next += 1
            }
            _ = run.buffer.skip(
                into: run.output, count: 240, at: JitterRun.instant(run.time))
            run.time += 240
        }
        let sounds = run.buffer.isSounding
        #expect(!sounds)
    }

    @Test("the end of a talk that nobody decoded is its end")
    func ends() throws {
        let voice = try VoicePackets(count: 50, pauses: false)
        var buffer = try JitterBuffer()
        let output = SampleBuffer(count: JitterBuffer.blockLimit)
        var time = 0
        for number in 0..<50 {
            let packet = voice.packets[number]
            buffer.receive(
                VoiceFrame(
                    sequence: UInt16(number), timestamp: UInt32(number * 480),
                    flags: number == 49 ? .endOfTalkSpurt : [],
                    instant: JitterRun.instant(time)),
                payload: packet.span.bytes)
            for _ in 0..<2 {
                let sounds = buffer.skip(
                    into: output, count: 240, at: JitterRun.instant(time))
                #expect(!sounds)
                time += 240
            }
        }
        let before = buffer.isSounding
        #expect(before)
        for _ in 0..<20 {
            _ = buffer.skip(into: output, count: 240, at: JitterRun.instant(time))
            time += 240
        }
        let after = buffer.isSounding
        #expect(!after)
        #expect(buffer.statistics.skipped == 50)
    }
}
