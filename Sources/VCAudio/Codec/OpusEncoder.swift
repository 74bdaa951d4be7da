internal import COpus
internal import VCCore

/// A libopus encoder: 48 kHz, mono, set up as an `EncoderProfile` says.
///
/// All memory is allocated by `init`; `encode` allocates nothing.
@safe
public struct OpusEncoder: ~Copyable, @unchecked Sendable {
    /// libopus' effort, 0...10, unless another one is asked for. At 48 kbit/s 5 lies 0.04 to 0.3
    /// PESQ-WB below 8, which costs a third more of the encoder's time (0.1 % of a core).
    public static let usualComplexity = 5
    /// Bits a second of a small room.
    public static let bitrate = 48_000

    private let state: OpaquePointer
    private let bytes: UnsafeMutablePointer<UInt8>
    private var length = 0
    /// The duration of every frame.
    public let frame: FrameDuration
    /// How much later the decoder's output is than the encoder's input, in samples.
    public let lookahead: Int

    /// An encoder for a small room.
    public init(
        frame: FrameDuration = .tenMilliseconds, bitrate: Int = OpusEncoder.bitrate,
        complexity: Int = OpusEncoder.usualComplexity
    ) throws(CodecError) {
        try self.init(EncoderProfile(frame: frame, bitrate: bitrate, complexity: complexity))
    }

    public init(_ profile: EncoderProfile) throws(CodecError) {
        var error: Int32 = 0
        let created = unsafe opus_encoder_create(
            Int32(Limits.sampleRate), 1, profile.application.code, &error)
        guard let created = unsafe created else { throw .unavailable(error) }
        var lookahead: Int32 = 0
        let results = unsafe [
            vc_opus_encoder_set_bitrate(created, Int32(clamping: profile.bitrate)),
            vc_opus_encoder_set_vbr(created, 0),
            vc_opus_encoder_set_complexity(created, Int32(clamping: profile.complexity)),
            vc_opus_encoder_set_expected_loss(created, Int32(clamping: profile.expectedLoss)),
            vc_opus_encoder_get_lookahead(created, &lookahead),
        ]
        if let failure = results.first(where: { $0 != OPUS_OK }) {
            unsafe opus_encoder_destroy(created)
            throw .unavailable(failure)
        }
        unsafe state = created
        unsafe bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: VoiceFrame.payloadLimit)
        frame = profile.frame
        self.lookahead = Int(lookahead)
    }

    deinit {
        unsafe opus_encoder_destroy(state)
        unsafe bytes.deallocate()
    }

    /// Encodes one frame, the first `frame.sampleCount` samples. Its bytes are in `packet` until
    /// the next call.
    @_semantics("no_performance_analysis")
    public mutating func encode(_ samples: borrowing SampleBuffer) throws(CodecError) {
        precondition(samples.count >= frame.sampleCount, "a whole frame")
        let result = unsafe opus_encode_float(
            state, samples.start, Int32(frame.sampleCount), bytes, Int32(VoiceFrame.payloadLimit))
        length = max(0, Int(result))
        if result < 0 { throw .refused(result) }
    }

    /// The bytes of the frame that was encoded last.
    public var packet: RawSpan {
        @_lifetime(borrow self)
        get {
            let span = unsafe UnsafeRawBufferPointer(start: bytes, count: length).bytes
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }
}

extension EncoderProfile.Application {
    fileprivate var code: Int32 {
        switch self {
        case .lowDelay: OPUS_APPLICATION_RESTRICTED_LOWDELAY
        case .voice: OPUS_APPLICATION_VOIP
        }
    }
}
