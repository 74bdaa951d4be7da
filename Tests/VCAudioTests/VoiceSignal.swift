import Glibc
import VCAudio
import VCCore

/// A voice-like signal that anyone can make again: harmonics of a gliding pitch, loud and soft in
/// syllables, with pauses; the same sample for the same position, always.
enum VoiceSignal {
    static func sample(at position: Int, pauses: Bool = true) -> Float {
        let time = Float(position % (48_000 * 60)) / 48_000
        let syllable = sinf(2 * .pi * 2.3 * time)
        var loudness = max(0, 0.15 + syllable)
        if pauses, position / 48_000 % 4 == 3 { loudness = 0 }
        if loudness == 0 { return 0 }
        // The phase is the integral of 130 Hz + 25 Hz sin(2 pi 0.7 t).
        let phase = 2 * Float.pi * 130 * time - 25 / 0.7 * cosf(2 * .pi * 0.7 * time)
        var sum: Float = 0
        for harmonic in 1...12 {
            sum += sinf(phase * Float(harmonic)) / Float(harmonic)
        }
        return 0.16 * loudness * sum
    }
}

/// Encodes the voice once and hands the packets out by number.
struct VoicePackets {
    let packets: [[UInt8]]

    init(count: Int, frame: FrameDuration = .tenMilliseconds, pauses: Bool = true) throws {
        var encoder = try OpusEncoder(frame: frame)
        let samples = SampleBuffer(count: frame.sampleCount)
        var packets: [[UInt8]] = []
        for number in 0..<count {
            for index in 0..<frame.sampleCount {
                samples[index] = VoiceSignal.sample(
                    at: number * frame.sampleCount + index, pauses: pauses)
            }
            try encoder.encode(samples)
            packets.append(encoder.packetBytes)
        }
        self.packets = packets
    }
}

extension OpusEncoder {
    /// A copy of the last packet.
    var packetBytes: [UInt8] {
        let span = packet
        return (0..<span.byteCount).map { span.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
    }
}
