import Glibc
internal import VCCore

/// Five kinds of network, as delays over the quickest packet, made from a seed: ten minutes of
/// them are what a jitter buffer's delay and late packets are compared on.
public enum DelayTrace: String, CaseIterable, Sendable {
    /// A wire: 0.2 ms.
    case lan
    /// A few milliseconds, and six spikes of 10 to 30 ms a minute.
    case cable
    /// 90 short bursts a minute, and now and then a scan for other networks, 60 to 150 ms.
    case wifi
    /// A long tail, and once a minute a hand-over of 200 ms.
    case lte
    /// A queue of 0 to 120 ms that swings in 20 s, each other minute.
    case bufferbloat

    /// Milliseconds between two packets.
    public static let spacing = 10.0

    /// The delays of `count` packets that are sent each `spacing`, in milliseconds. No packet
    /// overtakes another one.
    public func delays(count: Int, seed: UInt64) -> [Double] {
        var random = SplitMix64(seed: seed)
        var delays = (0..<count).map { delay(of: $0, &random) }
        addBursts(to: &delays, &random)
        var last = 0.0
        for index in delays.indices {
            let sent = Double(index) * Self.spacing
            last = max(last, sent + delays[index])
            delays[index] = last - sent
        }
        return delays
    }

    private func delay(of packet: Int, _ random: inout SplitMix64) -> Double {
        switch self {
        case .lan: return abs(0.2 * Self.normal(&random))
        case .cable: return 1.2 * Self.gamma(1.5, &random)
        case .wifi: return 2.5 * Self.gamma(1.2, &random)
        case .lte: return exp(1.8 + 0.7 * Self.normal(&random))
        case .bufferbloat:
            let time = Double(packet) * Self.spacing / 1_000
            let isSwinging = time.truncatingRemainder(dividingBy: 120) < 60
            let queue = isSwinging ? 60 * (1 + sin(2 * .pi * time / 20)) : 0
            return queue + 1.5 * Self.gamma(1.2, &random)
        }
    }

    private func addBursts(to delays: inout [Double], _ random: inout SplitMix64) {
        // As many as in ten minutes of 60,000 packets.
        let share = Double(delays.count) / 60_000
        func add(
            _ number: Double, _ length: ClosedRange<Int>, _ height: ClosedRange<Double>,
            falls: Bool = true
        ) {
            for _ in 0..<Int((number * share).rounded()) {
                let start = Int.random(in: 0..<delays.count, using: &random)
                let count = Int.random(in: length, using: &random)
                let peak = Double.random(in: height, using: &random)
                for index in 0..<min(count, delays.count - start) {
                    let part = falls ? Double(count - 1 - index) / Double(count - 1) : 1
                    delays[start + index] += peak * part
                }
            }
        }
        switch self {
        case .lan, .bufferbloat: return
        case .cable: add(60, 3...3, 10...30, falls: false)
        case .wifi:
            add(900, 2...5, 10...40)
            add(15, 12...12, 60...150)
        case .lte: add(10, 20...20, 200...200)
        }
    }

    private static func normal(_ random: inout SplitMix64) -> Double {
        // Box and Muller.
        let radius = sqrt(-2 * log(Double.random(in: 1e-12..<1, using: &random)))
        return radius * cos(2 * .pi * Double.random(in: 0..<1, using: &random))
    }

    /// A gamma variate of scale one; the shape is at least one (Marsaglia and Tsang 2000).
    private static func gamma(_ shape: Double, _ random: inout SplitMix64) -> Double {
        let d = shape - 1.0 / 3
        let c = 1 / sqrt(9 * d)
        while true {
            let x = normal(&random)
            let v = pow(1 + c * x, 3)
            guard v > 0 else { continue }
            let u = Double.random(in: 1e-12..<1, using: &random)
            if log(u) < 0.5 * x * x + d - d * v + d * log(v) { return d * v }
        }
    }
}
