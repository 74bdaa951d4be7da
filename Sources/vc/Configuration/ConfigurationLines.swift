internal import CINIH

/// Reads a configuration file with inih. The lines are handed to it one by one, with their numbers
/// counted here: the library as Debian has it tells none. It never sees a secret.
final class ConfigurationLines {
    struct Line {
        /// From 1 on.
        let number: Int
        let section: String
        let name: String
        let value: String
    }

    /// What stands in the place of a secret.
    private static let hidden = "hidden"

    private let contents: ConfigurationBytes
    private let ranges: [Range<Int>]
    private var next = 0
    private var lines: [Line] = []
    private(set) var problems: [(line: Int, sentence: String)] = []

    init(_ contents: ConfigurationBytes) {
        self.contents = contents
        ranges = contents.lines
    }

    /// All that is set, in the order of the file. `problems` tells what was left out.
    func read() -> [Line] {
        let this = unsafe Unmanaged.passUnretained(self).toOpaque()
        let failed = unsafe ini_parse_stream(
            { bytes, capacity, this in
                guard let bytes = unsafe bytes, let this = unsafe this else { return nil }
                let reader = unsafe Unmanaged<ConfigurationLines>.fromOpaque(this)
                    .takeUnretainedValue()
                let isRead = unsafe reader.copyLine(
                    to: UnsafeMutableBufferPointer(start: bytes, count: Int(capacity)))
                return unsafe isRead ? bytes : nil
            }, this,
            { this, section, name, value in
                guard let this = unsafe this else { return 0 }
                let reader = unsafe Unmanaged<ConfigurationLines>.fromOpaque(this)
                    .takeUnretainedValue()
                unsafe reader.lines.append(
                    Line(
                        number: reader.next, section: string(section), name: string(name),
                        value: string(value)))
                return 1
            }, this)
        if failed > 0 {
            problems.append(
                (Int(failed), "this is neither `name = value` nor a [section] nor a comment"))
        }
        problems.sort { $0.line < $1.line }
        return lines
    }

    /// The next line as the library wants it; false behind the last one. Blanks in front are left
    /// out: to the library they mean that the line belongs to the one before.
    private func copyLine(to target: UnsafeMutableBufferPointer<CChar>) -> Bool {
        guard next < ranges.count, target.count > 3 else { return false }
        let line = contents.trimmed(ranges[next])
        next += 1
        var count = 0
        func write(_ bytes: some Sequence<UInt8>) {
            for byte in bytes {
                unsafe target[count] = CChar(bitPattern: byte)
                count += 1
            }
        }
        // A line end, and the end of the string.
        if let found = contents.secret(in: line) {
            write("\(found.secret.rawValue) = \(Self.hidden)".utf8)
        } else if line.count > target.count - 2 {
            problems.append((next, "a line has at most \(target.count - 2) bytes"))
        } else if !contents.isText(line) {
            problems.append((next, "this is no text in UTF-8"))
        } else {
            write(line.lazy.map { self.contents[$0] })
        }
        write([UInt8(ascii: "\n"), 0])
        return true
    }
}

private func string(_ text: UnsafePointer<CChar>?) -> String {
    unsafe text.map { unsafe String(cString: $0) } ?? ""
}
