internal import VCCore

/// One line of `vc doctor`: what was looked at, how it is, and what to do.
struct DoctorLine: Equatable {
    enum State: String {
        /// As it should be.
        case ok
        /// A call is possible, but not as good, or not with everybody.
        case warning
        /// No call is possible.
        case problem
    }

    /// What was looked at, as programs read it.
    enum Check: String {
        case microphone, loudspeaker, echo, processing
        case ipv4, ipv6
        case server, nat
        case portMapping = "port-mapping"
        case room, relay, discovery, firewall
    }

    let check: Check
    let state: State
    /// What was found, without a full stop.
    let message: String
    /// What to do about it.
    var advice: String?
    /// A round trip, where one was measured.
    var roundTrip: Duration?

    init(
        _ check: Check, _ state: State, _ message: String, advice: String? = nil,
        roundTrip: Duration? = nil
    ) {
        self.check = check
        self.state = state
        self.message = message
        self.advice = advice
        self.roundTrip = roundTrip
    }

    /// For people.
    var text: String {
        let word = state.rawValue + String(repeating: " ", count: 9 - state.rawValue.count)
        return word + message + (advice.map { "; \($0)" } ?? "")
    }

    /// For programs.
    func json(seconds: Double) -> String {
        var object = JSONObject()
        object.add("event", "check")
        object.add("t", seconds, decimals: 3)
        object.add("check", check.rawValue)
        object.add("state", state.rawValue)
        object.add("message", message)
        if let advice { object.add("advice", advice) }
        if let roundTrip { object.add("rtt_ms", roundTrip.inMilliseconds, decimals: 1) }
        return object.closed
    }
}
