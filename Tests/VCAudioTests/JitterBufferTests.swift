import CAllocationCounter
import Glibc
import Testing
import VCAudio
import VCAudioTestKit
import VCCore

@Suite(.serialized) struct JitterBufferTests {
    @Test(
        "on a perfect network the sound is the plain decoder's, sample for sample, no splice"
    )
    func perfect() throws {
        let voice = try VoicePackets(count: 3_000, pauses: false)
        var run = try JitterRun()
        run.keepsSound = true
        let flights = (0..<3_000).map { Flight(frame: $0, arrival: $0 * 480 + 480) }
        run.run(flights, packets: voice.packets, until: 3_000 * 480)
        var decoder = try OpusDecoder()
        let decoded = SampleBuffer(count: OpusDecoder.frameLimit)
        var plain: [Float] = []
        for packet in voice.packets {
            let count = try decoder.decode(packet.span.bytes, into: decoded)
            for index in 0..<count { plain.append(decoded[index]) }
        }
        let start = try #require(run.sound.firstIndex { $0 != 0 })
        let first = try #require(plain.firstIndex { $0 != 0 })
        // The first 2.5 ms rise from silence.
        let length = 48_000 * 29
        // That rise begins at zero, which hides the very first sample.
        let offset = start - first - 1
        var differing = 0
        for index in (first + 240)..<length where plain[index] != run.sound[index + offset] {
            differing += 1
        }
        #expect(differing == 0)
        #expect(run.buffer.statistics.splices == 0)
        #expect(run.buffer.statistics.concealedSamples == 0)
        #expect(run.buffer.statistics.lost == 0)
        #expect(run.buffer.statistics.late == 0)
        // Behind arrival: 5 ms and one block at most.
        #expect(offset <= 480 + 240 + 256, "delay \(offset)")
    }

    @Test(
        "traces of real networks stay near the target, and the same seed gives the same sound",
        arguments: Trace.allCases)
    func traces(trace: Trace) throws {
        let voice = try VoicePackets(count: 500)
        let count = 12_000
        func once() throws -> (JitterStatistics, UInt64, Float) {
            var run = try JitterRun()
            let flights = trace.flights(count: count, seed: 7)
            var hash: UInt64 = 0
            var waited: Float = 0
            var blocks: Float = 0
            run.run(flights, packets: voice.packets, until: count * 480 + 24_000) {
                run, sounds in
                if sounds {
                    hash = (hash ^ UInt64(run.output[100].bitPattern)) &* 0x100_0000_01B3
                }
                waited += Float(run.buffer.statistics.target)
                blocks += 1
            }
            return (run.buffer.statistics, hash, waited / blocks)
        }
        let (first, hash, target) = try once()
        let (second, secondHash, _) = try once()
        #expect(first == second)
        #expect(hash == secondHash)
        #expect(first.received == count)
        #expect(first.lost + first.dropped <= first.late + first.dropped + 1)
        let lateLimit: Double, targetLimit: Float, concealedLimit: Double
        switch trace {
        case .lan: (lateLimit, targetLimit, concealedLimit) = (0, 12, 0.001)
        case .cable: (lateLimit, targetLimit, concealedLimit) = (0.02, 30, 0.02)
        case .wifi: (lateLimit, targetLimit, concealedLimit) = (0.02, 60, 0.02)
        case .lte: (lateLimit, targetLimit, concealedLimit) = (0.03, 80, 0.03)
        }
        let report = Comment(rawValue: "\(trace) \(first) mean target \(target / 48) ms")
        #expect(Double(first.late) <= lateLimit * Double(count), report)
        #expect(Double(first.concealed) <= concealedLimit * Double(count), report)
        #expect(target / 48 <= targetLimit, report)
        print(report)
    }

