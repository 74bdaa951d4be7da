public import VCAudio

/// A jitter buffer at work on a trace of delays: what is heard is really spliced, dropped and made
/// up, not only computed.
public struct TraceRun {
    /// The mean delay of what was played over the quickest packet of all, in milliseconds.
    public let delay: Double
    /// Packets of a hundred that came too late to be played, or only in part.
    public let latePercent: Double
    public let statistics: JitterStatistics
    /// Everything that was played.
    public let sound: [Float]

    /// Plays `packets` round and round with these delays (`DelayTrace`), `block` samples at a time.
    ///
    /// - Parameter keepsSound: whether `sound` is wanted; it takes 11 MB a minute.
    public init(
        delays: [Double], packets: [[UInt8]], block: Int, keepsSound: Bool = false
    ) throws {
        var run = try JitterRun(block: block)
        run.keepsSound = keepsSound
        let flights = delays.enumerated().map { number, delay in
            Flight(frame: number, arrival: number * 480 + 480 + Int((delay * 48).rounded(.up)))
        }
        var sum = 0
        var blocks = 0
        run.run(
            flights, packets: packets, until: delays.count * 480, firstTimestamp: 0
        ) { run, sounds in
            guard sounds, run.buffer.statistics.hasPlayed else { return }
            sum += run.buffer.statistics.playoutTransit
            blocks += 1
        }
        // The buffer's clock begins with the first packet, its time stamps 2^32 beyond.
        let first = flights[0].arrival
        let quickest = flights.map { $0.arrival - $0.frame * 480 }.min() ?? 0
        let offset = quickest - first - 0x1_0000_0000
        statistics = run.buffer.statistics
        // A sample leaves the buffer with its block: the first as late as it is heard, the last a
        // block earlier. What it waits in the block is the device's delay.
        delay = (Double(sum) / Double(max(1, blocks)) - Double(offset) - Double(block) / 2) / 48
        latePercent = 100 * Double(statistics.late) / Double(delays.count)
        sound = run.sound
    }
}
