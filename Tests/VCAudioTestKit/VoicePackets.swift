public import VCAudio

/// A voice that was encoded once, handed out by number.
public struct VoicePackets: Sendable {
    public let packets: [[UInt8]]

    /// - Parameters:
    ///   - warmUp: frames that are encoded before the first one. With as many as the voice's
    ///     period has, the packets can be played round and round without a seam.
    ///   - voice: the sample at a position.
    public init(
        count: Int, frame: FrameDuration = .tenMilliseconds, warmUp: Int = 0,
        voice: (Int) -> Float
    ) throws {
        var encoder = try OpusEncoder(frame: frame)
        let samples = SampleBuffer(count: frame.sampleCount)
        var packets: [[UInt8]] = []
        for number in -warmUp..<count {
            for index in 0..<frame.sampleCount {
                samples[index] = voice((number + warmUp) * frame.sampleCount + index)
            }
            try encoder.encode(samples)
            if number >= 0 { packets.append(encoder.packetBytes) }
        }
        self.packets = packets
    }

    public init(count: Int, frame: FrameDuration = .tenMilliseconds, pauses: Bool = true) throws {
        try self.init(count: count, frame: frame) { VoiceSignal.sample(at: $0, pauses: pauses) }
    }

    /// What a decoder makes of them, one after the other.
    public func decoded() throws -> [Float] {
        var decoder = try OpusDecoder()
        let samples = SampleBuffer(count: OpusDecoder.frameLimit)
        var sound: [Float] = []
        for packet in packets {
            let count = try decoder.decode(packet.span.bytes, into: samples)
            for index in 0..<count { sound.append(samples[index]) }
        }
        return sound
    }
}

extension OpusEncoder {
    /// A copy of the last packet.
    public var packetBytes: [UInt8] {
        let span = packet
        return (0..<span.byteCount).map { span.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
    }
}