    @Test("reordered packets are played in order, nothing is made up")
    func reorder() throws {
        let voice = try VoicePackets(count: 100)
        var run = try JitterRun()
        // The network has shown jitter of 25 ms before, then swaps every other pair.
        var flights: [Flight] = []
        for frame in 0..<2_000 {
            let extra = frame % 2 == 0 ? 1_000 : 0
            flights.append(Flight(frame: frame, arrival: frame * 480 + 480 + extra))
        }
        flights.sort { ($0.arrival, $0.frame) < ($1.arrival, $1.frame) }
        var before = JitterStatistics()
        run.run(flights, packets: voice.packets, until: 1_990 * 480) { run, _ in
            if run.time < 600 * 480 { before = run.buffer.statistics }
        }
        let after = run.buffer.statistics
        #expect(after.late == before.late)
        #expect(after.concealedSamples == before.concealedSamples)
        #expect(after.lost == before.lost)
        #expect(after.received >= 1_980)
    }

    @Test(
        "frames that a jump of the sequence leaves behind do not sound for ever",
        arguments: [127, 128, 200, 1_000])
    func jump(step: Int) throws {
        let voice = try VoicePackets(count: 10, pauses: false)
        var run = try JitterRun()
        // Two at once, before anything is played; what lies between never comes. And the first
        // one again, of which nothing may be left either.
        for (frame, ahead) in [(0, 0), (step, step * 120), (0, 0)] {
            run.receive(
                voice.packets[0], sequence: 100 + frame, timestamp: 10_000 + ahead,
                arrival: 480)
        }
        var blocks = 0
        while run.buffer.isSounding, blocks < 2_000 {
            _ = run.play()
            blocks += 1
        }
        #expect(blocks < 2_000)
    }

    @Test("duplicates are counted and played once")
    func duplicates() throws {
        let voice = try VoicePackets(count: 100)
        var run = try JitterRun()
        let flights = (0..<1_000).flatMap {
            [
                Flight(frame: $0, arrival: $0 * 480 + 480),
                Flight(frame: $0, arrival: $0 * 480 + 500),
            ]
        }
        run.run(flights, packets: voice.packets, until: 1_001 * 480)
        #expect(run.buffer.statistics.received == 1_000)
        #expect(run.buffer.statistics.duplicates == 1_000)
        #expect(run.buffer.statistics.late == 0)
    }

    @Test("lost packets are concealed and counted, and do not raise the delay")
    func loss() throws {
        let voice = try VoicePackets(count: 100, pauses: false)
        var run = try JitterRun()
        var random = SplitMix64(seed: 3)
        var lost = 0
        var flights: [Flight] = []
        for frame in 0..<6_000 {
            if frame > 10, frame < 5_990, Int.random(in: 0..<10, using: &random) == 0 {
                lost += 1
            } else {
                flights.append(Flight(frame: frame, arrival: frame * 480 + 480))
            }
        }
        run.run(flights, packets: voice.packets, until: 6_000 * 480)
        let statistics = run.buffer.statistics
        #expect(statistics.lost == lost)
        #expect(statistics.late == 0)
        #expect(abs(statistics.concealed - lost) <= 2)
        #expect(statistics.target <= 240 + 256)
        #expect(statistics.splices == 0)
    }

    @Test(
        "after an outage of two seconds the voice is back within 200 ms",
        arguments: [false, true])
    func outage(packetsComeLater: Bool) throws {
        let voice = try VoicePackets(count: 100, pauses: false)
        var run = try JitterRun()
        let down = 1_000 * 480
        let up = down + 96_000
        var flights: [Flight] = []
        for frame in 0..<2_000 {
            let arrival = frame * 480 + 480
            if arrival < down || arrival >= up {
                flights.append(Flight(frame: frame, arrival: arrival))
            } else if packetsComeLater {
                flights.append(Flight(frame: frame, arrival: up))
            }
        }
        var back = Int.max
        run.run(flights, packets: voice.packets, until: 2_000 * 480) { run, sounds in
            guard run.time > up, sounds else { return }
            let energy = run.output.energy(at: 0, count: 256)
            if energy > 1e-4, back == Int.max { back = run.time - up }
        }
        #expect(back <= 200 * 48, "back after \(back / 48) ms")
        // And it is in time again: nothing of the outage is left in the delay.
        #expect(run.buffer.statistics.bufferMilliseconds < 20)
    }

