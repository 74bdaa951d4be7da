/// Where a packet belongs on the sender's time line: 16-bit sequences and 32-bit time stamps made
/// endless, and packets that fit nowhere held back until they prove to be a new beginning.
///
/// All times are in samples (48 kHz).
struct StreamTimeline {
    /// Packets in a row that agree with each other and not with the stream begin another one.
    static let packetsOfRestart = 3
    /// How far the transit time may move at once: one second.
    static let transitStep = 48_000
    /// How much more it may move per sample of silence: 1,000 ppm, ten times what two sound cards
    /// that work differ by.
    static let driftDivisor = 1_000
    /// How far packets of a new beginning may lie from each other in transit: 100 ms.
    static let restartSpread = 4_800
    /// A sequence may be ahead without proof by this much.
    static let sequenceSlack = 8
    /// The shortest frame, 2.5 ms.
    static let shortestFrame = 120

    enum Placement {
        /// It belongs to the stream.
        case placed(sequence: Int, timestamp: Int)
        /// It is the first packet of a stream, or of another one.
        case restarted(sequence: Int, timestamp: Int)
        /// It fits nowhere and is to be dropped.
        case refused
    }

    private var isStarted = false
    private var sequence = 0
    private var timestamp = 0
    private var arrival = 0
    private var transit = 0

    private var suspectCount = 0
    private var suspectSequence: UInt16 = 0
    private var suspectTimestamp: UInt32 = 0
    private var suspectArrival = 0

    /// - Parameter isCopy: whether it came behind a later frame, so that it proves nothing: what
    ///   goes backwards between the others would keep them from agreeing.
    mutating func place(
        sequence wireSequence: UInt16, timestamp wireTimestamp: UInt32, arrival: Int,
        isCopy: Bool
    ) -> Placement {
        guard isStarted else { return restart(wireSequence, wireTimestamp, arrival) }
        let sequenceStep = Int(Int16(truncatingIfNeeded: Int(wireSequence) &- sequence))
        let timestampStep = Int(Int32(truncatingIfNeeded: Int(wireTimestamp) &- timestamp))
        let newTransit = arrival &- (timestamp &+ timestampStep)
        let allowed = Self.transitStep + max(0, arrival - self.arrival) / Self.driftDivisor
        // Sequences cannot run faster than the shortest frames.
        let furthest = Self.sequenceSlack + max(0, timestampStep) / Self.shortestFrame
        let fits =
            abs(newTransit - transit) <= allowed && sequenceStep <= furthest
            && sequenceStep > -FrameStore.capacity
        guard fits else {
            return isCopy ? .refused : suspect(wireSequence, wireTimestamp, arrival)
        }
        suspectCount = 0
        let place = Placement.placed(
            sequence: sequence &+ sequenceStep, timestamp: timestamp &+ timestampStep)
        if sequenceStep > 0 {
            sequence &+= sequenceStep
            timestamp &+= timestampStep
            transit = newTransit
            self.arrival = arrival
        }
        return place
    }

    mutating func reset() {
        isStarted = false
        suspectCount = 0
    }

    private mutating func suspect(
        _ wireSequence: UInt16, _ wireTimestamp: UInt32, _ arrival: Int
    ) -> Placement {
        let step = wireSequence &- suspectSequence
        let stampStep = Int(Int32(bitPattern: wireTimestamp &- suspectTimestamp))
        let spread = abs((arrival - suspectArrival) - stampStep)
        let agrees =
            suspectCount > 0 && step > 0 && step <= UInt16(Self.sequenceSlack) && stampStep > 0
            && spread <= Self.restartSpread
        suspectCount = agrees ? suspectCount + 1 : 1
        suspectSequence = wireSequence
        suspectTimestamp = wireTimestamp
        suspectArrival = arrival
        guard suspectCount >= Self.packetsOfRestart else { return .refused }
        return restart(wireSequence, wireTimestamp, arrival)
    }

    private mutating func restart(
        _ wireSequence: UInt16, _ wireTimestamp: UInt32, _ arrival: Int
    ) -> Placement {
        isStarted = true
        suspectCount = 0
        // Far from zero, so that older packets have numbers too.
        sequence = Int(wireSequence) + 0x1_0000
        timestamp = Int(wireTimestamp) + 0x1_0000_0000
        self.arrival = arrival
        transit = arrival &- timestamp
        return .restarted(sequence: sequence, timestamp: timestamp)
    }
}
