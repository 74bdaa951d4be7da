/// Holds the microphone back where the loudspeaker's sound would else be known too late: a
/// canceller needs it some time before its echo, and what is played can be known no earlier than it
/// is mixed. Costs delay, so only as much as is missing, and nothing with most sound servers. It
/// never falls while the devices are the same: each change makes the canceller begin anew.
public struct NearDelay: ~Copyable {
    /// 15 ms: no more is ever needed; what asks for more are broken time stamps.
    public static var longest: Int { 720 }
    /// What is missing must be missing for so many frames: 100 ms.
    private static var patience: Int { 10 }
    /// In samples: less than that is the stamps' jitter.
    private static var tolerance: Int { 48 }
    private static var frame: Int { ProcessingOptions.frameSamples }

    /// How many samples the microphone is held back now.
    public private(set) var samples = 0
    private var missingFor = 0
    private var leastMissing = 0
    private var previous = 0
    /// The newest samples, in order: `longest` of before, then the frame.
    private let memory = SampleBuffer(count: NearDelay.longest + NearDelay.frame)

    public init() {}

    /// Notes by how many samples the canceller is told too late.
    public mutating func note(missing: Int) {
        guard missing > samples + Self.tolerance else {
            missingFor = 0
            return
        }
        leastMissing = missingFor == 0 ? missing : min(leastMissing, missing)
        missingFor += 1
        guard missingFor >= Self.patience else { return }
        missingFor = 0
        samples = min(Self.longest, leastMissing)
    }

    /// There is another device, for which nothing is known to be missing.
    public mutating func startOver() {
        samples = 0
        missingFor = 0
    }

    /// Delays the frame at `offset`. A new delay fades in.
    public mutating func process(_ sound: borrowing SampleBuffer, at offset: Int) {
        let count = Self.frame
        memory.copy(from: memory, at: count, to: 0, count: Self.longest)
        memory.copy(from: sound, at: offset, to: Self.longest, count: count)
        guard samples > 0 || previous > 0 else { return }
        let start = Self.longest - samples
        guard previous != samples else {
            sound.copy(from: memory, at: start, to: offset, count: count)
            return
        }
        let before = Self.longest - previous
        previous = samples
        var index = 0
        while index < count {
            let share = Float(index) / Float(count)
            sound[offset + index] =
                memory[before + index] * (1 - share) + memory[start + index] * share
            index += 1
        }
    }
}
