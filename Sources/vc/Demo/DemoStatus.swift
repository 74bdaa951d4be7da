internal import CVCLinux
internal import Glibc
internal import VCNet

/// The one line that tells how far the demo is: rewritten on a terminal, printed once per step
/// elsewhere. It goes to standard error, so that the results are alone on standard output.
struct DemoStatus {
    private let stream = StandardStream.diagnostics
    private let rewrites: Bool
    private var isShown = false

    init() {
        let term = unsafe getenv("TERM").map { unsafe String(cString: $0) } ?? ""
        rewrites = stream.isTerminal && term != "dumb" && !term.isEmpty
    }

    /// The demo does something else now.
    mutating func begin(_ step: String) {
        if rewrites { rewrite(step) } else { stream.write(line: "demo: \(step)") }
    }

    /// The same step, with newer numbers: only where the line can be rewritten.
    mutating func update(_ step: String) {
        if rewrites { rewrite(step) }
    }

    /// Leaves the terminal as it was.
    mutating func end() {
        if rewrites, isShown { stream.write("\r\u{1B}[K") }
        isShown = false
    }

    private mutating func rewrite(_ text: String) {
        // One column stays free: some terminals go to the next line when the last is written.
        var (rows, width): (Int32, Int32) = (0, 0)
        let result = unsafe vc_terminal_size(stream.descriptor, &rows, &width)
        let columns = result == 0 && width > 1 ? Int(width) : 80
        stream.write("\r" + String("demo: \(text)".prefix(columns - 1)) + "\u{1B}[K")
        isShown = true
    }
}
