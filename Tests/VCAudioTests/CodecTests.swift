import Glibc
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

    @Test("an encoder that reckons with losses recovers faster from one")
    func expectedLoss() throws {
        /// The error of what is heard in the 40 ms after each lost frame, beside what was encoded.
        func error(expecting percent: Int) throws -> Float {
            var encoder = try OpusEncoder(EncoderProfile(expectedLoss: percent))
            var whole = try OpusDecoder()
            var holed = try OpusDecoder()
            let samples = SampleBuffer(count: 480)
            let full = SampleBuffer(count: OpusDecoder.frameLimit)
            let broken = SampleBuffer(count: OpusDecoder.frameLimit)
            var error: Float = 0
            for number in 0..<2_000 {
                for index in 0..<480 {
                    samples[index] = VoiceSignal.sample(at: number * 480 + index, pauses: false)
                }
                try encoder.encode(samples)
                _ = try whole.decode(encoder.packet, into: full)
                if number % 20 == 19 {
                    holed.conceal(480, into: broken)
                } else {
                    _ = try holed.decode(encoder.packet, into: broken)
                }
                guard number > 20, number % 20 < 4 else { continue }
                for index in 0..<480 {
                    error += (full[index] - broken[index]) * (full[index] - broken[index])
                }
            }
            return error
        }
        let (usual, cautious) = (try error(expecting: 0), try error(expecting: 40))
        #expect(cautious < usual * 0.8, "\(cautious) beside \(usual)")
    }

    @Test("nothing comes out beyond full scale, however loud it was encoded, nor what follows it")
    func fullScale() throws {
        let voice = try VoicePackets(count: 20) { 1_000 * sinf(0.05 * Float($0)) }
        var decoder = try OpusDecoder()
        let samples = SampleBuffer(count: OpusDecoder.frameLimit)
        for packet in voice.packets {
            let count = try decoder.decode(packet.span.bytes, into: samples)
            #expect(samples.peak(at: 0, count: count) <= 1)
        }
        #expect(samples.peak(at: 0, count: 480) == 1)
        decoder.conceal(480, into: samples)
        #expect((0.1...1).contains(samples.peak(at: 0, count: 480)))
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
