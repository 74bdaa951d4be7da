import Glibc
import Testing
import VCAudioTestKit
import VCCore

/// Delays over the quickest packet, in samples, made from a seed (the traces of the research, in
/// the manner of NetEq's and Mumble's complaints).
enum Trace: String, CaseIterable, CustomTestStringConvertible {
    case lan, cable, wifi, lte

    var testDescription: String { rawValue }

    /// Arrivals of `count` frames sent each `spacing` samples; FIFO, so nothing is overtaken.
    func flights(count: Int, spacing: Int = 480, seed: UInt64) -> [Flight] {
        var random = SplitMix64(seed: seed)
        var delays = (0..<count).map { _ in milliseconds(&random) }
        addBursts(to: &delays, &random)
        var last = 0
        return delays.enumerated().map { number, delay in
            last = max(last, number * spacing + spacing + Int(delay * 48))
            return Flight(frame: number, arrival: last)
        }
    }

    private func milliseconds(_ random: inout SplitMix64) -> Float {
        func exponential() -> Float { -logf(Float.random(in: 1e-6..<1, using: &random)) }
        switch self {
        case .lan: return 0.2 * exponential()
        case .cable: return 1.2 * (exponential() + 0.5 * exponential())
        case .wifi: return 2.5 * exponential()
        case .lte: return 4 * (exponential() + exponential())
        }
    }

    private func addBursts(to delays: inout [Float], _ random: inout SplitMix64) {
        // Bursts a minute, packets of a burst, height in ms.
        let (rate, length, height): (Int, ClosedRange<Int>, ClosedRange<Float>) =
            switch self {
            case .lan: (0, 1...1, 0...0)
            case .cable: (6, 1...3, 10...30)
            case .wifi: (90, 2...6, 10...40)
            case .lte: (1, 20...20, 200...200)
            }
        for _ in 0..<(delays.count * rate / 6_000) {
            let start = Int.random(in: 0..<delays.count, using: &random)
            let count = Int.random(in: length, using: &random)
            let peak = Float.random(in: height, using: &random)
            for index in start..<min(delays.count, start + count) {
                delays[index] += peak * Float(start + count - index) / Float(count)
            }
        }
    }
}
