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
    /// Milliseconds of a microphone's. It costs no delay, only patience with a busy machine.
    private static let usualCapture = 40

    /// Samples of a period of a loudspeaker: PipeWire rounds anything else down to a power of two.
    static let usualPeriod = 256
    /// Where frames are shorter than that.
    private static let shortPeriod = 128

    /// Samples of a period of a microphone: a frame, so that none waits for more than its end. The
    /// frames of 20 ms are those of large rooms, which come and go.
    let capturePeriod: Int
    let capturePeriods: Int
    /// Samples of a period of a loudspeaker.
    let playbackPeriod: Int
    /// Periods of the buffer of a loudspeaker, to begin with and at least.
    let fewestPlaybackPeriods: Int
    /// What it grows to by itself: 43 ms.
    var mostPlaybackPeriods: Int { BufferLength.usualMost * Self.usualPeriod / playbackPeriod }

    /// - Parameters:
    ///   - capture: milliseconds, held within `captureRange`; nil: 40.
    ///   - playback: milliseconds, held within `playbackRange`; nil: as short as the machine
    ///     allows (`BufferLength`), from 11 on, or from 5 where frames are of 2.5 ms.
    ///   - frame: what is sent at once.
    public init(
        capture: Int? = nil, playback: Int? = nil, frame: FrameDuration = .tenMilliseconds
    ) {
        capturePeriod = min(frame.sampleCount, FrameDuration.tenMilliseconds.sampleCount)
        capturePeriods = Self.periods(
            capture ?? Self.usualCapture, of: capturePeriod, within: Self.captureRange)
        let period =
            frame.sampleCount < Self.shortPeriod ? Self.shortPeriod : Self.usualPeriod
        playbackPeriod = period
        fewestPlaybackPeriods =
            playback.map { Self.periods($0, of: period, within: Self.playbackRange) }
            ?? BufferLength.fewestPeriods
    }

    /// As many as come nearest.
    private static func periods(
        _ milliseconds: Int, of period: Int, within range: ClosedRange<Int>
    ) -> Int {
        let held = max(range.lowerBound, min(range.upperBound, milliseconds))
        let samples = held * Limits.sampleRate / 1_000
        return max(BufferLength.fewestPeriods, (samples + period / 2) / period)
    }
}
