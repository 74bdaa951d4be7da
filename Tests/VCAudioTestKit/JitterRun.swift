public import VCAudio
public import VCCore

/// A packet on its way: which frame it carries and when it arrives, in samples of the receiver.
public struct Flight: Sendable {
    public var frame: Int
    public var arrival: Int

    public init(frame: Int, arrival: Int) {
        self.frame = frame
        self.arrival = arrival
    }
}

/// A sender, a network and a receiver in virtual time.
public struct JitterRun: ~Copyable {
    public var buffer: JitterBuffer
    public let block: Int
    public let output = SampleBuffer(count: JitterBuffer.blockLimit)
    /// The receiver's time in samples.
    public var time = 0
    /// Everything that was played, when asked for.
    public var sound: [Float] = []
    public var keepsSound = false

    public init(block: Int = 256, settings: JitterSettings = JitterSettings()) throws {
        buffer = try JitterBuffer(settings)
        self.block = block
    }

    public static func instant(_ samples: Int) -> Instant {
        // A start that is not zero, as a real clock has.
        Instant(nanoseconds: 5_000_000_000 + UInt64(samples) * 125_000 / 6)
    }

    public mutating func receive(
        _ packet: [UInt8], sequence: Int, timestamp: Int, arrival: Int, flags: FrameFlags = []
    ) {
        buffer.receive(
            VoiceFrame(
                sequence: UInt16(truncatingIfNeeded: sequence),
                timestamp: UInt32(truncatingIfNeeded: timestamp), flags: flags,
                instant: Self.instant(arrival)),
            payload: packet.span.bytes)
    }

    /// Plays one block.
    public mutating func play() -> Bool {
        let sounds = buffer.pull(into: output, count: block, at: Self.instant(time))
        if keepsSound {
            for index in 0..<block { sound.append(sounds ? output[index] : 0) }
        }
        time += block
        return sounds
    }

    /// Plays up to `end` while the flights, in the order of arrival, come in. A frame's packet is
    /// `packets[frame % count]`, its sequence and time stamp follow from its number.
    public mutating func run(
        _ flights: [Flight], packets: [[UInt8]], samplesPerFrame: Int = 480, until end: Int,
        firstSequence: Int = 65_500, firstTimestamp: Int = 4_294_900_000,
        each: (inout JitterRun, Bool) -> Void = { _, _ in }
    ) {
        var next = 0
        while time < end {
            while next < flights.count, flights[next].arrival <= time {
                let flight = flights[next]
                receive(
                    packets[flight.frame % packets.count],
                    sequence: firstSequence + flight.frame,
                    timestamp: firstTimestamp + flight.frame * samplesPerFrame,
                    arrival: flight.arrival)
                next += 1
            }
            let sounds = play()
            each(&self, sounds)
        }
    }
}
