import Testing
import VCAudio
import VCAudioTestKit
import VCCore

@Suite struct CodecTests {
    @Test(
        "every packet has the size of the bit rate, silence too", arguments: FrameDuration.allCases)
    func constantRate(frame: FrameDuration) throws {
        var encoder = try OpusEncoder(frame: frame)
        #expect(encoder.lookahead == 120)
        let samples = SampleBuffer(count: frame.sampleCount)
        var sizes: Set<Int> = []
        for number in 0..<400 {
            for index in 0..<frame.sampleCount {
                samples[index] =
                    number < 200 ? VoiceSignal.sample(at: number * frame.sampleCount + index) : 0
            }
            try encoder.encode(samples)
            sizes.insert(encoder.packetBytes.count)
        }
        #expect(sizes == [48_000 / 8 * frame.sampleCount / 48_000])
        let bytes = encoder.packetBytes
        let announced = OpusDecoder.sampleCount(of: bytes.span.bytes)
        #expect(announced == frame.sampleCount)
    }

    @Test(
        "every frame size goes through the jitter buffer whole", arguments: FrameDuration.allCases)
    func frameSizes(frame: FrameDuration) throws {
        let voice = try VoicePackets(count: 400, frame: frame, pauses: false)
        var run = try JitterRun()
        let length = frame.sampleCount
        let flights = (0..<2_000).map { Flight(frame: $0, arrival: ($0 + 1) * length) }
        run.run(flights, packets: voice.packets, samplesPerFrame: length, until: 2_000 * length)
        let statistics = run.buffer.statistics
        #expect(statistics.lost == 0 && statistics.late == 0)
        #expect(statistics.concealedSamples == 0)
        // One in a quiet moment, when the first estimate is in.
        #expect(statistics.splices <= 1)
        #expect(statistics.bufferMilliseconds < 11)
    }

    @Test("bytes that are no packet are refused, and never decoded beyond 20 ms")
    func refusals() throws {
        func count(_ packet: [UInt8]) -> Int? { OpusDecoder.sampleCount(of: packet.span.bytes) }
        #expect(count([]) == nil)
        // RFC 6716 section 3.1: configuration 3 is 60 ms.
        #expect(count([3 << 3, 0, 0]) == nil)
        // Configuration 31 is 20 ms; two frames of it are too long.
        #expect(count([31 << 3, 0]) == 960)
        #expect(count([31 << 3 | 1, 0, 0]) == nil)
        var random = SplitMix64(seed: 5)
        var decoder = try OpusDecoder()
        let output = SampleBuffer(count: OpusDecoder.frameLimit)
        for _ in 0..<20_000 {
            let packet = (0..<Int.random(in: 1...80, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            let announced = OpusDecoder.sampleCount(of: packet.span.bytes)
            let decoded = try? decoder.decode(packet.span.bytes, into: output)
            if let announced, let decoded { #expect(announced == decoded) }
        }
    }
}
