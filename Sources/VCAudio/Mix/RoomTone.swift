/// Two short notes that tell that somebody came (upwards) or went (downwards). Soft, so that nobody
/// loses a word to them, and made as they are played: no table, no file.
struct RoomTone {
    enum Kind: UInt8 {
        case arrival = 1
        case departure = 2
    }

    /// A fifth: C5 and G5.
    private static var lower: Float { @_noLocks @_noAllocation get { 523.25 } }
    private static var upper: Float { @_noLocks @_noAllocation get { 783.99 } }
    /// Of each note: 90 ms.
    static var noteLength: Int { @_noLocks @_noAllocation get { 4_320 } }
    /// -26 dBFS, as loud as calm speech.
    static var amplitude: Float { @_noLocks @_noAllocation get { 0.05 } }

    private var kind = Kind.arrival
    private var position = 2 * RoomTone.noteLength
    // A sine by rotation: two multiplications and an addition for each sample.
    private var coefficient: Float = 0
    private var last: Float = 0
    private var beforeLast: Float = 0

    @_noLocks @_noAllocation
    init() {}

    var isPlaying: Bool {
        @_noLocks @_noAllocation get { position < 2 * Self.noteLength }
    }

    /// Begins, in place of one that still plays.
    @_noLocks @_noAllocation
    mutating func start(_ kind: Kind) {
        self.kind = kind
        position = 0
    }

    /// Writes the next `count` samples over `samples`.
    @_noLocks @_noAllocation
    mutating func play(into samples: borrowing SampleBuffer, count: Int) {
        var index = 0
        while index < count {
            let place = position % Self.noteLength
            if place == 0 { beginNote() }
            samples[index] = isPlaying ? next() * envelope(place) : 0
            if isPlaying { position += 1 }
            index += 1
        }
    }

    @_noLocks @_noAllocation
    private mutating func beginNote() {
        let isFirst = position < Self.noteLength
        let isLow = isFirst == (kind == .arrival)
        let angle = 2 * Float.pi * (isLow ? Self.lower : Self.upper) / 48_000
        coefficient = 2 * Self.cosine(angle)
        last = 0
        beforeLast = -Self.amplitude * Self.sine(angle)
    }

    /// x(n) = 2 cos(w) x(n-1) - x(n-2), begun so that it is sin(w n).
    @_noLocks @_noAllocation
    private mutating func next() -> Float {
        let value = last
        (last, beforeLast) = (coefficient * last - beforeLast, last)
        return value
    }

    /// Rises within 5 ms, falls to nothing at the end, without an edge.
    @_noLocks @_noAllocation
    private func envelope(_ place: Int) -> Float {
        let rise = min(1, Float(place) / 240)
        let fall = Float(Self.noteLength - place) / Float(Self.noteLength)
        return rise * fall * fall
    }

    // The series of both, good to 1e-6 for the angles of audible notes (below 0.2).

    @_noLocks @_noAllocation
    private static func sine(_ angle: Float) -> Float {
        let square = angle * angle
        return angle * (1 - square / 6 * (1 - square / 20))
    }

    @_noLocks @_noAllocation
    private static func cosine(_ angle: Float) -> Float {
        let square = angle * angle
        return 1 - square / 2 * (1 - square / 12 * (1 - square / 30))
    }
}
