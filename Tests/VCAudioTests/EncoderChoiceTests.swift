import Testing
import VCAudio
import VCAudioTestKit
import VCCore

@Suite struct EncoderChoiceTests {
    private func at(_ seconds: Int) -> Instant {
        Instant(nanoseconds: UInt64(1_000 + seconds) * 1_000_000_000)
    }

    @Test("up to four hear each other with low delay; larger rooms cost fewer bits and packets")
    func sizes() {
        var choice = EncoderChoice()
        let small = EncoderProfile(
            application: .lowDelay, frame: .tenMilliseconds, bitrate: 48_000)
        let middle = EncoderProfile(
            application: .voice, frame: .twentyMilliseconds, bitrate: 32_000)
        let large = EncoderProfile(
            application: .voice, frame: .twentyMilliseconds, bitrate: 24_000)
        let walk = [
            (1, small), (2, small), (4, small), (5, middle), (8, middle), (9, large), (16, large),
        ]
        var last = choice.profile
        for (second, (members, profile)) in walk.enumerated() {
            let isNew = choice.note(members: members, now: at(second))
            #expect(choice.profile == profile, "\(members) members")
            #expect(isNew == (profile != last))
            last = profile
        }
    }

    @Test("a room that swings between four and five does not switch each time")
    func hysteresis() {
        var choice = EncoderChoice()
        var switches = 0
        for second in 0..<600 {
            let members = second / 20 % 2 == 0 ? 5 : 4
            if choice.note(members: members, now: at(second)) { switches += 1 }
        }
        #expect(switches == 1)
        #expect(choice.profile.application == .voice)
        // Half a minute with four: back to low delay, once.
        for second in 600..<700 where choice.note(members: 4, now: at(second)) { switches += 1 }
        #expect(switches == 2)
        #expect(choice.profile == EncoderProfile())
    }

    @Test("what the person asked for is kept in rooms of every size")
    func given() {
        var frame = EncoderChoice(frame: .fiveMilliseconds)
        _ = frame.note(members: 16, now: at(0))
        #expect(frame.profile.frame == .fiveMilliseconds)
        #expect(frame.profile.application == .lowDelay, "there is no other coder below 10 ms")
        var bitrate = EncoderChoice(bitrate: 64_000)
        _ = bitrate.note(members: 16, now: at(0))
        #expect(bitrate.profile.bitrate == 64_000)
        let shortest = EncoderChoice(frame: .twoAndAHalfMilliseconds, bitrate: 40_000)
        #expect(shortest.profile.bitrate == 40_000)
        var both = EncoderChoice(frame: .tenMilliseconds, bitrate: 40_000)
        _ = both.note(members: 16, now: at(0))
        #expect(both.profile.frame == .tenMilliseconds && both.profile.bitrate == 40_000)
    }

    @Test("the shortest frames carry a voice as well as the usual ones do")
    func shortestFrames() throws {
        /// The energy of a voice over that of what encoder and decoder make it differ by.
        func fidelity(_ profile: EncoderProfile) throws -> Float {
            var encoder = try OpusEncoder(profile)
            var decoder = try OpusDecoder()
            let length = profile.frame.sampleCount
            let samples = SampleBuffer(count: length)
            let decoded = SampleBuffer(count: OpusDecoder.frameLimit)
            var said: [Float] = []
            var heard: [Float] = []
            for number in 0..<(96_000 / length) {
                for index in 0..<length {
                    samples[index] = VoiceSignal.sample(at: number * length + index)
                    said.append(samples[index])
                }
                try encoder.encode(samples)
                let count = try decoder.decode(encoder.packetBytes.span.bytes, into: decoded)
                for index in 0..<count { heard.append(decoded[index]) }
            }
            var (voice, difference) = (Float(0), Float(0))
            for index in 48_000..<(said.count - encoder.lookahead) {
                let off = said[index] - heard[index + encoder.lookahead]
                voice += said[index] * said[index]
                difference += off * off
            }
            return voice / difference
        }
        let short = try fidelity(EncoderChoice(frame: .twoAndAHalfMilliseconds).profile)
        let usual = try fidelity(EncoderChoice().profile)
        #expect(short > usual / 2, "\(short) against \(usual)")
        let starved = EncoderProfile(frame: .twoAndAHalfMilliseconds)
        #expect(try fidelity(starved) < usual / 2, "the usual bits are too few for them")
    }

    @Test("packets have one size in every profile, so that they do not tell what is said")
    func constantRate() throws {
        var choice = EncoderChoice()
        for members in [2, 5, 16] {
            _ = choice.note(members: members, now: at(members))
            var encoder = try OpusEncoder(choice.profile)
            let length = choice.profile.frame.sampleCount
            let samples = SampleBuffer(count: length)
            var sizes: Set<Int> = []
            for number in 0..<200 {
                for index in 0..<length {
                    samples[index] =
                        number < 100 ? VoiceSignal.sample(at: number * length + index) : 0
                }
                try encoder.encode(samples)
                sizes.insert(encoder.packetBytes.count)
            }
            #expect(sizes == [choice.profile.bitrate / 8 * length / 48_000])
        }
    }

    @Test("the effort that was chosen stays, in rooms of every size")
    func complexity() {
        var choice = EncoderChoice(complexity: 9)
        #expect(choice.profile.complexity == 9)
        _ = choice.note(members: 16, now: .zero)
        #expect(choice.profile.complexity == 9)
        #expect(EncoderChoice().profile.complexity == OpusEncoder.usualComplexity)
    }
}
