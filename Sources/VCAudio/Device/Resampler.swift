internal import CSpeexDSP

/// Changes the rate of mono sound (speexdsp). All memory is allocated by `init`.
@safe
struct Resampler: ~Copyable {
    /// Good enough for speech through anybody's ears (speex_resampler.h: 5 is "desktop"), at a
    /// fifth of the cost of the best.
    static let quality: Int32 = 5

    private let state: OpaquePointer
    private let input: Int
    private let output: Int

    /// From `input` to `output` samples a second; nil when there is no memory for it.
    init?(from input: Int, to output: Int) {
        var error: Int32 = 0
        let created = unsafe speex_resampler_init(
            1, UInt32(input), UInt32(output), Self.quality, &error)
        guard let created = unsafe created else { return nil }
        unsafe state = created
        self.input = input
        self.output = output
        unsafe speex_resampler_skip_zeros(state)
    }

    deinit {
        unsafe speex_resampler_destroy(state)
    }

    /// How many input samples lie between what goes in and what comes out.
    func latency() -> Int {
        unsafe Int(speex_resampler_get_input_latency(state))
    }

    /// How many input samples are needed for `count` more output samples, about.
    func inputCount(for count: Int) -> Int {
        (count * input + output - 1) / output
    }

    /// The most output samples that `count` input samples give.
    func outputLimit(for count: Int) -> Int {
        count * output / input + 2
    }

    /// Takes the first `count` samples of `source`; how many came out at the start of `target`.
    func process(
        _ source: borrowing SampleBuffer, count: Int, into target: borrowing SampleBuffer
    ) -> Int {
        source.check(0, count)
        var consumed = UInt32(count)
        var produced = UInt32(target.count)
        unsafe speex_resampler_process_float(
            state, 0, source.start, &consumed, target.start, &produced)
        return Int(produced)
    }
}
