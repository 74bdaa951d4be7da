/// How much sound one coded frame carries (RFC 6716 section 2.1.4, those that suit a call).
public enum FrameDuration: Int, Sendable, CaseIterable {
    case twoAndAHalfMilliseconds = 120
    case fiveMilliseconds = 240
    case tenMilliseconds = 480
    case twentyMilliseconds = 960

    /// Samples of a frame, at 48 kHz.
    public var sampleCount: Int { rawValue }
}
