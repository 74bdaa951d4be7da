import Testing
import VCAudio
import VCAudioTestKit
import VCCore

@Suite(.serialized) struct JitterSettingsTests {
    /// Plays ten seconds of frames that come as `delay` says, in samples behind their time.
    private func run(
        _ settings: JitterSettings, delay: (Int) -> Int
    ) throws -> JitterStatistics {
        let voice = try VoicePackets(count: 1_000, pauses: false)
        var run = try JitterRun(settings: settings)
        let flights = (0..<1_000).map { Flight(frame: $0, arrival: $0 * 480 + 480 + delay($0)) }
        run.run(
            flights.sorted { $0.arrival < $1.arrival }, packets: voice.packets,
            until: 1_000 * 480)
        return run.buffer.statistics
    }

    @Test("packets are waited for at least as long as was chosen, on a perfect network too")
    func shortest() throws {
        let usual = try run(JitterSettings()) { _ in 0 }
        #expect(usual.bufferMilliseconds < 15)
        let patient = try run(JitterSettings(delay: 3_840...9_600)) { _ in 0 }
        #expect(
            (78.0...95).contains(patient.bufferMilliseconds), "\(patient.bufferMilliseconds)")
        #expect(patient.lost == 0 && patient.late == 0)
    }

    @Test("where a path becomes quicker the delay comes down, in noise, too")
    func quicker() throws {
        var random = SplitMix64(seed: 4)
        // -30 dBFS, with neither pitch nor pause.
        let noise = try VoicePackets(count: 2_000) { _ in
            0.055 * (Float(random.next(below: 65_536)) / 32_768 - 1)
        }
        var run = try JitterRun()
        let flights = (0..<2_000).map { frame in
            Flight(frame: frame, arrival: frame * 480 + 480 + (frame < 500 ? 1_200 : 480))
        }
        var before = 0
        run.run(flights, packets: noise.packets, until: 1_500 * 480) { run, _ in
            if run.time < 450 * 480 { before = run.buffer.statistics.playoutTransit }
        }
        let gained = before - run.buffer.statistics.playoutTransit
        #expect((420...1_000).contains(gained), "\(gained / 48) ms of 15")
    }

    @Test("and at most so long, on a network that would need more")
    func longest() throws {
        // Each tenth frame comes 60 ms late.
        func jitter(_ frame: Int) -> Int { frame % 10 == 5 ? 2_880 : 0 }
        let usual = try run(JitterSettings(), delay: jitter)
        let hasty = try run(JitterSettings(delay: 120...960), delay: jitter)
        #expect(hasty.bufferMilliseconds < 25, "\(hasty.bufferMilliseconds)")
        #expect(usual.bufferMilliseconds > 40, "\(usual.bufferMilliseconds)")
        #expect(usual.late < 30 && hasty.late > 80, "\(usual.late), \(hasty.late)")
    }

    @Test("limits beyond what buffers are made for are held within it")
    func held() {
        #expect(JitterSettings(delay: 0...1_000_000) == JitterSettings())
        #expect(JitterSettings(delay: 20_000...30_000).delay == 9_600...9_600)
    }

    @Test("without comfort noise a failing network is heard as silence")
    func noise() throws {
        // Three seconds of voice in a room at -63 dBFS, then nothing.
        func tail(_ settings: JitterSettings) throws -> Float {
            var random = SplitMix64(seed: 3)
            let voice = try VoicePackets(count: 600) { position in
                VoiceSignal.sample(at: position)
                    + Float.random(in: -0.0012...0.0012, using: &random)
            }
            var run = try JitterRun(settings: settings)
            run.keepsSound = true
            let flights = (0..<300).map { Flight(frame: $0, arrival: $0 * 480 + 480) }
            run.run(flights, packets: voice.packets, until: 350 * 480)
            // Behind the concealment of 100 ms.
            return run.sound[(316 * 480)..<(325 * 480)].map(abs).max() ?? 0
        }
        #expect(try tail(JitterSettings()) > 0)
        #expect(try tail(JitterSettings(makesComfortNoise: false)) == 0)
    }
}
