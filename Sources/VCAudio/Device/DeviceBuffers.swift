internal import VCCore

/// How long the buffers of a microphone and of a loudspeaker are, as a person may choose it. A
/// device grants whole periods, or what comes near.
public struct DeviceBuffers: Sendable, Equatable {
    /// Milliseconds of a microphone's. Less than one frame of 20 ms and each would be cut; what was
    /// held back for more than 200 is too old to be heard.
    public static let captureRange = 20...200
    /// Milliseconds of a loudspeaker's: from two periods of 5.3 ms to what `JitterBuffer` waits at
    /// most. What is played must be remembered for as long as it is on its way (`LoudspeakerRing`).
    public static let playbackRange = 10...200
    /// Milliseconds of a microphone's. It costs no delay, only patience with a busy machine.
    private static let usualCapture = 40

    /// Samples of a period of a microphone at 48 kHz: a frame, so that none waits for the end of a
    /// period that it ends in. Frames of 20 ms are those of large rooms, which come and go.
    let capturePeriod: Int
    let capturePeriods: Int
    /// Samples of a period of a loudspeaker at 48 kHz: PipeWire rounds anything else down to a
    /// power of two.
    let playbackPeriod: Int
    /// Steps of `BufferLength` of a loudspeaker's buffer, to begin with and at least.
    let fewestPlaybackSteps: Int

    /// - Parameters:
    ///   - capture: milliseconds, held within `captureRange`; nil: 40.
    ///   - playback: milliseconds, held within `playbackRange`; nil: two periods, 11 ms, or 5 where
    ///     frames are of 2.5.
    ///   - frame: what is sent at once.
    public init(
        capture: Int? = nil, playback: Int? = nil, frame: FrameDuration = .tenMilliseconds
    ) {
        capturePeriod = min(frame.sampleCount, FrameDuration.tenMilliseconds.sampleCount)
        capturePeriods = Self.count(
            capture ?? Self.usualCapture, of: capturePeriod, within: Self.captureRange)
        let isShort = frame.sampleCount < BufferLength.step / 2
        playbackPeriod = isShort ? BufferLength.step / 2 : BufferLength.step
        fewestPlaybackSteps =
            playback.map { Self.count($0, of: BufferLength.step, within: Self.playbackRange) }
            ?? (isShort ? 1 : 2)
    }

    /// Periods of a loudspeaker's buffer of so many steps.
    func playbackPeriods(steps: Int) -> Int { steps * BufferLength.step / playbackPeriod }

    /// As many as come nearest.
    private static func count(
        _ milliseconds: Int, of length: Int, within range: ClosedRange<Int>
    ) -> Int {
        let held = max(range.lowerBound, min(range.upperBound, milliseconds))
        return (held * Limits.sampleRate / 1_000 + length / 2) / length
    }
}
