/// Judges the selected route by the voice that the peer says it lost: a route may answer every
/// probe and still lose what it should carry.
struct LossWatch {
    /// More loss than this on a route, and a better one is worth the move.
    static let bearable = 0.10
    /// A loss is believed after so long, and so many frames.
    static let span = Duration.seconds(2)
    static let frames: UInt64 = 100
    /// Reports this soon after a move still tell of the old route.
    static let settling = Duration.milliseconds(700)
    /// The other route is no better if it loses this part of what the left one lost.
    static let noBetter = 0.7
    /// After a move that was no use, losses are borne for this long.
    static let patience = Duration.seconds(120)

    enum Verdict: Equatable {
        case bearable
        /// Leave the selected route.
        case leave
        /// The move was no use: back to the route that was left.
        case goBack(Route)
    }

    private var base: (received: UInt32, lost: UInt32, time: Instant)?
    private var movedAt = Instant.zero
    private var departure: (route: Route, loss: Double)?
    private var lastLoss = 0.0
    private var bearsUntil = Instant.zero

    mutating func moved(now: Instant) {
        movedAt = now
        base = nil
    }

    /// The route was left for its losses.
    mutating func left(_ route: Route) { departure = (route, lastLoss) }

    mutating func report(received: UInt32, lost: UInt32, hasOther: Bool, now: Instant) -> Verdict {
        guard now >= movedAt + LossWatch.settling else { return .bearable }
        guard let start = base, received >= start.received, lost >= start.lost else {
            base = (received, lost, now)
            return .bearable
        }
        // Whatever the peer says it counted: the sum of two counts is wider than each.
        let got = UInt64(received - start.received)
        let missing = UInt64(lost - start.lost)
        guard now >= start.time + LossWatch.span, got + missing >= LossWatch.frames else {
            return .bearable
        }
        base = (received, lost, now)
        lastLoss = Double(missing) / Double(got + missing)
        guard lastLoss > LossWatch.bearable else {
            departure = nil
            return .bearable
        }
        if let left = departure {
            departure = nil
            if lastLoss >= left.loss * LossWatch.noBetter {
                bearsUntil = now + LossWatch.patience
                return .goBack(left.route)
            }
        }
        return hasOther && now >= bearsUntil ? .leave : .bearable
    }
}
