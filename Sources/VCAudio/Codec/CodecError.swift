/// Why libopus refused.
public enum CodecError: Error, Equatable {
    /// No encoder or decoder could be made; the code is libopus' own (opus_defines.h).
    case unavailable(Int32)
    /// The encoder or decoder refused a frame.
    case refused(Int32)
}
