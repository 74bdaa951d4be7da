import Testing
import VCAudioTestKit
import VCCore

@testable import VCAudio

@Suite(.serialized) struct TraceTests {
    private static let vowel = Result<VoicePackets, any Error> { try makeVowel() }

    private static func makeVowel() throws -> VoicePackets {
        let frames = VoiceSignal.vowelPeriod / 480
        return try VoicePackets(count: frames, warmUp: frames, voice: VoiceSignal.vowel(at:))
    }

    @Test(
        "delay and late packets are those of the target obeyed at once, and nothing clicks",
        arguments: DelayTrace.allCases)
    func trace(_ trace: DelayTrace) throws {
        let vowel = try Self.vowel.get()
        let minutes = Tests.isFull ? 10 : 1
        let delays = trace.delays(count: minutes * 6_000, seed: 7)
        let ideal = IdealPlayout.proposed.score(delays)
        let own = try TraceRun(
            delays: delays, packets: vowel.packets, block: 48, keepsSound: true)
        let report = Comment(rawValue: "\(trace): \(own.delay) ms, \(own.latePercent) % late")
        // Half a block, and what a minute of rare events differs by from ten.
        #expect(own.delay <= 1.05 * ideal.delay + 1, report)
        #expect(own.latePercent <= 1.2 * ideal.latePercent + 0.1, report)
        let clicks = ClickDetector(undisturbed: try vowel.decoded())
        #expect(clicks.clicks(in: own.sound) == [], report)
        // A splice is as long as the block that it has to be found in.
        let coarse = try TraceRun(
            delays: delays, packets: vowel.packets, block: BufferLength.step, keepsSound: true)
        #expect(clicks.clicks(in: coarse.sound) == [], report)
    }

    @Test("the detector finds a hard cut, and nothing in what was not cut")
    func detector() throws {
        var sound = (0..<96_000).map { VoiceSignal.vowel(at: $0) }
        let detector = ClickDetector(undisturbed: sound)
        #expect(detector.clicks(in: sound) == [])
        // 2 ms are missing.
        sound.removeSubrange(50_000..<50_096)
        let clicks = detector.clicks(in: sound)
        #expect(clicks.count == 1)
        #expect(clicks.allSatisfy { abs($0 - 50_000) < 4 })
    }

    @Test("a frame that comes 8 ms too late is waited for in phase, without a click")
    func lateFrame() throws {
        let vowel = try Self.vowel.get()
        let clicks = ClickDetector(undisturbed: try vowel.decoded())
        for late in [100, 250, 384, 500, 700] {
            var run = try JitterRun()
            run.keepsSound = true
            var flights = (0..<300).map { Flight(frame: $0, arrival: $0 * 480 + 480) }
            for frame in stride(from: 60, to: 290, by: 50) {
                flights[frame].arrival += late
                flights[frame + 1].arrival = max(
                    flights[frame].arrival, flights[frame + 1].arrival)
            }
            run.run(flights, packets: vowel.packets, until: 300 * 480)
            #expect(clicks.clicks(in: run.sound) == [], "late by \(late)")
            #expect(run.buffer.statistics.lost == 0)
        }
    }

    @Test("a lost frame between two others does not click, nor do two of three")
    func lostFrames() throws {
        let vowel = try Self.vowel.get()
        let clicks = ClickDetector(undisturbed: try vowel.decoded())
        for pattern in [[0], [0, 2], [0, 1], [0, 1, 3]] {
            var run = try JitterRun()
            run.keepsSound = true
            let flights = (0..<600).filter { !pattern.contains(($0 - 60) % 30) }.map {
                Flight(frame: $0, arrival: $0 * 480 + 480)
            }
            run.run(flights, packets: vowel.packets, until: 600 * 480)
            #expect(clicks.clicks(in: run.sound) == [], "lost: \(pattern)")
        }
    }

    @Test(
        "when packets stop the sound fades, the room's noise stays half a second, then silence"
    )
    func comfortNoise() throws {
        var random = SplitMix64(seed: 3)
        // A room at -63 dBFS.
        let voice = try VoicePackets(count: 600) { position in
            VoiceSignal.sample(at: position)
                + Float.random(in: -0.0012...0.0012, using: &random)
        }
        var run = try JitterRun()
        run.keepsSound = true
        let flights = (0..<300).map { Flight(frame: $0, arrival: $0 * 480 + 480) }
        run.run(flights, packets: voice.packets, until: 300 * 480 + 48_000)
        func level(_ range: Range<Int>) -> Float {
            let energy = run.sound[range].reduce(Float(0)) { $0 + $1 * $1 }
            return energy / Float(range.count)
        }
        let end = 300 * 480
        let room = level((end + 6_000)..<(end + 18_000))
        #expect(room > 1e-8 && room < 4e-6, "\(room)")
        #expect(level((end + 36_000)..<(end + 47_000)) == 0)
        let isSounding = run.buffer.isSounding
        #expect(!isSounding)
    }
}
