import Glibc
import Testing
import VCAudio
import VCCore

/// A packet on its way: which frame it carries and when it arrives, in samples of the receiver.
struct Flight {
    var frame: Int
    var arrival: Int
}

/// A sender, a network and a receiver in virtual time.
struct JitterRun: ~Copyable {
    var buffer: JitterBuffer
    let block: Int
    let output = SampleBuffer(count: JitterBuffer.blockLimit)
    /// The receiver's time in samples.
    var time = 0
    /// Everything that was played, when asked for.
    var sound: [Float] = []
    var keepsSound = false
    /// The delay of what is played over the minimum transit, after each block that had sound.
    var delays: [Float] = []

    init(block: Int = 256) throws {
        buffer = try JitterBuffer()
        self.block = block
    }

    static func instant(_ samples: Int) -> Instant {
        // A start that is not zero, as a real clock has.
        Instant(nanoseconds: 5_000_000_000 + UInt64(samples) * 125_000 / 6)
    }

    mutating func receive(
        _ packet: [UInt8], sequence: Int, timestamp: Int, arrival: Int, flags: FrameFlags = []
    ) {
        buffer.receive(
            VoiceFrame(
                sequence: UInt16(truncatingIfNeeded: sequence),
                timestamp: UInt32(truncatingIfNeeded: timestamp), flags: flags,
                instant: Self.instant(arrival)),
            payload: packet.span.bytes)
    }

    /// Plays one block.
    mutating func play() -> Bool {
        let sounds = buffer.pull(into: output, count: block, at: Self.instant(time))
        if keepsSound {
            for index in 0..<block { sound.append(sounds ? output[index] : 0) }
        }
        time += block
        return sounds
    }

    /// Plays up to `end` while the flights, in the order of arrival, come in. A frame's packet is
    /// `packets[frame % count]`, its sequence and time stamp follow from its number.
    mutating func run(
        _ flights: [Flight], packets: [[UInt8]], samplesPerFrame: Int = 480, until end: Int,
        firstSequence: Int = 65_500, firstTimestamp: Int = 4_294_900_000,
        each: (inout JitterRun, Bool) -> Void = { _, _ in }
    ) {
        var next = 0
        while time < end {
            while next < flights.count, flights[next].arrival <= time {
                let flight = flights[next]
                receive(
                    packets[flight.frame % packets.count],
                    sequence: firstSequence + flight.frame,
                    timestamp: firstTimestamp + flight.frame * samplesPerFrame,
                    arrival: flight.arrival)
                next += 1
            }
            let sounds = play()
            each(&self, sounds)
        }
    }
}

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
