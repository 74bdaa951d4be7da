internal import VCCore

/// All that was found, and what follows from it.
struct DoctorReport {
    private(set) var lines: [DoctorLine] = []

    /// Notes a finding; returns its lines, to be shown at once.
    mutating func add(_ finding: Finding) -> [DoctorLine] {
        let new = finding.lines
        lines += new
        return new
    }

    var isCallPossible: Bool { !lines.contains { $0.state == .problem } }

    /// The last line, for people.
    var verdict: String {
        let problems = lines.count { $0.state == .problem }
        let warnings = lines.count { $0.state == .warning }
        guard problems == 0 else {
            return "no call is possible before "
                + (problems == 1 ? "the problem is" : "the \(problems) problems are") + " solved"
        }
        switch warnings {
        case 0: return "a call is possible"
        case 1: return "a call is possible; one warning stands above"
        default: return "a call is possible; \(warnings) warnings stand above"
        }
    }

    /// The last line, for programs.
    func verdictJSON(seconds: Double) -> String {
        var object = JSONObject()
        object.add("event", "verdict")
        object.add("t", seconds, decimals: 3)
        object.add("possible", isCallPossible)
        object.add("problems", lines.count { $0.state == .problem })
        object.add("warnings", lines.count { $0.state == .warning })
        return object.closed
    }
}
