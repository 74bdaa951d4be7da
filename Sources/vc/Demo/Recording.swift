/// What is in a WAV file of 16 bits and one channel at 48 kHz, as `file:` writes it.
struct Recording {
    /// Seconds in which there was more than silence.
    let soundSeconds: Double
    let seconds: Double

    private static let sampleRate = 48_000
    /// Judged in blocks of 10 ms.
    private static let block = 480
    /// The loudest sample of a silent block: -50 dB below full scale.
    private static let silence: Int16 = 103
    /// Longer than any demo: two minutes.
    private static let largestFile = 120 * 2 * sampleRate

    /// Nil when there is no such file, or it has no sound data.
    init?(path: String) {
        let bytes = contents(of: path, atMost: Recording.largestFile)
        guard let start = Recording.startOfData(bytes) else { return nil }
        let count = (bytes.count - start) / 2
        var loudBlocks = 0
        for first in stride(from: 0, to: count - Recording.block + 1, by: Recording.block) {
            let isLoud = (first..<first + Recording.block).contains { index in
                let place = start + 2 * index
                let bits = UInt16(bytes[place]) | UInt16(bytes[place + 1]) << 8
                return Int16(bitPattern: bits).magnitude > Recording.silence.magnitude
            }
            if isLoud { loudBlocks += 1 }
        }
        soundSeconds = Double(loudBlocks * Recording.block) / Double(Recording.sampleRate)
        seconds = Double(count) / Double(Recording.sampleRate)
    }

    /// Where the samples begin: behind the header of the chunk `data`.
    private static func startOfData(_ bytes: [UInt8]) -> Int? {
        guard bytes.starts(with: "RIFF".utf8) else { return nil }
        var place = 12
        while place + 8 <= bytes.count {
            if bytes[place...].starts(with: "data".utf8) { return place + 8 }
            let size = (0..<4).reduce(0) { $0 | Int(bytes[place + 4 + $1]) << (8 * $1) }
            place += 8 + size + size % 2
        }
        return nil
    }
}
