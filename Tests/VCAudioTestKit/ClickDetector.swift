/// Finds breaks in a sound that has none of its own: places at which it bends much more sharply
/// than it ever does undisturbed, and than it does just before and after.
///
/// The measure is the fourth difference, which is deaf to what a voice is made of below 2 kHz and
/// rises steeply with each jump, over the loudness of the 20 ms around.
public struct ClickDetector: Sendable {
    /// A fold over the sharpest bend of the undisturbed sound that counts as a click.
    static let fold: Float = 3
    /// A fold over the bends of the 5 ms around it: what is rough all along is a noise, as a codec
    /// makes it after a loss, and no click.
    static let isolation: Float = 3
    static let surroundings = 120
    static let width = 6
    /// Samples over which the loudness is taken.
    static let window = 960
    /// What is softer than this (-50 dBFS, mean square) is no voice.
    static let quiet: Float = 1e-5

    /// The sharpest bend of the undisturbed sound.
    public let usual: Float

    /// Learns from a sound without a break.
    public init(undisturbed: [Float]) {
        usual = Self.bends(of: undisturbed).map(\.sharpness).max() ?? 0
    }

    /// Where the clicks are, at most one in 5 ms, as sample numbers.
    public func clicks(in sound: [Float]) -> [Int] {
        Self.bends(of: sound).filter {
            $0.sharpness > Self.fold * usual && Self.isIsolated($0.place, in: sound)
        }.map(\.place)
    }

    /// The sharpest bend of `sound` over that of the undisturbed one.
    public func sharpest(in sound: [Float]) -> Float {
        (Self.bends(of: sound).map(\.sharpness).max() ?? 0) / max(usual, 1e-9)
    }

    /// The sharpest bend of each 5 ms in which there is voice.
    private static func bends(of sound: [Float]) -> [(place: Int, sharpness: Float)] {
        var result: [(place: Int, sharpness: Float)] = []
        var start = window
        while start + window < sound.count {
            defer { start += 240 }
            var energy: Float = 0
            for index in (start - window / 2)..<(start + window / 2) {
                energy += sound[index] * sound[index]
            }
            let meanSquare = energy / Float(window)
            guard meanSquare > quiet else { continue }
            var best: Float = 0
            var place = start
            for index in start..<(start + 240) {
                let bend = bend(of: sound, at: index)
                if bend > best {
                    best = bend
                    place = index
                }
            }
            result.append((place, best / meanSquare.squareRoot()))
        }
        return result
    }

    private static func isIsolated(_ place: Int, in sound: [Float]) -> Bool {
        let peak = bend(of: sound, at: place)
        for index in (place - surroundings)...(place + surroundings)
        where abs(index - place) > width && index >= 2 && index < sound.count - 2 {
            if bend(of: sound, at: index) * isolation > peak { return false }
        }
        return true
    }

    private static func bend(of sound: [Float], at index: Int) -> Float {
        abs(
            sound[index - 2] - 4 * sound[index - 1] + 6 * sound[index]
                - 4 * sound[index + 1] + sound[index + 2])
    }
}
