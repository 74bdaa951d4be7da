internal import COpus
internal import VCCore

/// A libopus decoder: 48 kHz, mono. All memory is allocated by `init`.
@safe
public struct OpusDecoder: ~Copyable, @unchecked Sendable {
    /// The longest frame that is accepted, in samples (20 ms).
    public static let frameLimit = FrameDuration.twentyMilliseconds.sampleCount
    /// Concealment comes in steps of this many samples (2.5 ms, opus_decode in opus.h).
    public static let concealmentStep = FrameDuration.twoAndAHalfMilliseconds.sampleCount

    private let state: OpaquePointer
    /// Concealment that goes on has to come in multiples of this many samples. After a frame of the
    /// speech coder that is 10 ms: it makes up no less, and would leave out the rest.
    public private(set) var concealmentGrain = OpusDecoder.concealmentStep

    public init() throws(CodecError) {
        var error: Int32 = 0
        let created = unsafe opus_decoder_create(Int32(Limits.sampleRate), 1, &error)
        guard let created = unsafe created else { throw .unavailable(error) }
        unsafe state = created
    }

    deinit {
        unsafe opus_decoder_destroy(state)
    }

    /// How many samples `packet` decodes to, or nil when it is not an Opus packet or is longer
    /// than `frameLimit`. Looks at the first bytes only.
    @_semantics("no_performance_analysis")
    public static func sampleCount(of packet: RawSpan) -> Int? {
        guard packet.byteCount > 0, packet.byteCount <= VoiceFrame.payloadLimit else { return nil }
        let count = unsafe packet.withUnsafeBytes { bytes -> Int32 in
            guard let start = unsafe bytes.bindMemory(to: UInt8.self).baseAddress else { return 0 }
            return unsafe opus_packet_get_nb_samples(
                start, Int32(bytes.count), Int32(Limits.sampleRate))
        }
        guard count >= Int32(concealmentStep), count <= Int32(frameLimit) else { return nil }
        return Int(count)
    }

    /// Decodes `packet` to the start of `samples`, which has room for `frameLimit`; how many
    /// samples that gave. None is beyond full scale, whatever was encoded: nobody is so loud that
    /// turning down does not help.
    @_semantics("no_performance_analysis")
    public mutating func decode(
        _ packet: RawSpan, into samples: borrowing SampleBuffer
    ) throws(CodecError) -> Int {
        precondition(samples.count >= Self.frameLimit, "room for the longest frame")
        let result = unsafe packet.withUnsafeBytes { bytes in
            unsafe opus_decode_float(
                state, bytes.bindMemory(to: UInt8.self).baseAddress, Int32(bytes.count),
                samples.start, Int32(Self.frameLimit), 0)
        }
        guard result > 0 else { throw .refused(result) }
        let first = unsafe packet.unsafeLoad(as: UInt8.self)
        // RFC 6716 section 3.1: configurations 0 to 15 are SILK and hybrid.
        concealmentGrain =
            first >> 3 < 16 ? Limits.samplesPerFrame : OpusDecoder.concealmentStep
        samples.clip(at: 0, count: Int(result))
        return Int(result)
    }

    /// Makes up `count` samples (a multiple of `concealmentStep`, at most `frameLimit`) that
    /// continue what was decoded last: packet loss concealment.
    @_semantics("no_performance_analysis")
    public mutating func conceal(_ count: Int, into samples: borrowing SampleBuffer) {
        precondition(samples.count >= count && count <= Self.frameLimit, "room for the frame")
        let result = unsafe opus_decode_float(state, nil, 0, samples.start, Int32(count), 0)
        if result < Int32(count) {
            samples.clear(at: max(0, Int(result)), count: count - max(0, Int(result)))
        }
        samples.clip(at: 0, count: count)
    }

    /// Forgets everything that was decoded.
    @_semantics("no_performance_analysis")
    public mutating func reset() {
        concealmentGrain = OpusDecoder.concealmentStep
        unsafe _ = vc_opus_decoder_reset(state)
    }
}
