/// How the paths to the others are kept open, and when one that fell silent is given up, as a
/// person may choose it. Only this member's side of it: what the others send stays theirs.
public struct KeepaliveSettings: Sendable, Equatable {
    /// Milliseconds between two packets. More than 200 and the others would take us for silent
    /// (`SilenceWatch`); less than 50 and they cost more than a voice.
    public static let intervals = 50...200
    /// Keepalives of a member that are missing in a row when its path is given up. With one the
    /// call would move whenever a single packet is lost; ten are 2 s, less than half of what makes
    /// a member lost (`Peer.lostAfter`).
    public static let missesRange = 2...10

    /// A packet goes out at least this often.
    public let interval: Duration
    /// So many of a member's missing in a row, and its path is given up.
    public let misses: Int

    /// - Parameters:
    ///   - milliseconds: held within `intervals`.
    ///   - misses: held within `missesRange`.
    public init(milliseconds: Int? = nil, misses: Int? = nil) {
        interval =
            milliseconds.map { .milliseconds(Self.held($0, Self.intervals)) }
            ?? Peer.keepaliveInterval
        self.misses = misses.map { Self.held($0, Self.missesRange) } ?? SilenceWatch.usualMisses
    }

    /// By so much a packet may be early, when something else is to be done.
    var slack: Duration { interval / 5 }

    private static func held(_ value: Int, _ range: ClosedRange<Int>) -> Int {
        max(range.lowerBound, min(range.upperBound, value))
    }
}
