internal import VCCore

/// How long the buffers of a microphone and of a loudspeaker are, as a person may choose it. A
/// device grants whole periods, or what comes near.
public struct DeviceBuffers: Sendable, Equatable {
    /// Milliseconds of a microphone's. Less than one frame of 20 ms and each would be cut; what was
    /// held back for more than 200 is too old to be heard.
    public static let captureRange = 20...200
    /// Milliseconds of a loudspeaker's: from two periods to what `JitterBuffer` waits at most. What
    /// is played must be remembered for as long as it is on its way (`LoudspeakerRing`).
    public static let playbackRange = 10...200
    /// Of a microphone's: 43 ms. It costs no delay, only patience with a busy machine.
    private static let usualCapturePeriods = 8

    /// Periods of the buffer of a microphone.
    let capturePeriods: Int
    /// Periods of the buffer of a loudspeaker, to begin with and at least.
    let fewestPlaybackPeriods: Int

    /// - Parameters:
    ///   - capture: milliseconds, held within `captureRange`; nil: 43.
    ///   - playback: milliseconds, held within `playbackRange`; nil: as short as the machine
    ///     allows (`BufferLength`), from 11 on.
    public init(capture: Int? = nil, playback: Int? = nil) {
        capturePeriods =
            capture.map { Self.periods($0, Self.captureRange) } ?? Self.usualCapturePeriods
        fewestPlaybackPeriods =
            playback.map { Self.periods($0, Self.playbackRange) } ?? BufferLength.fewestPeriods
    }

    /// As many as come nearest.
    private static func periods(_ milliseconds: Int, _ range: ClosedRange<Int>) -> Int {
        let held = max(range.lowerBound, min(range.upperBound, milliseconds))
        let samples = held * Limits.sampleRate / 1_000
        return max(
            BufferLength.fewestPeriods, (samples + ALSAStream.period / 2) / ALSAStream.period)
    }
}
