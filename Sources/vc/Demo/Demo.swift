internal import VCCore
internal import VCNet

/// `vc demo`: both servers and three members as processes of their own, a real call between them
/// over UDP on this machine, one of them through the relay, and a table of what was measured.
enum Demo {
    /// The status is 0 only when everybody heard everybody and every message arrived.
    static func run(json: Bool, directory: String?) -> ExitStatus {
        do throws(CallFailure) {
            let signals = try Call.system { () throws(SystemError) in try TerminationSignals() }
            let files = try DemoFiles(directory: directory)
            guard let report = try DemoCall(files: files, signals: signals).run() else {
                return .interrupted
            }
            show(report, json: json)
            return report.problems.isEmpty ? .success : .unavailable
        } catch {
            StandardStream.diagnostics.write(line: "vc: \(error.message)")
            return error.status
        }
    }

    private static func show(_ report: DemoReport, json: Bool) {
        guard !json else {
            StandardStream.output.write(line: report.json)
            return
        }
        for line in report.lines { StandardStream.output.write(line: line) }
        for problem in report.problems {
            StandardStream.diagnostics.write(line: "vc: \(problem)")
        }
    }
}
