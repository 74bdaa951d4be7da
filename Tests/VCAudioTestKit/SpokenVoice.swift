import Glibc

/// Speech made by espeak-ng (Debian: espeak-ng), at 48 kHz and -26 dBFS.
public enum SpokenVoice {
    /// The mean square of -26 dBFS, as loud as speech is measured at (ITU-T P.56).
    static let loudness: Float = 0.002_512

    /// espeak-ng is missing, or says something else than sound.
    public struct Failure: Error {}

    /// What `voice` (of espeak-ng) makes of `text`, over and over for `seconds`.
    public static func say(_ text: String, voice: String, seconds: Int) throws -> [Float] {
        let spoken = try upsample(speak(text, voice: voice))
        guard !spoken.isEmpty else { throw Failure() }
        var meanSquare: Float = 0
        for sample in spoken { meanSquare += sample * sample / Float(spoken.count) }
        let gain = (loudness / meanSquare).squareRoot()
        return (0..<seconds * 48_000).map { spoken[$0 % spoken.count] * gain }
    }

    /// 22,050 samples a second.
    private static func speak(_ text: String, voice: String) throws -> [Float] {
        guard let pipe = popen("espeak-ng -v \(voice) --stdout '\(text)'", "r") else {
            throw Failure()
        }
        defer { pclose(pipe) }
        var bytes = [UInt8](repeating: 0, count: 4_000_000)
        let count = fread(&bytes, 1, bytes.count, pipe)
        let header = 44
        guard count > header, bytes.starts(with: "RIFF".utf8) else { throw Failure() }
        return stride(from: header, to: count - 1, by: 2).map {
            Float(Int16(bitPattern: UInt16(bytes[$0]) | UInt16(bytes[$0 + 1]) << 8)) / 32_768
        }
    }

    /// From 22,050 to 48,000 samples a second, by a sinc of 16 samples.
    private static func upsample(_ input: [Float]) -> [Float] {
        let step = 22_050.0 / 48_000
        let phases = 320
        let table = (0..<phases).map { phase in
            (0..<16).map { tap in
                windowedSinc(Double(tap) - 7 - Double(phase) / Double(phases))
            }
        }
        return (0..<Int(Double(input.count) / step)).map { index in
            // 147 input samples are 320 of the output.
            let place = index * 147
            let (whole, phase) = (place / 320, place % 320)
            var sum: Float = 0
            for tap in 0..<16 {
                let source = whole + tap - 7
                if input.indices.contains(source) { sum += input[source] * table[phase][tap] }
            }
            return sum
        }
    }

    private static func windowedSinc(_ x: Double) -> Float {
        guard abs(x) < 8 else { return 0 }
        guard abs(x) > 1e-9 else { return 1 }
        return Float(sin(.pi * x) / (.pi * x) * (0.5 + 0.5 * cos(.pi * x / 8)))
    }
}
