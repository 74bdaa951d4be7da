/// One of the servers of the demo.
final class DemoServer {
    let process: ChildProcess
    /// Where it listens, once it has said so.
    private(set) var address: String?
    private(set) var residentBytes: UInt64 = 0

    init(process: ChildProcess) {
        self.process = process
    }

    /// Takes a line of its output: the address in `vc-signal listening on UDP 127.0.0.1:4460,
    /// second port 3478`.
    func take(_ line: [UInt8]) {
        let words = String(decoding: line, as: UTF8.self).split { $0 == " " || $0 == "," }
        if let found = words.first(where: { $0.hasPrefix("127.0.0.1:") }) {
            address = address ?? String(found)
        }
    }

    /// Notes its memory while it still runs.
    func measure() { residentBytes = process.residentBytes ?? residentBytes }
}
