import Foundation

/// The sound of a WAV file of 48 kHz, 16 bits and one channel.
func samples(of path: String) throws -> [Float] {
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    return stride(from: 44, to: bytes.count - 1, by: 2).map { index in
        let bits = UInt16(bytes[index]) | UInt16(bytes[index + 1]) << 8
        return Float(Int16(bitPattern: bits)) / 32_768
    }
}

/// Writes a file of one channel and 16 bits.
func writeTrack(_ samples: [Int16], rate: Int = 48_000, to path: String) throws {
    var file = Data("RIFF".utf8)
    func add(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { file.append(contentsOf: $0) }
    }
    let size = 2 * samples.count
    add(UInt32(36 + size))
    file.append(Data("WAVEfmt ".utf8))
    add(UInt32(16))
    add(UInt16(1))
    add(UInt16(1))
    add(UInt32(rate))
    add(UInt32(2 * rate))
    add(UInt16(2))
    add(UInt16(16))
    file.append(Data("data".utf8))
    add(UInt32(size))
    for sample in samples { add(sample) }
    try file.write(to: URL(fileURLWithPath: path))
}

/// How much of a tone is in a sound, in pieces of 50 ms: its phase moves where the jitter buffer
/// splices.
func share(of hertz: Float, in sound: some Collection<Float>) -> Float {
    let samples = Array(sound)
    let pieces = stride(from: 0, through: samples.count - 2_400, by: 2_400).map { start in
        var (real, imaginary): (Float, Float) = (0, 0)
        for index in 0..<2_400 {
            let angle = 2 * Float.pi * hertz * Float(index) / 48_000
            real += samples[start + index] * cosf(angle)
            imaginary += samples[start + index] * sinf(angle)
        }
        return 2 * (real * real + imaginary * imaginary).squareRoot() / 2_400
    }
    return pieces.reduce(0, +) / Float(max(1, pieces.count))
}
