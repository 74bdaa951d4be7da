/// An encoder at a place of its own, on its way to the capture thread.
final class EncoderBox: @unchecked Sendable {
    var encoder: OpusEncoder

    init(_ profile: EncoderProfile) throws(CodecError) {
        encoder = try OpusEncoder(profile)
    }
}
