import Glibc

/// A voice-like signal that anyone can make again: harmonics of a gliding pitch, loud and soft in
/// syllables, with pauses; the same sample for the same position, always.
public enum VoiceSignal {
    /// 60 s: whole turns of the pitch, of its glide and of the syllables.
    public static let period = 2_880_000

    public static func sample(at position: Int, pauses: Bool = true) -> Float {
        let time = Float(position % period) / 48_000
        let syllable = sinf(2 * .pi * 2.3 * time)
        var loudness = max(0, 0.15 + syllable)
        if pauses, position / 48_000 % 4 == 3 { loudness = 0 }
        if loudness == 0 { return 0 }
        // The phase is the integral of 130 Hz + 25 Hz sin(2 pi 0.7 t).
        let phase = 2 * Float.pi * 130 * time - 25 / 0.7 * cosf(2 * .pi * 0.7 * time)
        return 0.16 * loudness * Self.vowel(phase)
    }

    /// A vowel without an end, soft and loud, which can be heard for ever: every
    /// `vowelPeriod` samples it begins again, without a seam.
    public static func vowel(at position: Int) -> Float {
        let time = Float(position % vowelPeriod) / 48_000
        let loudness = 0.6 + 0.35 * sinf(2 * .pi * 2.3 * time)
        let phase = 2 * Float.pi * 130 * time - 25 / 0.7 * cosf(2 * .pi * 0.7 * time)
        return 0.16 * loudness * vowel(phase)
    }

    /// 10 s: whole turns of the pitch, of its glide and of the loudness.
    public static let vowelPeriod = 480_000

    private static func vowel(_ phase: Float) -> Float {
        var sum: Float = 0
        for harmonic in 1...12 {
            sum += sinf(phase * Float(harmonic)) / Float(harmonic)
        }
        return sum
    }
}
