import Glibc

/// STOI, the short-time objective intelligibility of degraded speech (Taal, Hendriks, Heusdens,
/// Jensen 2011): how alike the envelopes of 15 third-octave bands are in stretches of 384 ms, 0 to
/// 1. Within 0.01 of pystoi 0.4.1, which resamples a little differently.
public enum Intelligibility {
    private static let length = 256
    private static let fftLength = 512
    private static let bands = 15
    private static let stretch = 30
    /// The frames softer than the loudest by more than this, in dB, are no speech.
    private static let range: Float = 40
    /// The signal-to-distortion ratio below which worse makes no difference: -15 dB.
    private static let clip = 1 + powf(10, 15.0 / 20)

    /// - Parameters:
    ///   - clean: the speech at 48 kHz.
    ///   - degraded: what became of it, aligned with it to the sample.
    public static func measure(clean: [Float], degraded: [Float]) -> Float {
        let (clean, degraded) = removeSilence(downsample(clean), downsample(degraded))
        let (first, second) = (spectrogram(clean), spectrogram(degraded))
        guard first.count >= stretch else { return 0 }
        var sum: Float = 0
        var count = 0
        for end in stretch...first.count {
            for band in 0..<bands {
                let x = (end - stretch..<end).map { first[$0][band] }
                let y = (end - stretch..<end).map { second[$0][band] }
                sum += correlation(x, y)
                count += 1
            }
        }
        return sum / Float(count)
    }

    private static func correlation(_ x: [Float], _ y: [Float]) -> Float {
        let scale = norm(x) / (norm(y) + 1e-12)
        let clipped = zip(x, y).map { min($1 * scale, $0 * clip) }
        let (a, b) = (centred(x), centred(clipped))
        return zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } / (norm(a) * norm(b) + 1e-12)
    }

    private static func norm(_ values: [Float]) -> Float {
        values.reduce(0) { $0 + $1 * $1 }.squareRoot()
    }

    private static func centred(_ values: [Float]) -> [Float] {
        let mean = values.reduce(0, +) / Float(values.count)
        return values.map { $0 - mean }
    }

    /// From 48 to 10 kHz: of each 24 samples 5.
    private static func downsample(_ sound: [Float]) -> [Float] {
        let silence = [Float](repeating: 0, count: kernelHalf)
        let padded = silence + sound + silence
        return (0..<sound.count * 5 / 24).map { index in
            let start = index * 24 / 5
            var sum: Float = 0
            padded.withUnsafeBufferPointer { padded in
                kernels[index % 5].withUnsafeBufferPointer { kernel in
                    var tap = 0
                    while tap < kernel.count {
                        sum += kernel[tap] * padded[start + tap]
                        tap += 1
                    }
                }
            }
            return sum
        }
    }

    private static let kernelHalf = 96

    /// The low-pass filter (4.8 kHz) at each of the five places between two old samples where a new
    /// one can lie.
    private static let kernels: [[Float]] = (0..<5).map { number in
        let cutoff = 4_800.0 / 24_000
        let part = Double(number * 24 % 5) / 5
        return (-kernelHalf...kernelHalf).map { tap in
            let x = Double(tap) - part
            let sinc = abs(x) < 1e-9 ? cutoff : sin(.pi * cutoff * x) / (.pi * x)
            return Float(sinc * (0.5 + 0.5 * cos(.pi * x / Double(kernelHalf + 1))))
        }
    }

    private static let window = (1...length).map {
        0.5 - 0.5 * cosf(2 * .pi * Float($0) / Float(length + 1))
    }

    private static func removeSilence(_ clean: [Float], _ other: [Float]) -> ([Float], [Float]) {
        let hop = length / 2
        let starts = Array(stride(from: 0, to: clean.count - length, by: hop))
        let energies = starts.map { start in
            20
                * log10f(
                    (0..<length).reduce(Float(1e-12)) {
                        let value = window[$1] * clean[start + $1]
                        return $0 + value * value
                    }.squareRoot())
        }
        let loudest = energies.max() ?? 0
        let kept = zip(starts, energies).filter { $1 > loudest - range }.map(\.0)
        func overlapAdded(_ sound: [Float]) -> [Float] {
            var result = [Float](repeating: 0, count: kept.count * hop + hop)
            for (number, start) in kept.enumerated() {
                for index in 0..<length {
                    result[number * hop + index] += window[index] * sound[start + index]
                }
            }
            return result
        }
        return (overlapAdded(clean), overlapAdded(other))
    }

    /// The magnitudes of the third-octave bands, from 150 Hz on, of each frame.
    private static func spectrogram(_ sound: [Float]) -> [[Float]] {
        let edges = (0..<bands).map { band in
            let centre = 150 * powf(2, Float(band) / 3)
            return (bin(centre * powf(2, -1 / 6)), bin(centre * powf(2, 1 / 6)))
        }
        return stride(from: 0, to: sound.count - length, by: length / 2).map { start in
            var real = [Float](repeating: 0, count: fftLength)
            var imaginary = real
            for index in 0..<length { real[index] = window[index] * sound[start + index] }
            transform(&real, &imaginary)
            return edges.map { low, high in
                (low..<high).reduce(Float(0)) {
                    $0 + real[$1] * real[$1] + imaginary[$1] * imaginary[$1]
                }.squareRoot()
            }
        }
    }

    private static func bin(_ hertz: Float) -> Int {
        Int((hertz * Float(fftLength) / 10_000).rounded())
    }

    /// The fast Fourier transform, radix 2, in place.
    private static func transform(_ real: inout [Float], _ imaginary: inout [Float]) {
        let count = real.count
        var target = 0
        for index in 1..<count {
            var bit = count >> 1
            while target & bit != 0 {
                target ^= bit
                bit >>= 1
            }
            target |= bit
            if index < target {
                real.swapAt(index, target)
                imaginary.swapAt(index, target)
            }
        }
        var size = 2
        while size <= count {
            for offset in 0..<size / 2 {
                let angle = -2 * Float.pi * Float(offset) / Float(size)
                let (cosine, sine) = (cosf(angle), sinf(angle))
                for start in stride(from: offset, to: count, by: size) {
                    let other = start + size / 2
                    let x = real[other] * cosine - imaginary[other] * sine
                    let y = real[other] * sine + imaginary[other] * cosine
                    (real[other], imaginary[other]) = (real[start] - x, imaginary[start] - y)
                    (real[start], imaginary[start]) = (real[start] + x, imaginary[start] + y)
                }
            }
            size *= 2
        }
    }
}
