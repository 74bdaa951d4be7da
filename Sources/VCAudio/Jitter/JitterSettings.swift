/// What a person may choose of the jitter buffers.
public struct JitterSettings: Sendable, Equatable {
    /// The delay that is aimed at lies within these limits, whatever the network needs, in samples.
    public var delay: ClosedRange<Int>
    /// Whether the noise of a talker's room is made up for a while where its packets fail.
    public var makesComfortNoise: Bool

    /// - Parameter delay: is held within 2.5 to 200 ms, which buffers are made for.
    public init(delay: ClosedRange<Int>? = nil, makesComfortNoise: Bool = true) {
        let all = JitterBuffer.shortestTarget...JitterBuffer.longestTarget
        self.delay = delay?.clamped(to: all) ?? all
        self.makesComfortNoise = makesComfortNoise
    }
}