    @Test(
        "a hold of 200 ms at any time after the first second does not lengthen what follows",
        arguments: [1.1, 1.6, 2.5, 4, 6, 10, 20], [false, true])
    func hold(start: Double, pauses: Bool) throws {
        let voice = try VoicePackets(count: 400, pauses: pauses)
        var run = try JitterRun()
        let count = 2_500
        let down = Int(start * 48_000)
        let up = down + 9_600
        let flights = (0..<count).map { frame in
            let arrival = frame * 480 + 480
            return Flight(
                frame: frame, arrival: (down..<up).contains(arrival) ? up : arrival)
        }
        var highest = 0
        var before = 0
        run.run(flights, packets: voice.packets, until: count * 480) { run, sounds in
            guard sounds else { return }
            let statistics = run.buffer.statistics
            let delay = statistics.playoutTransit - statistics.quickestTransit
            if run.time < down { before = delay }
            // A tenth of a second to get over it.
            if run.time > up + 4_800 { highest = max(highest, delay) }
        }
        let report = "\(before / 48) ms before, up to \(highest / 48) after"
        #expect(before > 0 && highest < before + 240, "\(report)")
        #expect(run.buffer.statistics.splices <= 2)
    }

    @Test(
        "after ten minutes of 50 to 500 ms and loss the delay is what it was in a quiet minute",
        arguments: [0, 2])
    func drains(lossPercent: Int) throws {
        let voice = try VoicePackets(count: 400)
        var run = try JitterRun()
        var random = SplitMix64(seed: 11)
        let quiet = Tests.isFull ? 6_000 : 3_000
        let rough = Tests.isFull ? 60_000 : 12_000
        let count = quiet + rough + quiet
        var last = 0
        let flights = (0..<count).compactMap { frame -> Flight? in
            let isRough = frame >= quiet && frame < quiet + rough
            if isRough, Int.random(in: 0..<100, using: &random) < lossPercent { return nil }
            let delay = isRough ? Int.random(in: 2_400...24_000, using: &random) : 2_400
            last = max(last, frame * 480 + 480 + delay)
            return Flight(frame: frame, arrival: last)
        }
        var highest: Float = 0
        var before: Float = 0
        run.run(flights, packets: voice.packets, until: count * 480) { run, _ in
            highest = max(highest, Float(run.buffer.statistics.bufferMilliseconds))
            if run.time < quiet * 480 { before = run.buffer.statistics.waiting }
        }
        #expect(highest < 600)
        #expect(run.buffer.statistics.waiting - before < 20 * 48)
        #expect(run.buffer.statistics.target <= 240 + 256)
    }

    @Test(
        "clocks that differ never make the delay grow, nor the sound break; a day in full",
        arguments: [-200, -100, 100, 200])
    func drift(ppm: Int) throws {
        let voice = try VoicePackets(count: 400)
        var run = try JitterRun(block: 480)
        // 24 hours at what sound cards really differ by.
        let seconds = Tests.isFull ? (abs(ppm) == 100 ? 86_400 : 7_200) : 600
        let count = seconds * 100
        let flights = (0..<count).map {
            Flight(frame: $0, arrival: Int(Double($0 * 480 + 480) * (1 + Double(ppm) * 1e-6)))
        }
        var highest: Float = 0
        var allocations = vc_allocation_count()
        run.run(flights, packets: voice.packets, until: (count - 200) * 480) { run, _ in
            if run.time <= 96_000 {
                allocations = vc_allocation_count()
            } else {
                highest = max(highest, run.buffer.statistics.waiting)
            }
        }
        let grown = vc_allocation_count() - allocations
        let statistics = run.buffer.statistics
        let report = Comment(rawValue: "\(ppm) ppm: \(statistics), highest \(highest / 48) ms")
        #expect(highest / 48 < 25, report)
        #expect(grown == 0, "memory stays what it was")
        #expect(statistics.dropped == 0, report)
        #expect(Double(statistics.concealedSamples) < 0.001 * Double(count * 480), report)
        // 200 ppm are 12 ms a minute: ten splices of 1.25 ms in pauses.
        #expect(statistics.splices <= seconds / 60 * 11 + 6, report)
    }

