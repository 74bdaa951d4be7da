import CAllocationCounter
import Glibc
import VCAudio
import VCAudioTestKit
import VCCore

/// The jitter buffer over hours of virtual time: what a bad network or two clocks that differ leave
/// behind. Mumble's delay grows to seconds in the first case (mumble-voip/mumble#6354).
struct EnduranceBench {
    private static let frame = 480
    private static let minute = 6_000

    private let voice: VoicePackets

    init() throws {
        voice = try VoicePackets(count: VoiceSignal.period / Self.frame)
    }

    /// - Parameter hours: for how long two clocks run apart.
    func run(hours: Int) throws {
        for lossPercent in [0, 1, 2] { try drain(lossPercent: lossPercent) }
        for ppm in [-100, 100] { try drift(ppm: ppm, hours: hours) }
    }

    /// A quiet minute, ten in which each packet takes 50 to 500 ms, none overtakes another one and
    /// some are lost, and a quiet minute again.
    private func drain(lossPercent: Int) throws {
        var run = try JitterRun()
        var random = SplitMix64(seed: 11)
        var last = 0
        var waiting: [Float] = []
        let roughMinutes = 1..<11
        for number in 0..<(12 * Self.minute) {
            let isRough = roughMinutes.contains(number / Self.minute)
            let delay = isRough ? Int.random(in: 2_400...24_000, using: &random) : 2_400
            let isLost = isRough && Int.random(in: 0..<100, using: &random) < lossPercent
            last = max(last, number * Self.frame + Self.frame + delay)
            if !isLost { pass(number, at: last, in: &run) }
            if number % Self.minute == Self.minute - 1 {
                waiting.append(run.buffer.statistics.waiting / 48)
            }
        }
        row(
            "10 minutes of 50 to 500 ms, \(lossPercent) % lost: delay left",
            waiting[11] - waiting[0], unit: "ms", limit: 20,
            note: "\(tenth(waiting[0])) ms before, \(tenth(waiting[10])) at its end, "
                + "\(tenth(waiting[11])) a minute later")
    }

    /// A call of hours between two sound cards of which one is faster.
    private func drift(ppm: Int, hours: Int) throws {
        var run = try JitterRun(block: Self.frame)
        let count = hours * 60 * Self.minute
        var early: Float = 0
        var highest: Float = 0
        var allocations: UInt64 = 0
        for number in 0..<count {
            let due = Double(number * Self.frame + Self.frame)
            pass(number, at: Int(due * (1 + Double(ppm) * 1e-6)), in: &run)
            let waiting = run.buffer.statistics.waiting
            if number < 5 * Self.minute { early = max(early, waiting) }
            if number == 5 * Self.minute { allocations = vc_allocation_count() }
            if number > Self.minute / 2 { highest = max(highest, waiting) }
        }
        allocations = vc_allocation_count() - allocations
        let statistics = run.buffer.statistics
        let name = "\(hours) h of clocks \(ppm) ppm apart"
        row(
            "\(name): delay that was added", (highest - early) / 48,
            unit: "ms", limit: 1,
            note: "at most \(tenth(early / 48)) ms in the first five minutes, "
                + "\(tenth(highest / 48)) in all; \(statistics.splices) splices")
        row(
            "\(name): samples that were made up",
            100 * Float(statistics.concealedSamples) / Float(count * Self.frame), unit: "%",
            limit: 0.1,
            note:
                "\(statistics.lost) frames lost, \(statistics.late) late, "
                + "\(statistics.dropped) dropped"
        )
        row(
            "\(name): allocations", Float(allocations), unit: "count", limit: 0,
            note: "memory is what it was")
    }

    /// Plays until a packet arrives, and takes it in.
    private func pass(_ number: Int, at arrival: Int, in run: inout JitterRun) {
        while run.time < arrival { _ = run.play() }
        run.receive(
            voice.packets[number % voice.packets.count], sequence: number,
            timestamp: number * Self.frame, arrival: arrival)
    }

    private func row(_ name: String, _ value: Float, unit: String, limit: Double, note: String) {
        vc_bench.row(name, [Double(value)], unit: unit, limit: limit, note: note)
    }

    private func tenth(_ value: Float) -> Float { (value * 10).rounded() / 10 }
}
