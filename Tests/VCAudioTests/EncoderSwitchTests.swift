import Testing
import VCAudio
import VCAudioTestKit
import VCCore

/// A talk that goes from frames of 10 ms to frames of 20 ms, or back, in the middle of a word, as
/// the capture thread does it: the encoder that takes over first hears what the other one did.
private struct SwitchedTalk {
    struct Packet {
        var bytes: [UInt8]
        var timestamp: Int
        var samples: Int
    }

    var packets: [Packet] = []
    var switchedAt = 0
    let length: Int

    init(from first: EncoderProfile, to second: EncoderProfile, seconds: Int) throws {
        length = seconds * 48_000
        try encode(first, until: length / 2, primes: false)
        switchedAt = packets.last.map { $0.timestamp + $0.samples } ?? 0
        try encode(second, until: length, primes: true)
    }

    private mutating func encode(
        _ profile: EncoderProfile, until end: Int, primes: Bool
    ) throws {
        var encoder = try OpusEncoder(profile)
        let count = profile.frame.sampleCount
        let samples = SampleBuffer(count: count)
        var position = packets.last.map { $0.timestamp + $0.samples } ?? 0
        func fill(from start: Int) {
            for index in 0..<count {
                samples[index] = VoiceSignal.sample(at: start + index, pauses: false)
            }
        }
        if primes {
            fill(from: position - count)
            try encoder.encode(samples)
        }
        while position < end {
            fill(from: position)
            try encoder.encode(samples)
            packets.append(
                Packet(bytes: encoder.packetBytes, timestamp: position, samples: count))
            position += count
        }
    }

    /// What a member hears; packets arrive when their last sample was said.
    func heard(
        loses isLost: (Packet) -> Bool = { _ in false }
    ) throws -> (sound: [Float], statistics: JitterStatistics) {
        var run = try JitterRun()
        run.keepsSound = true
        var next = 0
        while run.time < length + 24_000 {
            while next < packets.count,
                packets[next].timestamp + packets[next].samples <= run.time
            {
                let packet = packets[next]
                if !isLost(packet) {
                    run.receive(
                        packet.bytes, sequence: 65_300 + next,
                        timestamp: 4_294_900_000 + packet.timestamp,
                        arrival: packet.timestamp + packet.samples,
                        flags: next == packets.count - 1 ? .endOfTalkSpurt : [])
                }
                next += 1
            }
            _ = run.play()
        }
        return (run.sound, run.buffer.statistics)
    }
}

@Suite(.serialized) struct EncoderSwitchTests {
    private static let small = EncoderProfile()
    private static let large = EncoderProfile(
        application: .voice, frame: .twentyMilliseconds, bitrate: 24_000)

    /// The largest step between two samples, and how much of the sound is silence.
    private func roughness(_ sound: ArraySlice<Float>) -> Float {
        zip(sound, sound.dropFirst()).map { abs($0 - $1) }.max() ?? 0
    }

    @Test(
        "the encoder changes in the middle of a word without a click or a lost frame",
        arguments: [true, false])
    func withoutClick(grows: Bool) throws {
        let talk = try SwitchedTalk(
            from: grows ? Self.small : Self.large, to: grows ? Self.large : Self.small,
            seconds: 8)
        let (sound, statistics) = try talk.heard()
        #expect(statistics.lost == 0 && statistics.refused == 0)
        #expect(statistics.restarts <= 1, "the stream is the same one")
        // A longer frame comes 10 ms later than its first half would have: that is made up
        // once, in the steps of the speech coder, and then known.
        #expect(statistics.late <= 4, "\(statistics)")
        #expect(statistics.concealed <= 4, "\(statistics)")
        let place = talk.switchedAt
        let usual = roughness(sound[place / 2..<place - 4_800])
        let around = roughness(sound[place - 4_800..<place + 9_600])
        #expect(around < usual * 1.5, "\(around) where \(usual) is usual")
        // And it goes on: no hole of 10 ms anywhere behind the switch.
        var silent = 0
        var longest = 0
        for sample in sound[place..<place + 96_000] {
            silent = abs(sample) < 1e-5 ? silent + 1 : 0
            longest = max(longest, silent)
        }
        let pauses = (place..<place + 96_000).filter {
            VoiceSignal.sample(at: $0, pauses: false) == 0
        }
        #expect(longest < max(480, pauses.count), "\(longest)")
    }

    @Test("loss of the frames around the change is concealed as any other")
    func lossAtChange() throws {
        let talk = try SwitchedTalk(from: Self.small, to: Self.large, seconds: 6)
        let place = talk.switchedAt
        let (_, statistics) = try talk.heard { packet in
            packet.timestamp >= place - 480 && packet.timestamp < place + 960
        }
        #expect(statistics.lost == 2)
        #expect(statistics.concealed > 0 && statistics.concealed <= 10, "\(statistics)")
        #expect(statistics.restarts <= 1)
    }
}