    @Test("silence between talk spurts is no loss, and each spurt starts with the right delay")
    func talkSpurts() throws {
        let voice = try VoicePackets(count: 100, pauses: false)
        var run = try JitterRun()
        var sequence = 0
        for spurt in 0..<40 {
            let start = run.time / 480 * 480 + 48_000
            for index in 0..<100 {
                var flags: FrameFlags = index == 0 ? .startOfTalkSpurt : []
                // Every third spurt loses its end, every fifth its start.
                if index == 99, spurt % 3 != 0 { flags = .endOfTalkSpurt }
                if index == 0, spurt % 5 == 0 { flags = [] }
                let due = start + index * 480 + 480
                while run.time < due { _ = run.play() }
                run.receive(
                    voice.packets[index], sequence: sequence, timestamp: start + index * 480,
                    arrival: due, flags: flags)
                sequence += 1
            }
            while run.time < start + 72_000 { _ = run.play() }
            let isSounding = run.buffer.isSounding
            #expect(!isSounding)
        }
        let statistics = run.buffer.statistics
        #expect(statistics.received == 4_000)
        #expect(statistics.lost == 0)
        #expect(statistics.late == 0)
        // 14 lost ends of at most 100 ms each.
        #expect(statistics.concealed <= 14 * 11)
        #expect(statistics.bufferMilliseconds < 12, "\(statistics)")
    }

    @Test(
        "a million packets of garbage never trap, and 200 ms of good ones bring the voice back")
    func garbage() throws {
        let voice = try VoicePackets(count: 50, pauses: false)
        var run = try JitterRun()
        var random = SplitMix64(seed: 99)
        let rounds = Tests.isFull ? 1_000 : 100
        var failures = 0
        for _ in 0..<rounds {
            for _ in 0..<1_000 { feedGarbage(&run, voice.packets, &random) }
            // Good ones follow.
            let start = run.time
            let base = Int.random(in: 0..<Int(UInt32.max), using: &random)
            var sounded = false
            for index in 0..<20 {
                while run.time < start + index * 480 {
                    if run.play(), run.output.energy(at: 0, count: 256) > 1e-4 {
                        sounded = true
                    }
                }
                run.receive(
                    voice.packets[index + 10], sequence: base + index,
                    timestamp: base + index * 480, arrival: run.time)
            }
            while run.time < start + 9_600 {
                if run.play(), run.output.energy(at: 0, count: 256) > 1e-4 { sounded = true }
            }
            if !sounded || run.buffer.statistics.bufferMilliseconds.isNaN { failures += 1 }
        }
        #expect(failures == 0)
    }

    private func feedGarbage(
        _ run: inout JitterRun, _ packets: [[UInt8]], _ random: inout SplitMix64
    ) {
        var packet = packets[Int.random(in: 0..<packets.count, using: &random)]
        let kind = Int.random(in: 0..<8, using: &random)
        if kind == 0 {
            packet = (0..<Int.random(in: 0...400, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
        }
        // Near the truth, around the edges, or anywhere.
        let near = Int.random(in: -200...200, using: &random)
        let sequence =
            kind < 4 ? run.time / 480 + near : Int.random(in: 0...65_535, using: &random)
        let timestamp =
            kind % 2 == 0
            ? run.time + near * 480 : Int.random(in: 0...Int(UInt32.max), using: &random)
        run.receive(
            packet, sequence: sequence, timestamp: timestamp,
            arrival: kind == 3 ? Int.random(in: 0...run.time, using: &random) : run.time,
            flags: FrameFlags(rawValue: UInt8.random(in: 0...255, using: &random)))
        if Int.random(in: 0..<4, using: &random) == 0 { _ = run.play() }
    }
}

enum Tests {
    /// `VC_FULL=1` runs the counts of the requirements; otherwise smaller ones.
    static let isFull = getenv("VC_FULL") != nil
}
