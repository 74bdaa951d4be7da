import VCAudio
import VCAudioTestKit

/// The jitter buffer alone, in virtual time, on five kinds of network: its delay and its late
/// packets against the target of the design that is obeyed at once and for nothing. Once with a
/// voice that stops for breath, as voices do, and once with a vowel that never ends, so that each
/// change of the delay has to be made where it could be heard; that is where clicks are looked for.
struct JitterBench {
    /// Samples of a block: 1 ms. Half of it is on top of what the ideal has, which has no blocks.
    static let block = 48
    /// Samples of a block of a sound card.
    static let cardBlock = 256

    private let voice: VoicePackets
    private let vowel: VoicePackets
    private let clicks: ClickDetector

    init() throws {
        voice = try VoicePackets(count: VoiceSignal.period / 480, pauses: false)
        let frames = VoiceSignal.vowelPeriod / 480
        vowel = try VoicePackets(count: frames, warmUp: frames, voice: VoiceSignal.vowel(at:))
        clicks = ClickDetector(undisturbed: try vowel.decoded())
    }

    func run(minutes: Int) throws {
        for trace in DelayTrace.allCases {
            let delays = trace.delays(count: minutes * 6_000, seed: 7)
            let ideal = IdealPlayout.proposed.score(delays)
            let netEq = IdealPlayout.netEq.score(delays)
            let own = try TraceRun(delays: delays, packets: voice.packets, block: Self.block)
            let card = try TraceRun(delays: delays, packets: voice.packets, block: Self.cardBlock)
            let hard = try TraceRun(
                delays: delays, packets: vowel.packets, block: Self.block, keepsSound: true)
            row(
                "jitter buffer, \(trace): delay", own.delay, unit: "ms",
                limit: ideal.delay + Double(Self.block) / 2 / 48,
                note: "limit: the target obeyed at once; NetEq's \(tenth(netEq.delay)); blocks "
                    + "of 256: \(tenth(card.delay)); a vowel: \(tenth(hard.delay))")
            // What counts of rare things differ by from one run to the next (Poisson).
            let deviation = (ideal.latePercent / 100 / Double(delays.count)).squareRoot() * 100
            row(
                "jitter buffer, \(trace): late", own.latePercent, unit: "%",
                limit: ideal.latePercent + deviation,
                note:
                    "limit: it and a deviation; NetEq's \(hundredth(netEq.latePercent)); of 256: "
                    + "\(hundredth(card.latePercent)); a vowel: \(hundredth(hard.latePercent))")
            row(
                "jitter buffer, \(trace): clicks", Double(clicks.clicks(in: hard.sound).count),
                unit: "count", limit: 0,
                note: "in \(minutes) minutes of a vowel, \(hard.statistics.splices) splices, "
                    + "\(hard.statistics.concealed) frames concealed")
        }
    }

    private func row(
        _ name: String, _ value: Double, unit: String, limit: Double, note: String
    ) {
        vc_bench.row(name, [value], unit: unit, limit: limit, note: note)
    }

    private func tenth(_ value: Double) -> Double { (value * 10).rounded() / 10 }
    private func hundredth(_ value: Double) -> Double { (value * 100).rounded() / 100 }
}
